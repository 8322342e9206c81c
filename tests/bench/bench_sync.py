"""How fast a whole account comes here, and how much memory it takes. Figures are printed, not judged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import models
from tests.bench import syncing
from tests.bench.account import served_account

if TYPE_CHECKING:
    from tests.bench.syncing import Run

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "100000"))
_COUNTED = (
    models.Customer,
    models.Subscription,
    models.SubscriptionItem,
    models.Invoice,
    models.InvoiceItem,
)


@pytest.mark.only("postgresql")
def test_a_whole_account(database_url: str) -> None:
    """Customers, each with a subscription and an invoice."""
    print(f"\nsync of {CUSTOMERS:,} customers with a subscription and an invoice each")
    with served_account(CUSTOMERS) as api:
        floor = _told("floor", syncing.measured(syncing.floor, database_url, api))
        books = syncing.measured(syncing.floor_with_ledger, database_url, api)
        _told("floor with a ledger", books)
        ours = _told("ours", syncing.measured(syncing.ours, database_url, api))
        again = _told("once more", syncing.measured(syncing.ours, database_url, api))
    assert again.told["clean"]
    _assert_same_rows(database_url)
    for name, least in (("floor", floor), ("floor with a ledger", books)):
        print(f"  of the {name}: {least.seconds / ours.seconds:.2f} by time,", end=" ")
        print(f"{least.cpu / ours.cpu:.2f} by processor time")


@pytest.mark.only("postgresql")
def test_memory(database_url: str) -> None:
    """A tenth of that, for how much less memory it takes."""
    few = max(CUSTOMERS // 10, 100)
    print(f"\nsync of {few:,} customers")
    with served_account(few) as api:
        _told("ours", syncing.measured(syncing.ours, database_url, api))


def _told(what: str, run: Run) -> Run:
    print(f"  {what}: {run.seconds:.1f} s, {run.cpu:.1f} s CPU, {run.memory:.0f} MB at most")
    return run


def _assert_same_rows(url: str) -> None:
    """Check that the floors did what we did."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        for model in _COUNTED:
            count = connection.scalar(sa.select(sa.func.count()).select_from(model))
            assert count == 3 * CUSTOMERS, model
    engine.dispose()
