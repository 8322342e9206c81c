"""What PostgreSQL knows of tables while they grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue.sync import growth

if TYPE_CHECKING:
    from tests.sync.account import Account


@pytest.mark.only("postgresql")
def test_tables_are_looked_at_anew_once_they_have_grown(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "_FIRST", 5)
    account.prime_customers(6)
    known = sa.text("SELECT reltuples FROM pg_class WHERE oid = 'accrue_customers'::regclass")
    before = account.db.session.scalar(known)
    account.db.session.rollback()

    account.sync("customers", dry_run=True)
    assert account.db.session.scalar(known) == before

    account.sync("customers")
    assert account.db.session.scalar(known) == 6 != before


@pytest.mark.only("postgresql")
def test_each_kind_has_its_tables_looked_at_when_they_have_grown(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "_FIRST", 5)
    account.own(*range(1, 7))
    for number in range(1, 7):
        account.prime(number)
    known = sa.text("SELECT reltuples FROM pg_class WHERE oid = 'accrue_invoices'::regclass")

    # By then the tables of customers have been looked at, and these were empty.
    account.sync("customers", "invoices")
    assert account.db.session.scalar(known) == 6


@pytest.mark.only("postgresql")
def test_bodies_arent_read_for_it(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "_FIRST", 5)
    account.prime_customers(6)

    account.sync("customers")
    known = sa.text("SELECT attname FROM pg_stats WHERE tablename = 'accrue_customers'")
    searched = set(account.db.session.scalars(known))
    assert {"processor", "processor_id", "owner_type", "owner_id"} <= searched
    assert not searched & {"raw", "data", "metadata"}
