"""A host whose processes can be killed, and what is left of its world."""

from __future__ import annotations

import contextlib
import datetime
import signal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from flask_accrue import Money, models
from tests.faults import victim
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Iterator


class Scene:
    """A host whose processes can be killed."""

    def __init__(self, url: str, store: str, **config: Any) -> None:
        self.config = {"url": url, "store": store, **config}
        self.app, self.db, _ = victim.build(**self.config)
        self.fake: Any = self.app.extensions["accrue"].processors["fake"]

    @contextlib.contextmanager
    def open(self) -> Iterator[Scene]:
        """Stay in the app's context, with prices on sale and the organization 1."""
        with self.app.app_context():
            self.fake.freeze(datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC))
            for price, amount in (("price_pro", 1900), ("price_team", 4900)):
                product = self.fake.create_product(price)
                self.fake.create_price(product, Money(amount, "usd"), id=price)
            self.db.session.add(Organization(id=1, name="Acme", email="a@acme.example"))
            self.db.session.commit()
            yield self
            self.db.session.remove()
            self.db.engine.dispose()

    def run(self, action: str, moment: str | None = None) -> int:
        """Act in a process of its own, killed at the moment; return how it ended."""
        self.db.session.remove()
        ended = victim.run_and_die(self.app, self.db, action, moment)
        assert ended in (0, -signal.SIGKILL)
        return ended

    def let_leases_run_out(self) -> None:
        """Do what five minutes of real time would."""
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
        operations = models.Operation
        for due in (models.WebhookEvent, models.MeterEvent):
            self.db.session.execute(
                sa.update(due).where(due.claimed_until.is_not(None)).values(claimed_until=past)
            )
        self.db.session.execute(
            sa.update(operations)
            .where(operations.leased_until.is_not(None))
            .values(leased_until=past)
        )
        self.db.session.commit()

    def count(self, model: Any, *where: Any) -> int:
        self.db.session.rollback()
        return self.db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))

    def entries_after(self, count: int) -> list[str]:
        """Return the types of the ledger's entries but the first so many, sorted."""
        self.db.session.rollback()
        types = self.db.session.scalars(
            sa.select(models.LedgerEntry.type).order_by(models.LedgerEntry.id).offset(count)
        )
        return sorted(types)

    def change_quantity_elsewhere(self, subscription: models.Subscription, quantity: int) -> None:
        """Let the processor have something new, which only its event tells."""
        self.fake.advance(datetime.timedelta(seconds=5))
        self.fake.update_subscription(
            subscription.processor_id,
            {
                "items": [{"id": subscription.items[0].processor_id, "quantity": quantity}],
                "proration": "none",
            },
            key=f"changed elsewhere to {quantity}",
        )
        self.store_events()

    def store_events(self) -> None:
        """Let the Fake's events be stored, and nobody work on them."""
        state = self.app.extensions["accrue"]
        state.queue.in_process = False
        assert set(self.fake.deliver(self.app)) <= {200}
