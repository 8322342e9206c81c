"""What holds whatever a shop does: the sums are right, and time has no steps."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flask_accrue.errors import ProcessorError
from flask_accrue.processors import objects
from flask_accrue.processors.fake import FakeProcessor
from tests.processors.fake.conftest import START, Shop

PRICES = ("price_pro", "price_team", "price_year", "price_free")
PRORATIONS = ("create_prorations", "none", "always_invoice")
CARDS = (
    "pm_card_visa",
    "pm_card_chargeCustomerFail",
    "pm_card_authenticationRequired",
)

actions = st.one_of(
    st.tuples(
        st.just("swap"),
        st.sampled_from(PRICES),
        st.sampled_from(PRORATIONS),
    ),
    st.tuples(st.just("quantity"), st.integers(0, 5)),
    st.tuples(st.just("end"), st.booleans()),
    st.tuples(st.just("cancel_at"), st.integers(0, 80), st.sampled_from(PRORATIONS)),
    st.tuples(st.just("pause"), st.sampled_from(["void", "keep_as_draft", "mark_uncollectible"])),
    st.tuples(st.just("resume")),
    st.tuples(st.just("trial"), st.integers(0, 40)),
    st.tuples(st.just("card"), st.sampled_from(CARDS)),
    st.tuples(st.just("pay")),
    st.tuples(st.just("confirm")),
    st.tuples(
        st.just("subscribe"),
        st.sampled_from(PRICES),
        st.booleans(),
        st.sampled_from(["charge_automatically", "send_invoice"]),
    ),
    st.tuples(st.just("add"), st.sampled_from([*PRICES, "price_usage"])),
    st.tuples(st.just("remove"), st.sampled_from(["create_prorations", "always_invoice"])),
    st.tuples(st.just("detach")),
    st.tuples(st.just("refund"), st.integers(1, 3000)),
    st.tuples(st.just("void")),
    st.tuples(st.just("terminal"), st.sampled_from(["cancel", "mark_unpaid", "past_due"])),
    st.tuples(st.just("cardless"), st.sampled_from(["create_invoice", "pause", "cancel"])),
    st.tuples(st.just("balance"), st.integers(-5000, 5000)),
    st.tuples(st.just("cancel"), st.booleans(), st.booleans()),
)
lives = st.lists(st.tuples(st.integers(1, 45 * 86400), actions), min_size=1, max_size=10)


def act(  # noqa: C901 - a case for each thing that can be done
    shop: Shop, customer: str, made: list[t.Any], action: tuple[t.Any, ...]
) -> None:
    """Do something to the newest subscription; what the processor refuses isn't done."""
    what, *given_ = action
    answer = made[-1]
    item = shop.subscription(answer).items[0].processor_id
    match what:
        case "swap":
            shop.swap(answer, given_[0], proration=given_[1])
        case "quantity":
            shop.change(
                answer, items=[{"id": item, "quantity": given_[0]}], proration="always_invoice"
            )
        case "end":
            shop.change(answer, cancel_at_period_end=given_[0])
        case "cancel_at":
            end = shop.fake.clock.now() + datetime.timedelta(days=given_[0])
            until = int(end.timestamp()) if given_[0] else None
            shop.change(answer, cancel_at=until, proration=given_[1])
        case "pause":
            shop.change(answer, pause={"behavior": given_[0]})
        case "resume":
            shop.change(answer, pause=None)
        case "trial":
            end = shop.fake.clock.now() + datetime.timedelta(days=given_[0])
            until = "now" if given_[0] == 0 else int(end.timestamp())
            shop.change(answer, trial_end=until, proration="create_prorations")
        case "card":
            shop.use(customer, given_[0])
        case "pay":
            latest = shop.subscription(answer).latest_invoice
            shop.fake.pay_invoice(latest, payment_method=None, key=shop.key())
        case "confirm":
            invoice = shop.invoice(shop.subscription(answer).latest_invoice)
            for payment in invoice.payments:
                shop.fake.confirm_payment(
                    payment.payment_intent, payment_method=None, key=shop.key()
                )
        case "subscribe":
            trial = datetime.timedelta(days=10) if given_[1] else None
            made.append(
                shop.subscribe(customer, given_[0], trial=trial, collection_method=given_[2])
            )
        case "add":
            shop.change(answer, items=[{"price": given_[0]}], proration="create_prorations")
        case "remove":
            shop.change(answer, items=[{"id": item, "deleted": True}], proration=given_[0])
        case "detach":
            for card in shop.fake.list_payment_methods(customer).objects:
                shop.fake.remove_payment_method(card.processor_id, key=shop.key())
        case "refund":
            shop.fake.create_refund(
                shop.charges(customer)[-1].processor_id,
                amount=given_[0],
                reason=None,
                metadata={},
                key=shop.key(),
            )
        case "void":
            shop.fake.void_invoice(shop.subscription(answer).latest_invoice, key=shop.key())
        case "terminal":
            shop.fake.configure(terminal_action=given_[0])
        case "cardless":
            shop.fake.configure(trial_without_card=given_[0])
        case "balance":
            shop.fake.set_balance(customer, given_[0])
        case "cancel":
            shop.cancel(answer, invoice_now=given_[0], prorate=given_[1])


