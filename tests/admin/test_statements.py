"""What a page costs: a bounded number of statements, however many rows it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue.admin.resources import RESOURCES
from tests.host import Organization
from tests.visitors import Visitor

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

ADMIN = "/billing/admin"
#: A list: its rows, what is loaded along (items of subscriptions), its count, and the navigation's.
MOST = 5


def count(kit: Kit, operator: Visitor, path: str) -> int:
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    sa.event.listen(kit.state.db.engine, "before_cursor_execute", note)
    try:
        assert operator.get(path).status_code == 200
    finally:
        sa.event.remove(kit.state.db.engine, "before_cursor_execute", note)
    return len(statements)


def subscribe(kit: Kit, number: int) -> None:
    for n in range(number):
        org = Organization(name=f"Org {n}", email=None)
        kit.state.db.session.add(org)
        kit.state.db.session.commit()
        kit.subscription(org, price=("price_pro", "price_team")[n % 2])
    kit.state.db.session.remove()


@pytest.mark.only("sqlite")
def test_a_page_costs_as_much_with_many_rows_as_with_few(kit: Kit, operator: Visitor) -> None:
    subscribe(kit, 1)
    paths = [ADMIN, *(f"{ADMIN}/{resource.name}?size=100" for resource in RESOURCES)]
    for resource in RESOURCES:
        assert resource.detail is not None
        row = kit.state.db.session.query(resource.model).first()
        paths += [f"{ADMIN}/{resource.name}/{row.id}/{tab.name}" for tab in resource.detail.tabs]
    kit.state.db.session.remove()
    few = {path: count(kit, operator, path) for path in paths}
    subscribe(kit, 4)
    many = {path: count(kit, operator, path) for path in paths}
    assert many == few
    lists = {path: cost for path, cost in many.items() if "?size" in path}
    assert max(lists.values()) <= MOST
    assert max(many.values()) <= 8
