"""A customer of the small host, whose usage is counted by the Fake."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from tests.host import app, kit, org

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["app", "kit", "org"]


class Metered:
    """What was reported, and what the processor has of it."""

    def __init__(self, kit: Kit, payer: models.Customer) -> None:
        self.kit = kit
        self.payer = payer.processor_id
        self.session = kit.state.db.session

    def counted(self, name: str = "api_calls") -> int:
        """Return what the Fake's meter has counted of the customer until now."""
        begin = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
        end = self.kit.now + datetime.timedelta(hours=1)
        payer = self.payer
        return self.kit.fake._engine.see(lambda tx: tx.sum_of_usage(payer, name, (begin, end)))

    def rows(self) -> list[models.MeterEvent]:
        self.session.rollback()
        events = models.MeterEvent
        return list(self.session.scalars(sa.select(events).order_by(events.identifier)))

    def fail(self, fault: str = "unavailable", **options: Any) -> None:
        self.kit.fake.fail_next("create_meter_event", fault, **options)


@pytest.fixture
def metered(kit: Kit, org: Organization) -> Metered:
    """Give the meters of the organization, which is a customer."""
    return Metered(kit, billing.customer(org))
