"""The whole journey as Stripe tells it: signed bodies over HTTP, in its shapes of today and of 2020."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from example.database import db
from example.models import Organization
from flask_accrue import models
from flask_accrue.ledger import verify
from tests.journey import old_shape
from tests.journey.conftest import NOON
from tests.journey.stripe_objects import (
    DISCOUNT,
    collected,
    finalized,
    invoice_of,
    item_of,
    paid,
    period,
    refused,
    seconds,
)
from tests.journey.stripe_side import StripeSide, telling
from tests.oracles.stripe_contract import installed_contract
from tests.processors.stripe.stripe_bodies import listed
from tests.recordings import RecordedCase
from tests.webhooks.rows import mirrored_rows
from tests.webhooks.test_recorded import against

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.oracles.stripe_server import ContractServer

Json = dict[str, Any]

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
TRIAL_END = datetime.datetime(2026, 2, 14, 12, tzinfo=datetime.UTC)
RENEWALS = [TRIAL_END.replace(month=month) for month in (3, 4, 5)]

#: How Stripe's events come: who works on them, in which shape they are, and how close together.
WAYS = {
    "today": ("in-process", installed_contract().version, False),
    "today-at-once": ("in-process", installed_contract().version, True),
    "2020": ("in-process", old_shape.VERSION, False),
    "2020-at-once": ("in-process", old_shape.VERSION, True),
    "today-at-once-rq": ("rq", installed_contract().version, True),
    "2020-rq": ("rq", old_shape.VERSION, False),
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def stripe(
    request: pytest.FixtureRequest,
    database_url: str,
    tmp_path: Path,
    stripe_server: ContractServer,
) -> Iterator[StripeSide]:
    """Give Stripe's side of the example, with what works on its events, its shape and its pace."""
    queue, version, at_once = request.param
    redis_url = request.getfixturevalue("redis_url") if queue == "rq" else None
    with telling(
        stripe_server, version, database_url, tmp_path, redis_url, at_once=at_once
    ) as side:
        yield side


