"""A host with plans, a clock that a test sets, and rows as the mirror would have written them."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.billable import owner_reference
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

NOW = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
MOMENT = datetime.timedelta(microseconds=1)

PLANS = {
    "pro": {
        "prices": ["price_pro", "braintree:pro"],
        "features": ["reports"],
        "limits": {"projects": 10, "history": 12},
    },
    "team": {
        "prices": ["price_team"],
        "features": ["reports", "exports"],
        "limits": {"projects": 50, "history": None, "seats": {"per_seat": True, "max": 100}},
    },
    "crowd": {"prices": ["price_crowd"], "limits": {"seats": {"per_seat": True}}},
}


class Clock:
    """Billing time that stands where a test puts it."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime.datetime:
        return self.moment


class Host:
    """The app under test, inside an app context, and what a test does to its rows."""

    def __init__(self, app: Flask, db: Any, accrue: Any) -> None:
        self.app = app
        self.db = db
        self.accrue = accrue
        self.clock = Clock()
        app.extensions["accrue"].clock = self.clock
        self._numbers = itertools.count(1)

    @property
    def session(self) -> Any:
        return self.db.session

    def owner(self, name: str = "Acme") -> Organization:
        owner = Organization(name=name)
        self.session.add(owner)
        self.session.commit()
        return owner

    def hold(
        self,
        owner: Organization,
        price: str = "price_pro",
        *,
        quantity: int | None = 1,
        processor: str = "stripe",
        removed_at: datetime.datetime | None = None,
        **subscription: Any,
    ) -> models.Subscription:
        """Give an owner a subscription with one item, active unless it says otherwise; not committed."""
        owner_type, owner_id = owner_reference(owner)
        customer = self.session.scalar(
            sa.select(models.Customer).filter_by(
                owner_type=owner_type, owner_id=owner_id, processor=processor
            )
        )
        number = next(self._numbers)
        if customer is None:
            customer = models.Customer(
                processor=processor,
                processor_id=f"cus_{number}",
                owner_type=owner_type,
                owner_id=owner_id,
                owner_key=f"{owner_type}:{owner_id}",
            )
            self.session.add(customer)
            self.session.flush()
        values = {"status": "active", "current_period_end": NOW + 20 * DAY, **subscription}
        row = models.Subscription(
            processor=processor, processor_id=f"sub_{number}", customer_id=customer.id, **values
        )
        self.session.add(row)
        self.session.flush()
        self.add_item(row, price, quantity=quantity, removed_at=removed_at)
        return row

    def add_item(
        self, subscription: models.Subscription, price: str, **values: Any
    ) -> models.SubscriptionItem:
        item = models.SubscriptionItem(
            subscription_id=subscription.id,
            processor=subscription.processor,
            processor_id=f"si_{next(self._numbers)}",
            price_processor_id=price,
            **values,
        )
        self.session.add(item)
        self.session.flush()
        return item

    def own(self, owner: Any) -> None:
        """Make it the owner of every request from now on."""
        self.accrue.owner_loader(lambda: owner)

    @contextlib.contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Note each statement that the database gets."""
        seen: list[str] = []

        def note(*args: Any) -> None:
            seen.append(args[2])

        sa.event.listen(self.db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sa.event.remove(self.db.engine, "before_cursor_execute", note)


MakeHost = "Callable[..., Host]"


@pytest.fixture
def make_host(database_url: str) -> Iterator[Callable[..., Host]]:
    """Give what builds the host, with further entries of ACCRUE_ENTITLEMENTS."""
    with contextlib.ExitStack() as stack:

        def make(*, dunning_days: int = 14, **entitlements: Any) -> Host:
            config: dict[str, Any] = {
                "ACCRUE_ENTITLEMENTS": {"plans": PLANS, **entitlements},
                "ACCRUE_DUNNING": {"grace_days": dunning_days},
            }
            host = Host(*create_host(database_url, **config))
            stack.enter_context(host.app.app_context())
            stack.callback(host.db.engine.dispose)
            stack.callback(host.session.remove)
            return host

        yield make


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    """Give the host with the defaults: no grace, paused denies, unmapped denies."""
    return make_host()
