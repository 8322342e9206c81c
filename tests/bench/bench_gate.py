"""What a gate costs: the first check of a request, against the same rows read by one hand-written statement
through the same session, with 20,000 customers. Printed, not judged."""

from __future__ import annotations

import datetime
import statistics
import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from flask_accrue import entitled, models
from flask_accrue.entitlements import forget
from flask_accrue.ids import new_id
from tests.host import Organization, create_host

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOMERS = 20_000
CHECKS = 1_000
ROUNDS = 5
PLANS = {"plans": {"pro": {"prices": ["price_pro"], "features": ["reports"]}}}


def test_gate(database_url: str) -> None:
    app, db, _ = create_host(database_url, ACCRUE_ENTITLEMENTS=PLANS)
    with app.app_context():
        _fill(db)
        owners = list(db.session.scalars(sa.select(Organization).limit(CHECKS)))
        for owner in owners:
            assert owner.id
        db.session.expunge_all()
        db.session.rollback()

        def gate(owner: Organization) -> None:
            with app.test_request_context("/"):
                assert entitled(owner, "reports")

        def floor(owner: Organization) -> None:
            with app.test_request_context("/"):
                rows = db.session.execute(FLOOR, {"id": str(owner.id)}).all()
                assert rows[0].price_processor_id == "price_pro"

        def nothing(owner: Organization) -> None:
            with app.test_request_context("/"):
                pass

        name = sa.make_url(database_url).get_backend_name()
        print(f"\ngate, first check of a request, {CUSTOMERS} customers, {name}")
        ratios = []
        for number in range(ROUNDS):
            empty = _time(nothing, owners)
            theirs, ours = _time(floor, owners) - empty, _time(gate, owners) - empty
            ratios.append(ours / theirs)
            print(
                f"  round {number + 1}: statement {1e6 * theirs:.0f} µs, gate {1e6 * ours:.0f} µs, "
                f"ratio {ours / theirs:.2f}"
            )
        print(f"  median: {statistics.median(ratios):.2f}")
        forget()
        db.session.remove()
        db.engine.dispose()


_customers: Any = models.Customer.__table__
_subscriptions: Any = models.Subscription.__table__
_items: Any = models.SubscriptionItem.__table__
FLOOR = (
    sa.select(
        _subscriptions.c.status,
        _subscriptions.c.current_period_end,
        _subscriptions.c.cancel_at_period_end,
        _subscriptions.c.cancel_at,
        _subscriptions.c.ended_at,
        _subscriptions.c.pause_behavior,
        _subscriptions.c.past_due_since,
        _subscriptions.c.paid_until,
        _items.c.price_processor_id,
        _items.c.quantity,
        _items.c.removed_at,
    )
    .join(_customers, _customers.c.id == _subscriptions.c.customer_id)
    .join(_items, _items.c.subscription_id == _subscriptions.c.id)
    .where(_customers.c.owner_type == "Organization", _customers.c.owner_id == sa.bindparam("id"))
)


def _time(check: Callable[[Organization], None], owners: list[Organization]) -> float:
    """Return the processor time of one check, in seconds, and what the database takes on top."""
    began = time.perf_counter()
    for owner in owners:
        check(owner)
    return (time.perf_counter() - began) / len(owners)


def _fill(db: Any) -> None:
    """Write the rows as plainly as a database takes them."""
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    bookkeeping = {
        "created_at": moment,
        "updated_at": moment,
        "processor": "fake",
        "raw": {},
    }
    mirrored = {**bookkeeping, "created": moment, "lock_version": 1, "metadata": {}, "data": {}}
    rows: dict[Any, list[dict[str, Any]]] = {
        Organization.__table__: [],
        _customers: [],
        _subscriptions: [],
        _items: [],
    }
    for number in range(1, CUSTOMERS + 1):
        customer, subscription = new_id(), new_id()
        rows[Organization.__table__].append({"id": number, "name": f"Organization {number}"})
        rows[_customers].append(
            {
                **mirrored,
                "id": customer,
                "processor_id": f"cus_{number}",
                "owner_type": "Organization",
                "owner_id": str(number),
                "owner_key": f"Organization:{number}",
                "generation": 1,
                "balance": 0,
            }
        )
        rows[_subscriptions].append(
            {
                **mirrored,
                "id": subscription,
                "customer_id": customer,
                "processor_id": f"sub_{number}",
                "name": "default",
                "status": "active",
                "collection_method": "charge_automatically",
                "cancel_at_period_end": False,
            }
        )
        rows[_items].append(
            {
                **bookkeeping,
                "id": new_id(),
                "subscription_id": subscription,
                "processor_id": f"si_{number}",
                "position": 0,
                "price_processor_id": "price_pro",
                "quantity": 1,
            }
        )
    with db.engine.begin() as connection:
        for table, content in rows.items():
            connection.execute(sa.insert(table), content)
        connection.execute(sa.text("ANALYZE"))
