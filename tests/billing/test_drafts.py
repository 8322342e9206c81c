"""Invoices that are written by hand."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, clock, errors, ledger, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def draft(kit: Kit, payer: Organization) -> models.Invoice:
    """Give an empty draft in US dollars, its events delivered."""
    made = billing.create_invoice(payer, currency="usd", description="Setup")
    kit.deliver()
    return made


def entries(kit: Kit) -> list[str]:
    entry = models.LedgerEntry
    return list(kit.state.db.session.scalars(sa.select(entry.type).order_by(entry.id)))


def amounts(invoice: models.Invoice) -> list[int]:
    return [line.amount for line in invoice.items]


def test_a_bill_is_drafted_filled_finalized_and_paid(
    kit: Kit, payer: Organization, draft: models.Invoice
) -> None:
    billing.add_invoice_item(draft, Money(12000, "usd"), description="Setup")
    billing.add_invoice_item(draft, Money(-2000, "usd"), description="Goodwill")
    assert (draft.is_draft, draft.total, amounts(draft)) == (True, 10000, [12000, -2000])

    billing.finalize_invoice(draft)
    assert (draft.is_open, draft.amount_due) == (True, 10000)
    assert draft.number
    billing.pay_invoice(draft)

    assert draft.is_paid
    assert [charge.amount for charge in billing.list_charges(payer)] == [10000]
    told = [each for each in entries(kit) if each.startswith("invoice.")]
    assert told == [
        "invoice.created",
        "invoice.updated",
        "invoice.updated",
        "invoice.finalized",
        "invoice.paid",
    ]
    before = [line.amount for line in draft.items]
    kit.deliver()
    assert amounts(draft) == before
    assert draft.is_paid
    assert ledger.verify().is_intact


def test_a_one_time_price_is_billed_with_its_quantity(kit: Kit, draft: models.Invoice) -> None:
    product = kit.fake.create_product("Onboarding")
    price = kit.fake.create_price(product, Money(2500, "usd"), None)

    billing.add_invoice_item(draft, price=price.processor_id, quantity=3)

    [line] = draft.items
    assert (line.amount, line.quantity, line.description) == (7500, 3, "Onboarding")
    assert line.price_processor_id == price.processor_id


def test_a_line_is_taken_off_and_the_others_stay(kit: Kit, draft: models.Invoice) -> None:
    for cents in (100, 200, 300):
        billing.add_invoice_item(draft, Money(cents, "usd"))

    billing.remove_invoice_item(draft, draft.items[1])

    assert (amounts(draft), draft.total) == ([100, 300], 400)
    kit.deliver(times=2)
    assert amounts(draft) == [100, 300]
    with pytest.raises(errors.NotFound):
        billing.remove_invoice_item(draft, "il_of_nobody")


def test_what_waits_is_taken_in_only_if_that_is_asked_for(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    kit.advance(days=10)
    billing.swap_plan(subscription, "price_team", proration="create_prorations")

    without = billing.create_invoice(payer, subscription=subscription)
    taken = billing.create_invoice(payer, subscription=subscription, pending_items="include")

    assert amounts(without) == []
    assert all(line.proration for line in taken.items)
    assert len(amounts(taken)) == 2
    assert taken.subscription == subscription


def test_the_lines_of_a_subscription_stay(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    kit.advance(days=31)
    kit.deliver()
    renewal = next(each for each in billing.list_invoices(payer) if each.is_draft)

    with pytest.raises(errors.InvalidState) as raised:
        billing.remove_invoice_item(renewal, renewal.items[0])
    assert raised.value.code == "line_not_removable"
    with pytest.raises(errors.InvalidState) as raised:
        billing.void_invoice(renewal)
    assert raised.value.code == "invoice_of_subscription"

    billing.add_invoice_item(renewal, Money(500, "usd"), description="Extra")
    assert renewal.total == sum(amounts(renewal))


def test_a_draft_that_is_voided_is_deleted(kit: Kit, draft: models.Invoice) -> None:
    billing.void_invoice(draft)

    assert (draft.is_void, draft.is_draft) == (True, False)
    assert "invoice.deleted" in entries(kit)
    invoices = models.Invoice
    assert kit.state.db.session.scalars(sa.select(invoices).where(invoices.is_void)).all() == [
        draft
    ]
    kit.deliver()
    assert draft.is_void
    assert billing.void_invoice(draft) == draft
    assert billing.sync(draft) is None


def test_a_draft_that_is_gone_at_the_processor_is_void_here(
    kit: Kit, draft: models.Invoice
) -> None:
    kit.fake.delete_invoice(draft.processor_id, key="elsewhere")

    assert billing.void_invoice(draft).is_void


def test_an_open_one_is_written_off_and_still_paid(kit: Kit, draft: models.Invoice) -> None:
    billing.add_invoice_item(draft, Money(900, "usd"))
    billing.finalize_invoice(draft)

    billing.mark_uncollectible(draft)
    assert draft.is_uncollectible
    assert billing.mark_uncollectible(draft).is_uncollectible
    billing.pay_invoice(draft)

    assert draft.is_paid


def test_what_was_paid_elsewhere_charges_no_card(
    kit: Kit, payer: Organization, draft: models.Invoice
) -> None:
    billing.add_invoice_item(draft, Money(900, "usd"))
    billing.finalize_invoice(draft)

    billing.pay_invoice(draft, out_of_band=True)
    kit.deliver()

    assert (draft.is_paid, draft.amount_remaining) == (True, 0)
    assert billing.list_charges(payer) == []
    [card] = billing.list_payment_methods(payer)
    other = billing.create_invoice(payer)
    with pytest.raises(errors.InvalidRequest):
        billing.pay_invoice(other, payment_method=card, out_of_band=True)


def test_one_that_is_sent_has_a_date_to_pay_by(kit: Kit, payer: Organization) -> None:
    ahead = kit.state.clock.now() + datetime.timedelta(days=3)
    made = billing.create_invoice(
        payer, currency="usd", collection_method="send_invoice", due_date=ahead
    )
    billing.add_invoice_item(made, Money(900, "usd"))
    assert made.due_date == ahead.replace(microsecond=0)
    later = billing.create_invoice(
        payer, currency="usd", collection_method="send_invoice", days_until_due=14
    )
    assert later.due_date - later.created == datetime.timedelta(days=14)

    billing.finalize_invoice(made)
    billing.send_invoice(made)
    billing.send_invoice(made, operation_id="again")

    assert made.due_date == ahead.replace(microsecond=0)
    sent = [event for event in kit.fake.events() if event.type == "invoice.sent"]
    assert len(sent) == 2
    kit.deliver()
    billing.send_invoice(made, operation_id="again")
    told = [each for each in kit.entries() if each.type == "invoice.sent"]
    assert [(each.subject_id, each.actor_type) for each in told] == [(str(made.id), "system")] * 2
    assert told[1].operation_id == "again"
    assert told[1].state["lines"] == told[0].state["lines"] != []
    kit.assert_settled()


def test_one_that_goes_on_by_itself_is_collected(kit: Kit, payer: Organization) -> None:
    made = billing.create_invoice(payer, currency="usd", auto_advance=True)
    billing.add_invoice_item(made, Money(900, "usd"))
    soon = billing.create_invoice(payer, currency="usd")
    billing.add_invoice_item(soon, Money(500, "usd"))
    billing.finalize_invoice(soon, auto_advance=True)
    assert (made.auto_advance, soon.is_open) == (True, True)

    kit.advance(hours=1)
    kit.deliver()

    assert (made.is_paid, soon.is_paid) == (True, True)


def test_what_is_not_legal_is_refused_before_any_call(
    kit: Kit, payer: Organization, draft: models.Invoice, calls: list[str]
) -> None:
    billing.add_invoice_item(draft, Money(900, "usd"))
    never_sent = billing.finalize_invoice(draft)
    del calls[:]

    def code(function: Any, *args: Any) -> str:
        with pytest.raises(errors.InvalidState) as raised:
            function(*args)
        return raised.value.code

    assert code(billing.finalize_invoice, draft) == "invoice_not_draft"
    assert code(billing.add_invoice_item, draft, Money(1, "usd")) == "invoice_not_draft"
    assert code(billing.remove_invoice_item, draft, draft.items[0]) == "invoice_not_draft"
    assert code(billing.send_invoice, never_sent) == "invoice_not_sendable"
    assert calls == []
    billing.pay_invoice(draft)
    del calls[:]
    assert code(billing.void_invoice, draft) == "invoice_paid"
    assert code(billing.mark_uncollectible, draft) == "invoice_not_open"
    assert code(billing.send_invoice, draft) == "invoice_not_open"
    assert calls == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"currency": "eur"}, "currency_mismatch"),
        ({"collection_method": "by_mail"}, "parameter_invalid"),
        ({"pending_items": "some"}, "parameter_invalid"),
        ({"days_until_due": 3}, "parameter_invalid"),
        ({"collection_method": "send_invoice", "days_until_due": -1}, "parameter_invalid"),
        ({"due_date": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}, "parameter_invalid"),
        ({"description": 3}, "parameter_invalid"),
    ],
)
def test_a_draft_that_cant_be_is_refused_before_any_call(
    payer: Organization, draft: models.Invoice, calls: list[str], given: Any, code: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_invoice(payer, **given)

    assert raised.value.code == code
    assert calls == []


@pytest.mark.parametrize(
    "given",
    [
        {"amount": Money(5, "eur")},
        {"amount": 5},
        {},
        {"amount": Money(5, "usd"), "price": "price_pro"},
        {"amount": Money(5, "usd"), "quantity": 2},
        {"price": "price_pro", "quantity": -1},
        {"amount": Money(5, "usd"), "tax_behavior": "some"},
    ],
)
def test_a_line_that_cant_be_is_refused_before_any_call(
    draft: models.Invoice, calls: list[str], given: Any
) -> None:
    with pytest.raises(errors.InvalidRequest):
        billing.add_invoice_item(draft, **given)

    assert calls == []
    assert draft.items == []


def test_a_currency_is_never_slipped_in(payer: Organization) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_invoice(payer)

    assert raised.value.code == "currency_missing"


def test_somebody_else_s_subscription_is_refused(
    kit: Kit, subscription: models.Subscription
) -> None:
    from tests.host import Organization

    other = Organization(name="Other", email="other@example.com")
    kit.state.db.session.add(other)
    kit.state.db.session.commit()

    with pytest.raises(errors.NotFound):
        billing.create_invoice(other, subscription=subscription)


def test_repeating_a_line_adds_it_once(kit: Kit, draft: models.Invoice) -> None:
    for _ in range(2):
        billing.add_invoice_item(draft, Money(900, "usd"), operation_id="line")
    with pytest.raises(errors.IdempotencyConflict):
        billing.add_invoice_item(draft, Money(901, "usd"), operation_id="line")

    assert amounts(draft) == [900]


@pytest.mark.parametrize("call", ["create_invoice", "add_invoice_item", "finalize_invoice"])
def test_a_lost_answer_leaves_one(
    kit: Kit, payer: Organization, draft: models.Invoice, call: str, age_operations: Any
) -> None:
    billing.add_invoice_item(draft, Money(100, "usd"))
    before = len(billing.list_invoices(payer))
    kit.fake.fail_next(call, "timeout", when="after")

    def act() -> models.Invoice:
        match call:
            case "create_invoice":
                return billing.create_invoice(payer, operation_id="lost")
            case "add_invoice_item":
                return billing.add_invoice_item(draft, Money(900, "usd"), operation_id="lost")
        return billing.finalize_invoice(draft, operation_id="lost")

    with pytest.raises(errors.ProcessorUnavailable):
        act()
    made = act()
    kit.deliver()

    assert len(billing.list_invoices(payer)) == before + (call == "create_invoice")
    assert amounts(draft) == [100] + [900] * (call == "add_invoice_item")
    assert made.is_open == (call == "finalize_invoice")


@pytest.mark.parametrize("currency", ["jpy", "kwd", "huf", "isk"])
def test_amounts_are_minor_units_in_any_currency(
    kit: Kit, payer: Organization, currency: str
) -> None:
    made = billing.create_invoice(payer, currency=currency)
    billing.add_invoice_item(made, Money(5000, currency))
    billing.finalize_invoice(made)

    assert made.total_money == Money(5000, currency)
    billing.pay_invoice(made)
    assert [charge.amount for charge in billing.list_charges(payer)] == [5000]


def test_a_draft_is_returned_to_a_repeat_after_its_date(kit: Kit, payer: Organization) -> None:
    asked: dict[str, Any] = {
        "currency": "usd",
        "collection_method": "send_invoice",
        "due_date": clock.now() + datetime.timedelta(days=3),
        "operation_id": "late",
    }
    made = billing.create_invoice(payer, **asked)
    kit.advance(days=4)

    assert billing.create_invoice(payer, **asked) == made
    with pytest.raises(errors.InvalidRequest):
        billing.create_invoice(payer, **{**asked, "operation_id": "another"})