def test_from_the_customer_to_the_closed_gate(stripe: StripeSide) -> None:
    world, visitor = stripe.world, stripe.world.visitor
    visitor.sign_up("Robin")
    owner_id = db.session.scalars(sa.select(Organization.id)).one()
    assert not world.opens("/reports")

    # Stripe's customer names its owner, and so becomes ours; then it has a card.
    customer = stripe.make(
        "customer",
        currency="usd",
        email="robin@example.com",
        invoice_settings={"default_payment_method": None},
        metadata={"accrue_owner": f"Organization:{owner_id}"},
    )
    stripe.tell(("customer.created", customer))
    row = the(models.Customer)
    assert (row.owner_type, row.owner_id) == ("Organization", str(owner_id))
    world.advance(HOUR)
    visa = stripe.card("pm_card_visa", customer["id"])
    paying = {**customer, "invoice_settings": {"default_payment_method": visa["id"]}}
    stripe.tell(
        ("payment_method.attached", visa),
        ("customer.updated", paying, {"invoice_settings": customer["invoice_settings"]}),
    )
    assert the(models.Customer).default_payment_method_id == the(models.PaymentMethod).id
    assert says(stripe, "4242", "You are on Free.")
    assert not world.opens("/reports")

    # A trial opens the gate.
    item = item_of(stripe, "pro", NOON, TRIAL_END)
    trial = stripe.make(
        "subscription",
        billing_cycle_anchor=seconds(TRIAL_END),
        customer=customer["id"],
        items=listed(item),
        status="trialing",
        trial_start=seconds(NOON),
        trial_end=seconds(TRIAL_END),
    )
    item["subscription"] = trial["id"]
    free = finalized(
        stripe, invoice_of(stripe, trial, (0, "Trial of Pro", False), reason="subscription_create")
    )
    trial["latest_invoice"] = free["id"]
    stripe.tell(
        ("customer.subscription.created", trial),
        ("invoice.created", free),
        ("invoice.paid", paid(stripe, free)),
    )
    assert world.subscription().is_trialing
    assert world.subscription().trial_end == TRIAL_END
    assert says(stripe, "Free until 14 February 2026, then $19.00 a month.")
    assert world.opens("/reports")
    assert "subscription.created" in told()

    # It will end soon, which changes nothing.
    world.advance(TRIAL_END - 3 * DAY)
    before = told()
    stripe.tell(("customer.subscription.trial_will_end", trial))
    assert told() == before
    assert world.opens("/reports")

    # It ends, and its first period is paid an hour later; so is the next, at a discount.
    sub, draft = renew(stripe, trial, TRIAL_END, RENEWALS[0], status="active")
    assert world.subscription().is_recurring
    assert world.opens("/reports")
    collect(stripe, draft, visa)
    assert "subscription.trial_ended" in told()
    stripe.keep(
        {
            "id": DISCOUNT,
            "object": "discount",
            "customer": customer["id"],
            "source": {"type": "coupon", "coupon": "SPRING"},
            "start": stripe.now,
            "end": None,
        }
    )
    sub, draft = renew(stripe, sub, *RENEWALS[:2], discounts=[DISCOUNT], discount=380)
    [held] = world.subscription().items
    for row in (world.subscription(), held):
        assert (row.current_period_start, row.current_period_end) == (RENEWALS[0], RENEWALS[1])
    assert says(stripe, "The next payment, $19.00, is due on 14 April 2026.")
    collect(stripe, draft, visa)
    assert [invoice.total for invoice in invoices()] == [0, 1900, 1520]
    assert [invoice.discount for invoice in invoices()] == [0, 0, 380]
    assert world.subscription().paid_until == RENEWALS[1]
    assert "subscription.renewed" in told()
    assert world.opens("/reports")

    # The card declines: past due, with the gate open for two weeks.
    sub, draft = renew(stripe, sub, *RENEWALS[1:], discounts=[])
    world.advance(HOUR)
    opened = finalized(stripe, draft)
    declined_at = stripe.world.fake.clock.now()
    stripe.tell(
        ("invoice.finalized", opened),
        *refused(stripe, opened, visa),
        ("customer.subscription.updated", {**sub, "status": "past_due"}, {"status": "active"}),
    )
    row = world.subscription()
    assert row.is_dunning
    assert row.past_due_since is not None
    assert 0 <= (row.past_due_since - declined_at).total_seconds() < 10
    assert {"invoice.payment_failed", "subscription.past_due"} <= set(told())
    assert says(stripe, "Pro stays open until 28 April 2026.")
    assert world.opens("/reports")
    world.advance(declined_at + 13 * DAY)
    assert world.opens("/reports")
    world.advance(declined_at + 14 * DAY + HOUR)
    assert not world.opens("/reports")
    assert says(stripe, "Pro is closed until it is paid.")

    # Another card recovers it.
    mastercard = stripe.card("pm_card_mastercard", customer["id"])
    settings = {"default_payment_method": mastercard["id"]}
    stripe.tell(
        ("payment_method.attached", mastercard),
        ("customer.updated", {**paying, "invoice_settings": settings}),
        *collected(stripe, {**opened, "attempt_count": 1}, mastercard),
        ("customer.subscription.updated", sub, {"status": "past_due"}),
    )
    row = world.subscription()
    assert row.is_recurring
    assert row.past_due_since is None
    assert says(stripe, "4444")
    assert "subscription.recovered" in told()
    assert world.opens("/reports")
    assert not world.opens("/exports")

    # A swap opens the other gate, and its proration is paid at once.
    world.advance(3 * DAY)
    team = item_of(stripe, "team", *RENEWALS[1:]) | {"subscription": sub["id"]}
    swapped = {**sub, "items": listed(team)}
    lines = ((-823, "Unused time on Pro", True), (2123, "Remaining time on Team", True))
    bill = finalized(stripe, invoice_of(stripe, swapped, *lines, reason="subscription_update"))
    unbilled, swapped["latest_invoice"] = swapped.copy(), bill["id"]
    stripe.tell(
        ("customer.subscription.updated", unbilled, {"items": sub["items"]}),
        ("customer.subscription.updated", swapped, {"latest_invoice": sub["latest_invoice"]}),
        ("invoice.created", {**bill, "status": "draft"}),
        ("invoice.finalized", bill),
        *collected(stripe, bill, mastercard),
    )
    assert [item.price_processor_id for item in world.subscription().items] == ["price_team"]
    newest = invoices()[-1]
    assert (newest.total, newest.is_paid) == (1300, True)
    assert [(line.amount, line.proration) for line in newest.items] == [(-823, True), (2123, True)]
    for line, price in zip(newest.items, ("price_pro", "price_team"), strict=True):
        assert line.subscription_processor_id == sub["id"]
        assert line.subscription_item_processor_id == team["id"]
        assert line.price_processor_id == price
    assert "subscription.plan_changed" in told()
    assert world.opens("/exports")

    # A scheduled end keeps the gate open, and is withdrawn.
    world.advance(DAY)
    ending = {
        **swapped,
        "cancel_at_period_end": True,
        "cancel_at": seconds(RENEWALS[2]),
        "canceled_at": stripe.now,
    }
    stripe.tell(("customer.subscription.updated", ending, {"cancel_at_period_end": False}))
    row = world.subscription()
    assert (row.is_canceling, row.ends_at) == (True, RENEWALS[2])
    assert says(stripe, "Team stays open until 14 May 2026.")
    assert world.opens("/exports")
    world.advance(DAY)
    stripe.tell(("customer.subscription.updated", swapped, {"cancel_at_period_end": True}))
    row = world.subscription()
    assert (row.is_recurring, row.ends_at) == (True, None)
    assert world.opens("/exports")

    # It's deleted at Stripe, and both gates close.
    world.advance(DAY)
    ended = {**swapped, "status": "canceled", "canceled_at": stripe.now, "ended_at": stripe.now}
    stripe.tell(("customer.subscription.deleted", ended))
    assert world.subscription().is_ended
    assert says(stripe, "Team ended on 4 May 2026; you are on Free.")
    assert not world.opens("/exports")
    assert not world.opens("/reports")
    check_the_books(stripe)


