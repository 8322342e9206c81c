"""Lists: every row once, in one order, however the rows lie; and nothing slips in through the address."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.admin.cursors import Cursor
from flask_accrue.admin.operators import Operator
from flask_accrue.admin.queries import Rows
from flask_accrue.admin.resources import CUSTOMERS
from flask_accrue.clock import real_now
from flask_accrue.ids import new_id
from tests.visitors import HostAuth, Visitor

if TYPE_CHECKING:
    import uuid

    from flask import Flask

    from flask_accrue.testing import Kit

ADMIN = "/billing/admin"
LIST = f"{ADMIN}/customers"
NOON = datetime.datetime(2026, 3, 14, 12, 0, 0, 123456, tzinfo=datetime.UTC)
EVERYBODY = Operator(user=None, id="1", name="1")


def add_customers(kit: Kit, count: int, **values: Any) -> list[uuid.UUID]:
    """Put customers into the table: seven share each time, and every tenth has none."""
    now, ids = real_now(), [new_id() for _ in range(count)]
    rows = [
        {
            "id": id,
            "created_at": now,
            "updated_at": now,
            "processor": "fake",
            "processor_id": f"cus_{id.hex}",
            "created": None if n % 10 == 9 else NOON - datetime.timedelta(seconds=n // 7),
            "lock_version": 1,
            "metadata": {},
            "raw": {},
            "data": {},
            "owner_type": "Organization",
            "owner_id": str(1000 + n),
            "generation": 1,
            "balance": 0,
            "name": f"Customer {n}",
        }
        | values
        for n, id in enumerate(ids)
    ]
    session = kit.state.db.session
    session.execute(sa.insert(models.Customer.__table__), rows)  # type: ignore[arg-type]
    session.commit()
    return ids


def walk(size: int, *, backwards_from: Any = None) -> list[Any]:
    """Go through all pages from the first one on, or backwards from a row."""
    rows = Rows(CUSTOMERS, EVERYBODY)
    cursor = None if backwards_from is None else Cursor(rows.position(backwards_from), True)
    found: list[Any] = []
    while True:
        assert len(found) <= 5000, "the walk goes in circles"
        page = rows.page(cursor, size)
        if backwards_from is None:
            found += page.rows
            if not page.older:
                return found
            cursor = Cursor(rows.position(page.rows[-1]))
        else:
            if not page.newer:
                return page.rows[: page.rows.index(found[0])] + found if found else page.rows
            found = page.rows + found
            cursor = Cursor(rows.position(page.rows[0]), True)


def test_5000_rows_with_equal_and_missing_times_come_once_each_in_one_order(kit: Kit) -> None:
    ids = add_customers(kit, 5000)
    found = walk(97)
    assert len(found) == 5000
    assert {row.id for row in found} == set(ids)
    dated = [row for row in found if row.created is not None]
    assert found[: len(dated)] == dated, "rows without a time come last"
    order = [(row.created, row.id) for row in dated]
    assert order == sorted(order, reverse=True)
    undated = [row.id for row in found[len(dated) :]]
    assert len(undated) == 500
    assert undated == sorted(undated, reverse=True)
    # Other sizes, and the way back, give the same order.
    assert [row.id for row in walk(100)] == [row.id for row in found]
    assert [row.id for row in walk(83, backwards_from=found[-1])] == [row.id for row in found[:-1]]


def test_rows_that_come_and_go_meanwhile_neither_hide_nor_repeat_others(kit: Kit) -> None:
    ids = add_customers(kit, 300)
    rows, cursor, found = Rows(CUSTOMERS, EVERYBODY), None, []
    customers = models.Customer
    for step in range(20):
        page = rows.page(cursor, 40)
        found += [row.id for row in page.rows]
        if not page.older:
            break
        cursor = Cursor(rows.position(page.rows[-1]))
        # The row that the cursor names goes, and a newer one comes.
        kit.state.db.session.execute(sa.delete(customers).where(customers.id == found[-1]))
        later = NOON + datetime.timedelta(hours=1)
        add_customers(kit, 1, created=later, name=f"New {step}", owner_id=f"new-{step}")
    assert found == list(dict.fromkeys(found))
    assert set(found) == set(ids)


def test_a_visitor_pages_forth_and_back_by_links(kit: Kit, operator: Visitor) -> None:
    add_customers(kit, 120)
    seen, path = [], LIST
    for _ in range(3):
        page = operator.get(path).text
        seen.append(_names(page))
        path = _link(page, "next") or path
    assert [len(names) for names in seen] == [50, 50, 20]
    assert len(set().union(*seen)) == 120
    assert _link(page, "next") is None
    back = operator.get(_link(page, "prev") or "").text
    assert _names(back) == seen[1]
    first = operator.get(_link(back, "prev") or "").text
    assert _names(first) == seen[0]
    assert _link(first, "prev") is None


@pytest.mark.only("sqlite")
def test_a_page_whose_rows_are_gone_leads_back(kit: Kit, operator: Visitor) -> None:
    add_customers(kit, 60)
    following = _link(operator.get(LIST).text, "next") or ""
    kit.state.db.session.execute(sa.delete(models.Customer))
    kit.state.db.session.commit()
    page = operator.get(following)
    assert page.status_code == 200
    assert _link(page.text, "prev") == LIST


def test_counting_stops_at_ten_thousand(kit: Kit, operator: Visitor) -> None:
    add_customers(kit, 10_000)
    assert "50 of 10,000<" in operator.get(LIST).text
    add_customers(kit, 2)
    assert "50 of 10,000+<" in operator.get(LIST).text
    assert "10,000+" in operator.get(ADMIN).text


@pytest.mark.only("sqlite")
def test_a_page_has_50_rows_and_at_most_100(kit: Kit, operator: Visitor) -> None:
    add_customers(kit, 130)
    assert len(_names(operator.get(LIST).text)) == 50
    assert len(_names(operator.get(f"{LIST}?size=100").text)) == 100
    page = operator.get(f"{LIST}?size=30").text
    assert len(_names(operator.get(_link(page, "next") or "").text)) == 30
    for size in ("101", "0", "-1", "5e1", "٣", "1" * 400, "x"):
        assert operator.get(f"{LIST}?size={size}").status_code == 400


# -- cursors ---------------------------------------------------------------------------------------


@pytest.mark.only("sqlite")
def test_a_cursor_is_only_good_for_its_list_its_filters_and_its_scope(
    app: Flask, auth: HostAuth, kit: Kit, operator: Visitor
) -> None:
    add_customers(kit, 120)
    cursor = re.search(r"cursor=([\w.-]+)", _link(operator.get(LIST).text, "next") or "")
    assert cursor is not None
    text = cursor.group(1)
    assert operator.get(f"{LIST}?cursor={text}").status_code == 200
    assert Visitor(app, "operator-2").get(f"{LIST}?cursor={text}").status_code == 200
    refused = [
        f"{LIST}?cursor={text}&q=Customer",
        f"{LIST}?cursor={text}&state=living",
        f"{ADMIN}/subscriptions?cursor={text}",
        f"{ADMIN}/events?cursor={text}",
        f"{LIST}?cursor={text[:-9]}{'A' if text[-9] != 'A' else 'B'}{text[-8:]}",
        f"{LIST}?cursor=A{text}",
        f"{LIST}?cursor={text.rpartition('.')[0]}",
        f"{LIST}?cursor=%00",
        f"{LIST}?cursor={'9' * 3000}",
        f"{LIST}?cursor=' OR 1=1 --",
    ]
    for path in refused:
        answer = operator.get(path)
        assert answer.status_code == 400, path
        assert "Begin at its first page" in answer.text
    auth.scopes["operator-3"] = [("Organization", "1001")]
    assert Visitor(app, "operator-3").get(f"{LIST}?cursor={text}").status_code == 400


@pytest.mark.only("sqlite")
def test_a_cursor_survives_the_rotation_of_the_secret_key(
    app: Flask, kit: Kit, operator: Visitor
) -> None:
    add_customers(kit, 120)
    following = _link(operator.get(LIST).text, "next") or ""
    app.config.update(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[app.config["SECRET_KEY"]])
    assert Visitor(app, "operator-1").get(following).status_code == 200
    app.config["SECRET_KEY_FALLBACKS"] = []
    assert Visitor(app, "operator-1").get(following).status_code == 400


# -- filters and search ------------------------------------------------------------------------------


def test_a_search_takes_every_character_as_itself(kit: Kit, operator: Visitor) -> None:
    texts = [
        "100% Wool",
        "a_b",
        "a'b; DROP TABLE x --",
        'quote"s',
        "back\\slash",
        "Ökonomie",
        "{{7*7}}",
    ]
    for n, text in enumerate(texts):
        add_customers(kit, 1, name=text, owner_id=f"odd-{n}")
    add_customers(kit, 1, name="axb", owner_id="plain")
    for text in texts:
        page = operator.get(LIST, query_string={"q": text})
        assert _names(page.text) == {text}
    for text in ("%", "_", "1%", "a_", "\\", "' OR '1'='1", "*"):
        found = _names(operator.get(LIST, query_string={"q": text}).text)
        assert found == {name for name in texts if name.startswith(text)}


def test_a_search_knows_no_case_in_names_and_finds_owners_and_ids(
    kit: Kit, operator: Visitor
) -> None:
    [id] = add_customers(kit, 1, name="Saltmarsh", email="Mara@Salt.example", owner_id="aB-7")
    add_customers(kit, 3)
    for text in ("saltM", "mara@", "aB-", f"cus_{id.hex}"):
        assert _names(operator.get(LIST, query_string={"q": text}).text) == {"Saltmarsh"}
    assert "Nothing matches" in operator.get(f"{LIST}?q=marsh").text


@pytest.mark.parametrize(
    "query",
    [
        "state=anything",
        "state=living'--",
        "processor=paypal",
        "from=yesterday",
        "from=2026-02-30",
        "until=9999-12-31",
        "from=0001-01-01",
        "q=%00",
        "q=" + "x" * 256,
    ],
)
@pytest.mark.only("sqlite")
def test_a_filter_that_can_not_be_is_refused_not_ignored(operator: Visitor, query: str) -> None:
    for more in ("", "&export=csv"):
        assert operator.get(f"{LIST}?{query}{more}").status_code == 400


def test_dates_bound_a_list_by_whole_days(kit: Kit, operator: Visitor) -> None:
    for day in (13, 14, 15):
        created = NOON.replace(day=day, hour=23, minute=59, second=59)
        add_customers(kit, 1, name=f"On {day}", owner_id=f"day-{day}", created=created)
    found = operator.get(f"{LIST}?from=2026-03-14&until=2026-03-14").text
    assert _names(found) == {"On 14"}
    assert _names(operator.get(f"{LIST}?from=2026-03-14").text) == {"On 14", "On 15"}


@pytest.mark.only("sqlite")
def test_a_form_shows_the_filters_that_are_set_and_how_to_clear_them(operator: Visitor) -> None:
    page = operator.get(LIST, query_string={"q": '"><script>x</script>', "state": "deleted"}).text
    assert "<script>" not in page
    assert 'value="&#34;&gt;&lt;script&gt;x&lt;/script&gt;"' in page
    assert re.search(r'<option value="deleted"\s+selected>', page)
    assert ">Clear</a>" in page
    assert ">Clear</a>" not in operator.get(LIST).text


@pytest.mark.only("sqlite")
def test_arguments_of_the_address_do_not_become_arguments_of_links(
    kit: Kit, operator: Visitor
) -> None:
    add_customers(kit, 60)
    query = (
        "_external=1&_scheme=javascript&_anchor=x&resource=webhooks&endpoint=log_in&_method=POST"
    )
    for path in (f"{LIST}?{query}", f"{ADMIN}/webhooks?{query}&select=page"):
        page = operator.get(path)
        assert page.status_code == 200
        assert "javascript:" not in page.text
        assert "//localhost" not in page.text


def _names(page: str) -> set[str]:
    from html import unescape

    return {unescape(name) for name in re.findall(r'/customers/[0-9a-f-]{36}">([^<]*)</a>', page)}


def _link(page: str, rel: str) -> str | None:
    from html import unescape

    found = re.search(rf'href="([^"]*)"\s+rel="{rel}"', page)
    return unescape(found.group(1)) if found else None
