"""Exports: all that the list shows, streamed, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue.admin.exports import safe_text
from flask_accrue.money import Money
from tests.admin.test_lists import add_customers
from tests.visitors import HostAuth, Visitor

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

LIST = "/billing/admin/customers"


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        '=HYPERLINK("https://evil.example","x")',
        " =1",
        "\t=1",
        "\r=1",
        "\n=1",
        "\xa0=1",
        "\uff1d1",
        "\uff0b1",
    ],
)
def test_no_text_becomes_a_formula(text: str) -> None:
    assert safe_text(text) == f"'{text}"


def test_harmless_text_and_numbers_stay_as_they_are() -> None:
    for value in ("Acme", "a=b", "1-2", "", "'quoted"):
        assert safe_text(value) == value
    assert safe_text(-5) == -5


@pytest.mark.only("sqlite")
def test_what_customers_type_is_harmless_in_their_rows(kit: Kit, operator: Visitor) -> None:
    add_customers(kit, 1, name="=cmd|' /C calc'!A0", email='+x,"y"\n@evil', owner_id="-1")
    answer = operator.get(f"{LIST}?export=csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="customers-')
    header, row = read(answer.text)
    assert header[:2] == ["Customer", "Owner"]
    assert row[0] == "'=cmd|' /C calc'!A0"
    assert all(not cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_an_export_has_every_row_that_the_filters_let_through(kit: Kit, operator: Visitor) -> None:
    ids = add_customers(kit, 1234)
    rows = read(operator.get(f"{LIST}?export=csv").text)
    assert len(rows) == 1235
    assert {row[-1] for row in rows[1:]} == {f"cus_{id.hex}" for id in ids}
    rows = read(operator.get(f"{LIST}?export=csv&q=Customer 12").text)
    assert {row[0] for row in rows[1:]} == {
        f"Customer {n}" for n in (12, *range(120, 130), *range(1200, 1234))
    }


@pytest.mark.only("sqlite")
def test_an_export_is_read_in_batches(kit: Kit, operator: Visitor) -> None:
    add_customers(kit, 1600)
    read_at_once = []

    def note(*arguments: object) -> None:
        if "accrue_customers" in str(arguments[2]):
            read_at_once.append(arguments[3])

    engine = kit.state.db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    assert len(operator.get(f"{LIST}?export=csv").text.splitlines()) == 1601
    sa.event.remove(engine, "before_cursor_execute", note)
    assert 4 <= len(read_at_once) <= 6


@pytest.mark.only("sqlite")
def test_an_export_is_told_to_the_hosts_log(auth: HostAuth, operator: Visitor) -> None:
    operator.get(f"{LIST}?export=csv&state=living")
    [(user, entry)] = auth.audit
    assert user == "operator-1"
    assert entry["action"] == "export"
    assert entry["resource"] == "customers"
    assert entry["filters"] == {"state": "living"}


@pytest.mark.only("sqlite")
def test_amounts_are_exported_with_their_currency(
    kit: Kit, operator: Visitor, org: Organization
) -> None:
    subscription = kit.subscription(org, price="price_pro")
    path = f"/billing/admin/subscriptions/{subscription.id}/invoices?export=csv"
    [header, row] = read(operator.get(path).text)
    assert dict(zip(header, row, strict=True))["Total"] == str(Money(1900, "usd")) == "19.00 USD"
