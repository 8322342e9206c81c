"""``flask accrue catalog``: what is sold, and fetching it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask_accrue import billing

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.cli.conftest import Run


def test_a_catalog_is_fetched_whole_and_listed(run: Run, kit: Kit) -> None:
    kit.fake.deactivate_price("price_team")
    assert "are as the processor has them" in run("catalog", "sync").output
    kit.state.db.session.rollback()

    on_sale = json.loads(run("catalog", "list", "--json").output)
    every = json.loads(run("catalog", "list", "--all", "--json").output)

    assert "price_team" not in [row["price"] for row in on_sale]
    [retired] = [row for row in every if row["price"] == "price_team"]
    assert (retired["active"], retired["amount"], retired["every"]) == (False, "$49.00", "month")
    assert (
        "price_team  $49.00 / month  price_team  (retired)"
        in run("catalog", "list", "--all").output
    )
    assert [row["price"] for row in on_sale] == [
        price.processor_id for price in billing.list_prices()
    ]


def test_an_empty_catalog_says_how_it_is_fetched(run: Run) -> None:
    assert "catalog sync" in run("catalog", "list").output
