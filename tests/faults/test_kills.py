"""SIGKILL at the moments at which it hurts most: nothing is lost, and nothing exists twice."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, models
from flask_accrue.ledger import verify
from tests.faults import victim
from tests.host import Organization

if TYPE_CHECKING:
    from tests.faults.scene import Scene

WEBHOOK_MOMENTS = (
    "webhook.claimed",
    "write.locked",
    "webhook.mirrored",
    "write.before_commit",
    "write.committed",
    "webhook.handler",
)
OPERATION_MOMENTS = (
    "operation.begun",
    "operation.before_call",
    "operation.after_call",
    "write.locked",
    "write.before_commit",
    "write.committed",
)


@pytest.mark.parametrize("moment", WEBHOOK_MOMENTS)
def test_a_worker_killed_over_a_webhook_loses_nothing_and_repeats_nothing(
    scene: Scene, moment: str
) -> None:
    org = scene.db.session.get(Organization, 1)
    billing.add_payment_method(org, "pm_card_visa")
    billing.subscribe(org, "price_pro")
    scene.store_events()
    scene.run("work")
    scene.change_quantity_elsewhere(billing.subscription(org), 3)
    entries = scene.count(models.LedgerEntry)

    assert scene.run("work", moment) == -signal.SIGKILL
    assert scene.count(models.WebhookEvent, models.WebhookEvent.is_waiting) == 1
    scene.let_leases_run_out()
    assert scene.run("work") == 0

    assert scene.count(models.WebhookEvent, sa.not_(models.WebhookEvent.is_succeeded)) == 0
    scene.db.session.expire_all()
    assert [item.quantity for item in billing.subscription(org).items] == [3]
    assert scene.count(models.LedgerEntry) == entries + 1
    runs = scene.db.session.scalars(
        sa.select(models.HandlerRun).join(
            models.WebhookEvent, models.WebhookEvent.id == models.HandlerRun.webhook_event_id
        )
    ).all()
    assert all(run.is_succeeded for run in runs)
    assert len({(run.webhook_event_id, run.handler) for run in runs}) == len(runs)
    assert verify().findings == []


def test_a_worker_killed_after_a_fetch_repeats_nothing(scene: Scene) -> None:
    org = scene.db.session.get(Organization, 1)
    billing.add_payment_method(org, "pm_card_visa")
    billing.subscribe(org, "price_pro")
    # All in the second of the answer: they can't be told apart, and are fetched.
    scene.store_events()
    entries = scene.count(models.LedgerEntry)
    assert scene.run("work", "webhook.fetched") == -signal.SIGKILL
    scene.let_leases_run_out()
    assert scene.run("work") == 0
    assert scene.count(models.WebhookEvent, sa.not_(models.WebhookEvent.is_succeeded)) == 0
    # The catalog is told of by events alone; the customer's currency and the charge's fee come with
    # the first look at them. Nothing is told twice.
    assert scene.entries_after(entries) == [
        "charge.updated",
        "customer.updated",
        "price.created",
        "price.created",
        "product.created",
        "product.created",
    ]
    assert verify().findings == []


@pytest.mark.parametrize(
    "action", ["subscribe", "charge", "refund", "swap", "hold", "capture", "set up"]
)
@pytest.mark.parametrize("moment", OPERATION_MOMENTS)
def test_a_killed_operation_is_found_again_by_its_id(
    scene: Scene, action: str, moment: str
) -> None:
    org = scene.db.session.get(Organization, 1)
    billing.add_payment_method(org, "pm_card_visa")
    if action in ("refund", "swap"):
        billing.subscribe(org, "price_pro")
    if action == "capture":
        billing.create_payment_intent(org, Money(500, "usd"), capture_method="manual", confirm=True)
    effects, entries = _effects(scene), scene.count(models.LedgerEntry)

    assert scene.run(action, moment) == -signal.SIGKILL
    scene.let_leases_run_out()
    assert scene.run(action) == 0
    first = _effects(scene), scene.count(models.LedgerEntry)
    assert first[0] != effects
    assert first[1] > entries
    # And once more: the same operation does nothing new.
    assert scene.run(action) == 0
    assert (_effects(scene), scene.count(models.LedgerEntry)) == first
    assert _effects(scene) == _without_a_kill(effects, action)
    operation = scene.db.session.get(models.Operation, victim.OPERATION)
    assert operation.state == "done"
    assert verify().findings == []


@pytest.mark.parametrize("moment", [each for each in OPERATION_MOMENTS if each != "write.locked"])
def test_a_killed_first_visit_leaves_one_customer(scene: Scene, moment: str) -> None:
    assert scene.run("customer", moment) == -signal.SIGKILL
    scene.let_leases_run_out()
    assert scene.run("customer") == 0
    assert scene.count(models.Customer) == 1
    assert scene.count(models.LedgerEntry) == 1
    made = [event for event in scene.fake.events() if event.type == "customer.created"]
    assert len(made) == 1


def _effects(scene: Scene) -> dict[str, int]:
    """Count what exists at the processor and here."""
    types = [event.type for event in scene.fake.events()]
    told = {
        name: types.count(name)
        for name in (
            "customer.subscription.created",
            "invoice.created",
            "charge.succeeded",
            "refund.created",
            "charge.captured",
            "setup_intent.created",
        )
    }
    for model in (
        models.Subscription,
        models.Invoice,
        models.Charge,
        models.Refund,
        models.SetupIntent,
    ):
        told[model.__tablename__] = scene.count(model)
    return told


def _without_a_kill(before: dict[str, int], action: str) -> dict[str, int]:
    """Say what an action that isn't interrupted leads to."""
    more = {
        "subscribe": (
            "customer.subscription.created",
            "accrue_subscriptions",
            "invoice.created",
            "accrue_invoices",
            "charge.succeeded",
            "accrue_charges",
        ),
        "charge": ("charge.succeeded", "accrue_charges"),
        "refund": ("refund.created", "accrue_refunds"),
        "hold": ("charge.succeeded", "accrue_charges"),
        "capture": ("charge.captured",),
        "set up": ("setup_intent.created", "accrue_setup_intents"),
        "swap": ("invoice.created", "accrue_invoices", "charge.succeeded", "accrue_charges"),
    }[action]
    return {name: count + (name in more) for name, count in before.items()}