def renew(
    stripe: StripeSide,
    before: Json,
    start: datetime.datetime,
    end: datetime.datetime,
    *,
    discount: int = 0,
    **changes: Any,
) -> tuple[Json, Json]:
    """Let a period begin; return the subscription, and the invoice, which is only a draft yet."""
    stripe.world.advance(start)
    [item] = before["items"]["data"]
    sub = {**before, **changes, "items": listed({**item, **period(start, end)})}
    line = (1900, "One month of Pro", False)
    draft = invoice_of(stripe, sub, line, reason="subscription_cycle", discount=discount)
    sub["latest_invoice"] = draft["id"]
    was = {name: before[name] for name in (*changes, "items", "latest_invoice")}
    stripe.tell(("invoice.created", draft), ("customer.subscription.updated", sub, was))
    return sub, draft


def collect(stripe: StripeSide, draft: Json, card: Json) -> None:
    """Let an invoice be finalized an hour after its draft, and be paid at once."""
    stripe.world.advance(HOUR)
    bill = finalized(stripe, draft)
    stripe.tell(("invoice.finalized", bill), *collected(stripe, bill, card))


def says(stripe: StripeSide, *sentences: str) -> bool:
    """Tell whether the billing page says all of that."""
    page = " ".join(stripe.world.visitor.get("/settings/billing").text.split())
    return all(sentence in page for sentence in sentences)


def the(model: Any) -> Any:
    db.session.rollback()
    return db.session.scalars(sa.select(model)).one()


def invoices() -> list[models.Invoice]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(models.Invoice).order_by(models.Invoice.created)))


def told() -> list[str]:
    """Return what the ledger says, oldest first."""
    db.session.rollback()
    entries = models.LedgerEntry
    return list(db.session.scalars(sa.select(entries.type).order_by(entries.id)))


def check_the_books(stripe: StripeSide) -> None:
    """Each event was worked on, all rows say what Stripe says, and the ledger tells the way there."""
    events = db.session.scalars(sa.select(models.WebhookEvent)).all()
    assert len(events) == len(stripe.told)
    assert [(each.type, each.last_error) for each in events if not each.is_succeeded] == []
    outcomes = {each.outcome for each in events}
    asked = {request.path for request in stripe.server.requests}
    if stripe.at_once:
        assert outcomes >= {"applied", "fetched"}
        assert {path.split("/")[2] for path in asked} >= {"subscriptions", "invoices"}
    elif stripe.version == old_shape.VERSION:
        # Bodies say it all, so nobody was asked.
        assert (outcomes, asked) == ({"applied"}, set())
    else:
        # Bodies say it all but for a discount, of which they name the id: whose it is, is asked once.
        subscription = the(models.Subscription)
        assert (outcomes, asked) == (
            {"applied", "fetched"},
            {f"/v1/subscriptions/{subscription.processor_id}"},
        )
        assert len(stripe.server.requests) == 1

    rows = mirrored_rows(db)
    intents = {
        id: (row["status"], row["latest_charge_processor_id"])
        for id, row in rows["payment_intent"].items()
    }
    assert intents == {
        each["id"]: (each["status"], each["latest_charge"])
        for each in stripe.kept("payment_intent")
    }
    # Intents of 2020 don't say their latest charge in a word.
    others = [each for each in stripe.told if each.object["object"] != "payment_intent"]
    story = RecordedCase("journey", stripe.version, [each.object for each in others])
    assert against(story, others, rows) == []
    billed = {id for id, row in rows["invoice"].items() if row["total"]}
    for kind in ("charge", "payment_intent"):
        assert {row["invoice_processor_id"] for row in rows[kind].values()} == billed

    assert verify().findings == []
    of_subscription = [type for type in told() if type.startswith("subscription.")]
    assert of_subscription[0] == "subscription.created"
    assert of_subscription[-1] == "subscription.canceled"
    steps = ("trial_ended", "renewed", "past_due", "recovered", "plan_changed")
    ends = ("cancellation_scheduled", "cancellation_withdrawn", "canceled")
    where = [of_subscription.index(f"subscription.{step}") for step in (*steps, *ends)]
    assert where == sorted(where)
