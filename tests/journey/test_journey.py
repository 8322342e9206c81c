"""The whole journey, as a customer takes it: through the example's pages and the real endpoint."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from example.models import Organization
from flask_accrue import billing, models
from flask_accrue.ledger import verify

if TYPE_CHECKING:
    from tests.journey.conftest import World

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


def test_from_sign_up_to_the_closed_gate(world: World) -> None:
    visitor = world.visitor
    visitor.sign_up("Robin")
    assert not world.opens("/reports")

    # A trial opens the gate at once, before any webhook has come.
    visitor.post("/settings/billing/cards", token="tok_visa")
    visitor.post("/settings/billing/plan", plan="pro")
    assert world.subscription().is_trialing
    assert world.opens("/reports")
    world.settle()
    assert world.opens("/reports")

    # The trial ends, and the first period is paid.
    trial_end = world.subscription().trial_end
    assert trial_end == datetime.datetime(2026, 2, 14, 12, tzinfo=datetime.UTC)
    world.advance(trial_end + 2 * HOUR)
    assert world.subscription().is_recurring
    assert [invoice.total for invoice in _paid(world)] == [0, 1900]
    assert world.opens("/reports")

    # The renewal is paid too.
    renewal = world.subscription().current_period_end
    assert renewal is not None
    world.advance(renewal + 2 * HOUR)
    assert [invoice.total for invoice in _paid(world)] == [0, 1900, 1900]

    # The card fails: past due, and the gate stays open within the grace that counts from then.
    visitor.post("/settings/billing/cards", token="tok_chargeCustomerFail")
    renewal = world.subscription().current_period_end
    assert renewal is not None
    world.advance(renewal + 2 * HOUR)
    row = world.subscription()
    assert row.is_dunning
    assert row.past_due_since == renewal + HOUR
    assert world.opens("/reports")
    world.advance(renewal + 10 * DAY)
    assert world.opens("/reports")
    assert world.subscription().past_due_since == renewal + HOUR

    # Another card recovers it.
    visitor.post("/settings/billing/cards", token="tok_visa")
    visitor.post("/settings/billing/pay")
    row = world.subscription()
    assert row.is_recurring
    assert row.past_due_since is None
    world.settle()
    assert world.subscription().is_recurring
    assert world.opens("/reports")
    assert not world.opens("/exports")

    # A swap in the middle of a period prorates on the next invoice, and opens the other gate.
    visitor.post("/settings/billing/plan", plan="team")
    world.settle()
    assert world.opens("/exports")
    swapped = world.subscription()
    assert [item.price_processor_id for item in swapped.items] == ["price_team"]
    assert swapped.current_period_end is not None
    world.advance(swapped.current_period_end + 2 * HOUR)
    newest = _paid(world)[-1]
    lines = {line.description: line.amount for line in newest.items}
    assert sum(lines.values()) == newest.total
    assert len(lines) == 3
    assert min(lines.values()) < 0 < max(lines.values())

    # A scheduled end keeps the gate open, is withdrawn, and then the plan ends at once.
    visitor.post("/settings/billing/cancel", when="period_end")
    assert world.subscription().is_canceling
    assert world.opens("/exports")
    visitor.post("/settings/billing/resume")
    assert world.subscription().is_recurring
    visitor.post("/settings/billing/cancel", when="now")
    assert world.subscription().is_ended
    assert not world.opens("/exports")
    assert not world.opens("/reports")
    world.settle()
    assert world.subscription().is_ended

    _check_the_books(world)


def _paid(world: World) -> list[models.Invoice]:
    session = world.app.extensions["accrue"].db.session
    session.rollback()
    owner = session.scalars(sa.select(Organization)).one()
    return [invoice for invoice in reversed(billing.list_invoices(owner)) if invoice.is_paid]


def _check_the_books(world: World) -> None:
    """Each event was worked on, the mirror is what the processor says, and the ledger tells it all."""
    session = world.app.extensions["accrue"].db.session
    unfinished = session.scalars(
        sa.select(models.WebhookEvent).where(sa.not_(models.WebhookEvent.is_succeeded))
    ).all()
    assert [(event.type, event.last_error) for event in unfinished] == []
    assert verify().findings == []

    row = world.subscription()
    told = world.fake.fetch("subscription", row.processor_id).main
    assert (row.status, row.ended_at) == (told.status, told.ended_at)
    for invoice in session.scalars(sa.select(models.Invoice)):
        theirs = world.fake.fetch("invoice", invoice.processor_id).main
        assert (invoice.status, invoice.total) == (theirs.status, theirs.total)

    session.rollback()
    types = list(
        session.scalars(
            sa.select(models.LedgerEntry.type)
            .where(
                models.LedgerEntry.subject_type == "subscription",
                models.LedgerEntry.subject_id == str(row.id),
            )
            .order_by(models.LedgerEntry.id)
        )
    )
    for step in (
        "created",
        "trial_ended",
        "past_due",
        "recovered",
        "plan_changed",
        "cancellation_scheduled",
        "cancellation_withdrawn",
        "canceled",
    ):
        assert f"subscription.{step}" in types, types
    assert types[0] == "subscription.created"
    assert types[-1] == "subscription.canceled"
