"""What the Fake and Stripe do alike with invoices, as far as the contract server computes it."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import InvalidRequest, NotFound
from flask_accrue.processors import objects
from tests.processors.test_behavior import Shop, card, customer, key, now, shop

__all__ = ["shop"]


def draft(shop: Shop, payer: str, **given: t.Any) -> objects.Invoice:
    wanted: dict[str, t.Any] = {
        "subscription": None,
        "currency": "usd",
        "collection_method": "charge_automatically",
        "due_date": None,
        "days_until_due": None,
        "auto_advance": False,
        "automatic_tax": False,
        "description": None,
        "pending_items": "exclude",
        "metadata": {},
        "key": key(),
    }
    return told(shop.processor.create_invoice(payer, **{**wanted, **given}).main)


def add(shop: Shop, invoice: objects.Invoice, amount: int, **given: t.Any) -> objects.Invoice:
    wanted: dict[str, t.Any] = {
        "customer": invoice.customer,
        "amount": amount,
        "currency": invoice.currency,
        "price": None,
        "quantity": None,
        "description": None,
        "tax_behavior": None,
        "metadata": {},
        "key": key(),
    }
    id = invoice.processor_id
    return told(shop.processor.add_invoice_item(id, **{**wanted, **given}).main)


def told(found: objects.ProcessorObject) -> objects.Invoice:
    assert isinstance(found, objects.Invoice)
    return found


def lines(invoice: objects.Invoice) -> list[objects.InvoiceLine]:
    assert not isinstance(invoice.lines, objects.Unsaid)
    return list(invoice.lines)


@pytest.fixture
def payer(shop: Shop) -> str:
    """Give a customer with a default card."""
    id = customer(shop).processor_id
    default = {"default_payment_method": card(shop, id).processor_id}
    shop.processor.update_customer(id, default, key=key())
    return id


def test_a_draft_begins_empty_and_adds_up(shop: Shop, payer: str) -> None:
    empty = draft(shop, payer, description="Setup")
    add(shop, empty, 5000, description="Workshop")
    filled = add(shop, empty, -700)

    assert (empty.status, empty.total, lines(empty)) == ("draft", 0, [])
    assert (empty.description, empty.number) == ("Setup", None)
    assert [line.amount for line in lines(filled)] == [5000, -700]
    assert lines(filled)[0].description == "Workshop"
    assert (filled.subtotal, filled.total, filled.amount_due) == (4300, 4300, 4300)
    assert now(shop, empty) == filled


def test_what_was_added_is_taken_off_again(shop: Shop, payer: str) -> None:
    made = draft(shop, payer)
    add(shop, made, 5000)
    both = add(shop, made, 300)
    item = lines(both)[0].invoice_item
    assert item is not None

    for _ in range(2):
        left = told(shop.processor.remove_invoice_item(made.processor_id, item, key=key()).main)
        assert [line.amount for line in lines(left)] == [300]
        assert left.total == 300


def test_an_item_is_found_by_its_operation(shop: Shop, payer: str) -> None:
    made = draft(shop, payer, metadata={"accrue_operation": "op-1"})
    add(shop, made, 5000, metadata={"accrue_operation": "op-2"})

    invoice = shop.processor.find("invoice", "op-1", within=payer)
    item = shop.processor.find("invoice_item", "op-2", within=made.processor_id)

    assert invoice is not None
    assert item is not None
    assert invoice.main.processor_id == item.main.processor_id == made.processor_id
    assert shop.processor.find("invoice_item", "op-3", within=made.processor_id) is None


def test_a_finalized_bill_takes_no_more_lines(shop: Shop, payer: str) -> None:
    made = draft(shop, payer)
    add(shop, made, 5000)

    answer = shop.processor.finalize_invoice(made.processor_id, auto_advance=None, key=key())

    assert told(answer.main).status == "open"
    with pytest.raises(InvalidRequest):
        add(shop, made, 1)
    with pytest.raises(InvalidRequest):
        shop.processor.finalize_invoice(made.processor_id, auto_advance=None, key=key())


@pytest.mark.parametrize(
    ("step", "status"), [("void_invoice", "void"), ("mark_uncollectible", "uncollectible")]
)
def test_a_bill_is_given_up(shop: Shop, payer: str, step: str, status: str) -> None:
    made = draft(shop, payer)
    add(shop, made, 5000)
    with pytest.raises(InvalidRequest):
        getattr(shop.processor, step)(made.processor_id, key=key())
    shop.processor.finalize_invoice(made.processor_id, auto_advance=None, key=key())

    answer = getattr(shop.processor, step)(made.processor_id, key=key())

    assert told(answer.main).status == status
    with pytest.raises(InvalidRequest):
        getattr(shop.processor, step)(made.processor_id, key=key())


def test_a_deleted_draft_is_gone(shop: Shop, payer: str) -> None:
    made = draft(shop, payer)

    for _ in range(2):
        shop.processor.delete_invoice(made.processor_id, key=key())

    with pytest.raises(NotFound):
        now(shop, made)


def test_a_bill_that_is_sent_is_due_some_day(shop: Shop, payer: str) -> None:
    with pytest.raises(InvalidRequest):
        draft(shop, payer, collection_method="send_invoice")
    made = draft(shop, payer, collection_method="send_invoice", due_date=4_000_000_000)
    add(shop, made, 5000)
    shop.processor.finalize_invoice(made.processor_id, auto_advance=None, key=key())

    sent = told(shop.processor.send_invoice(made.processor_id, key=key()).main)

    assert sent.due_date is not None
    assert (sent.status, sent.due_date.timestamp()) == ("open", 4_000_000_000)


def test_a_balance_is_what_was_added_to_it(shop: Shop, payer: str) -> None:
    given = {"currency": "usd", "description": None, "metadata": {"accrue_operation": "op-1"}}

    for amount, balance in ((-500, -500), (200, -300)):
        found = shop.processor.adjust_balance(payer, amount=amount, **given, key=key()).main
        assert isinstance(found, objects.Customer)
        assert (found.balance, found.currency) == (balance, "usd")

    found_again = shop.processor.find("balance_transaction", "op-1", within=payer)
    assert found_again is not None
    assert found_again.main == now(shop, found_again.main)


def test_a_credit_note_is_of_its_invoice_and_found_by_its_operation(shop: Shop, payer: str) -> None:
    made = draft(shop, payer)
    add(shop, made, 5000)
    shop.processor.finalize_invoice(made.processor_id, auto_advance=None, key=key())

    note = shop.processor.create_credit_note(
        made.processor_id,
        amount=700,
        lines=None,
        refund_amount=None,
        credit_amount=None,
        out_of_band_amount=None,
        refunds=[],
        reason="duplicate",
        memo="Sorry",
        email=False,
        metadata={"accrue_operation": "op-1"},
        key=key(),
    ).main

    assert isinstance(note, objects.CreditNote)
    assert (note.customer, note.invoice) == (payer, made.processor_id)
    assert (note.total, note.reason, note.memo) == (700, "duplicate", "Sorry")
    found = shop.processor.find("credit_note", "op-1", within=made.processor_id)
    assert found is not None
    assert found.main == note
    voided = shop.processor.void_credit_note(note.processor_id, key=key()).main
    assert isinstance(voided, objects.CreditNote)
    assert voided.status == "void"
    with pytest.raises(InvalidRequest):
        shop.processor.void_credit_note(note.processor_id, key=key())


# -- tax -------------------------------------------------------------------------------------------


def test_a_place_is_kept_as_it_was_given(shop: Shop, payer: str) -> None:
    place = {"country": "DE", "postal_code": "10115", "city": "Berlin"}
    changes = {"tax_location": {"address": place, "ip_address": "203.0.113.7"}}

    changed = shop.processor.update_customer(payer, changes, key=key()).main

    assert isinstance(changed, objects.Customer)
    assert {name: changed.address.get(name) for name in place} == place
    assert changed.country == "DE"
    assert now(shop, changed) == changed


def test_a_tax_id_is_added_and_removed(shop: Shop, payer: str) -> None:
    added = shop.processor.create_tax_id(payer, type="eu_vat", value="DE123456789", key=key()).main

    assert isinstance(added, objects.TaxId)
    assert (added.customer, added.type, added.value) == (payer, "eu_vat", "DE123456789")
    listed = shop.processor.list_tax_ids(payer).objects
    assert [each.processor_id for each in listed] == [added.processor_id]
    for _ in range(2):
        shop.processor.delete_tax_id(payer, added.processor_id, key=key())
    assert shop.processor.list_tax_ids(payer).objects == ()
    with pytest.raises(NotFound):
        now(shop, added)
