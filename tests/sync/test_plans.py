"""How PostgreSQL finds rows while tables grow that were empty a moment ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import telemetry

if TYPE_CHECKING:
    from tests.sync.account import Account


@pytest.mark.only("postgresql")
def test_a_run_keeps_no_plan_that_was_made_for_empty_tables(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.prime_customers(2)
    session = account.db.session
    show, seen = sa.text("SHOW plan_cache_mode"), []

    def look(reached: str) -> None:
        if reached == "write.before_commit":
            seen.append(session.scalar(show))

    monkeypatch.setattr(telemetry, "_observers", [look])
    account.sync("customers")
    assert set(seen) == {"force_custom_plan"}
    assert session.scalar(show) == "auto"
