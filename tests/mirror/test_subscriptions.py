"""Subscriptions and their items: what is derived from invoices, what is dropped, and what it's called."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import mirror, models
from flask_accrue.processors import objects
from tests.mirror.conftest import HOUR, MONTH, START
from tests.mirror.said import card, charge, intent, invoice, item, line, payment, subscription

if TYPE_CHECKING:
    from tests.mirror.conftest import Mirror

LATER = START + 20 * MONTH


def test_its_name_stands_in_its_metadata(mirrored: Mirror) -> None:
    assert mirrored.put(subscription()).name == "default"
    assert mirrored.put(subscription(metadata={mirror.NAME_KEY: "extra"})).name == "extra"


@pytest.mark.parametrize(
    ("before", "after", "verb"),
    [
        ({}, {"status": "past_due"}, "past_due"),
        ({"status": "past_due"}, {}, "recovered"),
        ({"status": "unpaid"}, {}, "recovered"),
        ({"status": "incomplete"}, {}, "activated"),
        ({"status": "incomplete"}, {"status": "trialing"}, "activated"),
        ({"status": "trialing"}, {}, "trial_ended"),
        ({"status": "trialing", "trial_end": LATER}, {"status": "trialing"}, "trial_changed"),
        ({}, {"status": "canceled", "ended_at": START}, "canceled"),
        ({}, {"cancel_at_period_end": True, "canceled_at": START}, "cancellation_scheduled"),
        ({}, {"cancel_at": LATER}, "cancellation_scheduled"),
        ({"cancel_at": LATER}, {}, "cancellation_withdrawn"),
        ({"cancel_at_period_end": True}, {}, "cancellation_withdrawn"),
        ({}, {"pause_behavior": "void"}, "paused"),
        ({"pause_behavior": "void"}, {}, "resumed"),
        ({}, {"items": (item(price="price_team"),)}, "plan_changed"),
        ({}, {"items": (item(quantity=2),)}, "quantity_changed"),
        ({}, {"items": (item(), item("si_2", price="price_team"))}, "item_added"),
        (
            {"items": (item(), item("si_2", price="price_team"))},
            {"items": (item("si_2", price="price_team"),)},
            "item_removed",
        ),
        ({}, {"current_period_start": START + HOUR}, "renewed"),
        ({}, {"metadata": {"seats": "3"}}, "updated"),
    ],
)
def test_what_happened_is_named_by_what_weighs_most(
    mirrored: Mirror, before: dict[str, Any], after: dict[str, Any], verb: str
) -> None:
    ahead = {"current_period_end": LATER}
    mirrored.put(subscription(**ahead | before))
    mirrored.put(subscription(**ahead | after))
    assert mirrored.verbs("subscription") == ["created", verb]


# -- items -----------------------------------------------------------------------------------------


def test_an_item_that_is_missing_is_removed_at_once_and_keeps_its_row(mirrored: Mirror) -> None:
    mirrored.put(subscription(items=(item("si_1"), item("si_2", price="price_team"))))
    last_seen = mirrored.now
    row = mirrored.put(subscription(items=(item("si_2", price="price_team"),)))
    assert [each.processor_id for each in row.items] == ["si_2"]
    dropped = _item(mirrored, "si_1")
    assert (dropped.removed_at, dropped.price_processor_id) == (last_seen, "price_pro")
    entry = mirrored.entries("subscription")[-1]
    assert [each["id"] for each in entry.state["items"]] == ["si_2"]
    # It may come back.
    mirrored.put(subscription(items=(item("si_1"), item("si_2", price="price_team"))))
    assert _item(mirrored, "si_1").removed_at is None


def test_items_stand_in_the_processors_order(mirrored: Mirror) -> None:
    names = ["si_3", "si_1", "si_2"]
    row = mirrored.put(subscription(items=tuple(map(item, names))))
    assert [each.processor_id for each in row.items] == names
    row = mirrored.put(subscription(items=tuple(map(item, names[::-1]))))
    assert [each.processor_id for each in row.items] == names[::-1]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_a_dropped_item_is_the_same_in_whatever_order_its_news_come(
    mirrored: Mirror, order: tuple[int, ...]
) -> None:
    """As a worker does it: what is older than the row only leaves its past items."""
    news = [
        (subscription(items=(item("si_1", quantity=1), item("si_2"))), START + 1 * HOUR),
        (subscription(items=(item("si_1", quantity=5), item("si_2"))), START + 2 * HOUR),
        (subscription(items=(item("si_2"),)), START + 3 * HOUR),
    ]
    for obj, at in (news[number] for number in order):
        row = mirrored.find("subscription", "sub_1")
        if row is None or row.fresh_to < at:
            mirrored.put(obj, at=at)
        else:
            mirrored.within(
                lambda uow, payer, obj=obj, at=at: mirror.note_past_items(
                    uow,
                    uow.find(models.Subscription, "fake", "sub_1"),
                    obj.items,
                    at,
                    payer.account,
                )
            )
    assert [each.processor_id for each in mirrored.find("subscription", "sub_1").items] == ["si_2"]
    dropped = _item(mirrored, "si_1")
    assert (dropped.quantity, dropped.removed_at) == (5, START + 2 * HOUR)


def _item(mirrored: Mirror, processor_id: str) -> models.SubscriptionItem:
    mirrored.db.session.rollback()
    found: models.SubscriptionItem = mirrored.db.session.scalars(
        sa.select(models.SubscriptionItem).filter_by(processor_id=processor_id)
    ).one()
    return found


# -- what invoices tell ----------------------------------------------------------------------------


def test_it_is_past_due_since_the_first_failure_of_an_invoice_that_is_still_open(
    mirrored: Mirror,
) -> None:
    mirrored.put(subscription(status="past_due"))
    assert mirrored.find("subscription", "sub_1").past_due_since is None
    mirrored.put(invoice(processor_id="in_2"), failed_at=START + 2 * HOUR)
    mirrored.put(invoice(processor_id="in_1"), failed_at=START + 1 * HOUR)
    assert mirrored.find("subscription", "sub_1").past_due_since == START + 1 * HOUR
    mirrored.put(invoice(processor_id="in_1", status="paid", amount_paid=1900))
    assert mirrored.find("subscription", "sub_1").past_due_since == START + 2 * HOUR
    mirrored.put(subscription(status="active"))
    assert mirrored.find("subscription", "sub_1").past_due_since is None


def test_a_sent_invoice_counts_from_when_it_was_due_whatever_was_tried_before(
    mirrored: Mirror,
) -> None:
    due = START + MONTH
    mirrored.put(subscription(status="past_due"))
    mirrored.put(
        invoice(collection_method="send_invoice", due_date=due), failed_at=START + 2 * HOUR
    )
    assert mirrored.find("subscription", "sub_1").past_due_since == due
    mirrored.put(invoice(processor_id="in_2"), failed_at=due - HOUR)
    assert mirrored.find("subscription", "sub_1").past_due_since == due - HOUR


def test_it_is_paid_until_the_last_period_on_its_paid_invoices(mirrored: Mirror) -> None:
    mirrored.put(subscription())
    periods = (line(period_end=START + MONTH), line(period_end=START + 2 * MONTH))
    mirrored.put(invoice(lines=periods))
    assert mirrored.find("subscription", "sub_1").paid_until is None
    mirrored.put(invoice(status="paid", lines=periods))
    assert mirrored.find("subscription", "sub_1").paid_until == START + 2 * MONTH
    mirrored.put(
        invoice(processor_id="in_2", status="void", lines=(line(period_end=START + 9 * MONTH),))
    )
    assert mirrored.find("subscription", "sub_1").paid_until == START + 2 * MONTH


def test_what_invoices_tell_is_there_however_late_the_subscription_comes(mirrored: Mirror) -> None:
    mirrored.put(invoice(status="paid", lines=(line(period_end=START + MONTH),)))
    mirrored.put(invoice(processor_id="in_2"), failed_at=START)
    row = mirrored.put(subscription(status="past_due"))
    assert (row.paid_until, row.past_due_since) == (START + MONTH, START)


# -- whichever comes first -------------------------------------------------------------------------

NEWS: dict[str, objects.ProcessorObject] = {
    "subscription": subscription(latest_invoice="in_1", default_payment_method="pm_1"),
    "invoice": invoice(status="paid", lines=(line(period_end=START + MONTH),)),
    "payment": payment(),
    "charge": charge(payment_intent="pi_1", payment_method="pm_1"),
    "card": card(),
}


@pytest.mark.parametrize("first", NEWS)
def test_all_find_one_another_whichever_comes_first(mirrored: Mirror, first: str) -> None:
    """All orders of five things, each first one in a test of its own; each time they are other things."""
    others = [name for name in NEWS if name != first]
    for number, order in enumerate(itertools.permutations(others)):
        for name in (first, *order):
            mirrored.put(_renamed(NEWS[name], number))
        mirrored.put(_renamed(intent(payment_method="pm_1", latest_charge="ch_1"), number))
        row = mirrored.find("charge", f"ch_1.{number}")
        assert row.invoice_processor_id == f"in_1.{number}", (first, order)
        assert row.payment_method.processor_id == f"pm_1.{number}"
        paid = mirrored.find("invoice", f"in_1.{number}")
        assert paid.subscription.paid_until == START + MONTH
        assert [each.processor_id for each in paid.payments] == [f"inpay_1.{number}"]
        linked = mirrored.find("payment_intent", f"pi_1.{number}")
        assert linked.invoice_processor_id == f"in_1.{number}"
        default = mirrored.find("subscription", f"sub_1.{number}").default_payment_method
        assert default.processor_id == f"pm_1.{number}"


def _renamed(obj: Any, number: int) -> Any:
    """Return the same story again with ids of its own."""
    names = {
        each.name: f"{getattr(obj, each.name)}.{number}"
        for each in dataclasses.fields(obj)
        if str(getattr(obj, each.name)).startswith(("sub_", "in_", "inpay_", "ch_", "pi_", "pm_"))
    }
    if isinstance(obj, objects.Subscription):
        names["items"] = (item(f"si_1.{number}"),)
    return dataclasses.replace(obj, **names)
