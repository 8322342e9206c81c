"""Operators who may only see some owners: on every page, in every search, export, count and action.

Each test goes over all resources, so one that comes later is held to it too.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.admin.resource import Scope
from flask_accrue.admin.resources import RESOURCES
from tests.visitors import HostAuth, Visitor, forms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.host import Organization

ADMIN = "/billing/admin"
SCOPED = [resource for resource in RESOURCES if resource.scope is not Scope.SHARED]


@pytest.fixture
def scoped(app: Flask, auth: HostAuth, kit: Kit, org: Organization, other: Organization) -> Visitor:
    """Give an operator of Acme, in a world in which Acme and Zenith subscribe."""
    auth.scopes["operator-acme"] = [("Organization", str(org.id))]
    for each in (org, other):
        subscription = kit.subscription(each, price="price_pro")
        billing.charge(each, billing.list_charges(each)[0].money)
        billing.cancel_at_period_end(subscription)
    kit.deliver()
    return Visitor(app, "operator-acme")


def rows_of(kit: Kit, resource: Any, owner: Organization | None) -> list[Any]:
    """Return all rows of a resource that belong to an owner, or to nobody."""
    model = resource.model
    theirs: Any = sa.select(models.Customer.id)
    if owner is not None:
        theirs = theirs.where(models.Customer.owner_id == str(owner.id))
    column = model.id if resource.scope is Scope.CUSTOMER else model.customer_id
    which = column.is_(None) if owner is None else column.in_(theirs)
    return list(kit.state.db.session.scalars(sa.select(model).where(which)))


def test_a_list_its_count_and_its_export_hold_their_rows_only(
    scoped: Visitor, kit: Kit, org: Organization, other: Organization
) -> None:
    for resource in SCOPED:
        mine = rows_of(kit, resource, org)
        foreign = [*rows_of(kit, resource, other), *rows_of(kit, resource, None)]
        assert mine
        assert foreign
        page = scoped.get(f"{ADMIN}/{resource.name}?size=100").text
        export = scoped.get(f"{ADMIN}/{resource.name}?export=csv").text
        assert f"{min(len(mine), 100)} of {len(mine):,}" in page
        assert len(export.splitlines()) == 1 + len(mine)
        assert "Zenith" not in page
        assert "Zenith" not in export
        assert not [row for row in foreign if f'/{row.id}"' in page]
        assert [row for row in mine if f'/{row.id}"' in page]


def test_somebody_elses_row_is_not_there_in_any_tab(
    scoped: Visitor, kit: Kit, org: Organization, other: Organization
) -> None:
    for resource, mine, foreign in _neighbors(kit, org, other):
        for tab in ("", *(f"/{tab.name}" for tab in resource.detail.tabs)):
            assert scoped.get(f"{ADMIN}/{resource.name}/{mine}{tab}").status_code == 200
            for id in foreign:
                path = f"{ADMIN}/{resource.name}/{id}{tab}"
                assert scoped.get(path).status_code == 404
                assert scoped.get(f"{path}?export=csv").status_code == 404


@pytest.mark.only("sqlite")
def test_nothing_can_be_done_to_somebody_elses_row(
    scoped: Visitor, kit: Kit, org: Organization, other: Organization
) -> None:
    token = _token(scoped, f"{ADMIN}/webhooks")
    before = len(kit.entries())
    for resource, _, foreign in _neighbors(kit, org, other):
        for action, id in itertools.product(resource.actions, foreign):
            path = f"{ADMIN}/{resource.name}/{id}/do/{action.name}"
            assert scoped.get(path).status_code == 404
            assert scoped.post(path, {"csrf_token": token}).status_code == 404
            if action.many:
                selected = {"csrf_token": token, "id": id, "confirmed": "1"}
                answer = scoped.post(f"{ADMIN}/{resource.name}/do/{action.name}", selected)
                assert answer.status_code == 303
    kit.state.db.session.rollback()
    assert len(kit.entries()) == before


@pytest.mark.only("sqlite")
def test_a_selection_of_mine_and_theirs_only_replays_mine(
    scoped: Visitor, kit: Kit, org: Organization, other: Organization
) -> None:
    webhooks = next(each for each in RESOURCES if each.name == "webhooks")
    mine, theirs = (rows_of(kit, webhooks, each)[0] for each in (org, other))
    nobodys = rows_of(kit, webhooks, None)[0]
    names = (mine.processor_id, theirs.processor_id, nobodys.processor_id)
    token = _token(scoped, f"{ADMIN}/webhooks")
    ids = [str(row.id) for row in (mine, theirs, nobodys)]
    asked = scoped.post(f"{ADMIN}/webhooks/do/replay", {"csrf_token": token, "id": ids})
    assert ids[0] in asked.text
    assert not {ids[1], ids[2]} & set(asked.text.split('"'))
    _, fields = forms(asked.text)[0]
    fields.setlist("id", ids)
    assert scoped.post(f"{ADMIN}/webhooks/do/replay", fields).status_code == 303
    kit.state.db.session.rollback()
    assert kit.entries("webhook.replayed")[-1].data["events"] == [names[0]]


def test_the_dashboard_counts_theirs_only(
    scoped: Visitor, operator: Visitor, kit: Kit, other: Organization
) -> None:
    assert _figures(operator.get(ADMIN).text)["Customers"] == "2"
    page = scoped.get(ADMIN).text
    assert _figures(page)["Customers"] == "1"
    assert _figures(page)["Canceling"] == "1"
    assert "Zenith" not in page
    theirs = billing.get_customer(other)
    assert theirs is not None
    assert f"{ADMIN}/customers/{theirs.id}" not in page


def test_a_search_does_not_find_somebody_else(
    scoped: Visitor, kit: Kit, other: Organization
) -> None:
    theirs = billing.get_customer(other)
    assert theirs is not None
    for text in ("Zenith", "money@zenith.example", str(other.id), theirs.processor_id):
        assert str(theirs.id) not in scoped.get(f"{ADMIN}/customers?q={text}").text
    for path in (
        f"events?subject=customer:{theirs.id}",
        f"events?subject={theirs.id}",
        "subscriptions?q=Zenith",
    ):
        assert "Nothing matches" in scoped.get(f"{ADMIN}/{path}").text


def test_an_operator_of_nobody_sees_nothing(
    app: Flask, auth: HostAuth, scoped: Visitor, kit: Kit
) -> None:
    auth.scopes["operator-none"] = []
    visitor = Visitor(app, "operator-none")
    for resource in SCOPED:
        assert len(visitor.get(f"{ADMIN}/{resource.name}?export=csv").text.splitlines()) == 1
    page = visitor.get(ADMIN).text
    assert _figures(page)["Customers"] == "0"
    assert "Acme" not in page
    assert "Zenith" not in page


@pytest.mark.only("sqlite")
def test_an_owner_of_another_type_with_the_same_id_is_somebody_else(
    app: Flask, auth: HostAuth, scoped: Visitor, org: Organization
) -> None:
    auth.scopes["operator-team"] = [("Team", str(org.id))]
    assert "Acme" not in Visitor(app, "operator-team").get(f"{ADMIN}/customers").text


@pytest.mark.only("sqlite")
def test_ids_that_are_no_strings_still_name_their_owner(
    app: Flask, auth: HostAuth, scoped: Visitor, org: Organization
) -> None:
    auth.scopes["operator-int"] = {("Organization", org.id)}
    assert "Acme" in Visitor(app, "operator-int").get(f"{ADMIN}/customers").text


def _neighbors(
    kit: Kit, org: Organization, other: Organization
) -> Iterator[tuple[Any, str, list[str]]]:
    """Give each resource with the id of a row of mine, and those of somebody else's and nobody's."""
    for resource in SCOPED:
        foreign = [rows_of(kit, resource, other)[0], *rows_of(kit, resource, None)[:1]]
        yield (
            resource,
            str(rows_of(kit, resource, org)[0].id),
            [str(row.id) for row in foreign],
        )


def _token(visitor: Visitor, path: str) -> str:
    return forms(visitor.get(path).text)[0][1]["csrf_token"]


def _figures(page: str) -> dict[str, str]:
    return dict(
        re.findall(r'ac-stat__label">([^<]+)</span>\s*<span class="ac-stat__value">([^<]+)<', page)
    )