def live(life: list[tuple[int, t.Any]], steps: t.Callable[[int], list[int]]) -> FakeProcessor:
    fake = FakeProcessor(seed=1)
    fake.freeze(START)
    shop = Shop(fake).catalog()
    customer = shop.customer()
    made = [shop.subscribe(customer)]
    for seconds, action in life:
        for step in steps(seconds):
            fake.advance(datetime.timedelta(seconds=step))
        try:
            act(shop, customer, made, action)
        except ProcessorError:
            continue
    fake.advance(datetime.timedelta(days=40))
    return fake


def dump(fake: FakeProcessor) -> list[t.Any]:
    with fake._engine.store.connection() as connection:
        return [
            *connection.execute("SELECT id, document, aside FROM objects ORDER BY position"),
            *connection.execute(
                "SELECT subject, what, due FROM agenda ORDER BY due, rank, subject"
            ),
            *connection.execute("SELECT id, body FROM outbox ORDER BY position"),
        ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=lives, cut=st.integers(2, 9))
def test_one_leap_is_the_same_as_many_small_steps(life, cut):
    leaping = live(life, lambda seconds: [seconds])
    stepping = live(life, lambda seconds: [seconds // cut] * cut + [seconds - seconds // cut * cut])

    assert dump(leaping) == dump(stepping)
    leaping.close()
    stepping.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=lives)
def test_the_sums_are_right_whatever_happens(life):
    fake = live(life, lambda seconds: [seconds])
    every = fake._engine.see(lambda tx: {kind: tx.all(cls) for kind, cls in objects.KINDS.items()})

    for invoice in every["invoice"]:
        assert sum(line.amount for line in invoice.lines) == invoice.subtotal == invoice.total
        assert invoice.amount_due == max(0, invoice.total + invoice.starting_balance)
        assert invoice.amount_remaining == invoice.amount_due - invoice.amount_paid
        assert (invoice.status == "paid") == (invoice.paid_at is not None)
        paid = [
            charge
            for charge in every["charge"]
            if charge.invoice == invoice.processor_id and charge.status == "succeeded"
        ]
        assert sum(charge.amount for charge in paid) == invoice.amount_paid
        assert len(paid) <= 1
    for subscription in every["subscription"]:
        start, end = subscription.current_period_start, subscription.current_period_end
        assert start <= end
        assert {
            (item.current_period_start, item.current_period_end) for item in subscription.items
        } == {(start, end)}
        if subscription.status == "canceled":
            assert subscription.ended_at is not None
        if subscription.status in ("active", "trialing", "past_due", "unpaid"):
            assert end > fake.clock.now()
        assert (subscription.status == "trialing") <= (subscription.trial_end is not None)
    fake.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=lives)
@example(life=[(1, ("subscribe", "price_year", False, "send_invoice")), (1, ("pay",))])
def test_the_last_event_about_a_thing_tells_how_it_stands(life):
    fake = live(life, lambda seconds: [seconds])
    told: dict[str, objects.ProcessorObject] = {}
    order = []
    for event in fake.pending_events():
        read = fake.read_event(event.body)
        order.append(read.created)
        if read.object is not None and read.object.processor_id:
            told[read.object.processor_id] = read.object

    assert order == sorted(order)
    for processor_id, last in told.items():
        if last.kind == "payment_method" and last.customer is None:
            continue
        (stands,) = fake.fetch(last.kind, processor_id).objects
        # Only a fetch tells the fee.
        unsaid = (
            {"fee": objects.UNSAID, "net": objects.UNSAID}
            if last.kind in ("charge", "refund")
            else {}
        )
        assert last == dataclasses.replace(stands, **unsaid)
    fake.close()


@pytest.mark.parametrize("card", CARDS)
def test_money_that_was_taken_is_what_was_billed(shop, card):
    customer = shop.customer()
    answer = shop.subscribe(customer)
    shop.use(customer, card)
    shop.swap(answer, "price_team", proration="always_invoice")
    shop.advance(days=100)

    paid = sum(invoice.amount_paid for invoice in shop.invoices(customer))
    taken = sum(charge.amount for charge in shop.charges(customer) if charge.status == "succeeded")

    assert paid == taken > 0
