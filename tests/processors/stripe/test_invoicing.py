"""What is sent for an invoice by hand, a credit note or a tax id, whatever was asked for."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue import billing, ledger, models
from flask_accrue.errors import InvalidRequest
from flask_accrue.money import Money
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from tests.processors.stripe.stripe_bodies import Json
from tests.processors.stripe.stripe_host import entries, org, payer

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]

DRAFT: Json = {
    "subscription": None,
    "currency": None,
    "collection_method": "charge_automatically",
    "due_date": None,
    "days_until_due": None,
    "auto_advance": False,
    "automatic_tax": False,
    "description": None,
    "pending_items": "exclude",
    "metadata": {},
}
ITEM: Json = {
    "customer": "cus_1",
    "amount": None,
    "currency": None,
    "price": None,
    "quantity": None,
    "description": None,
    "tax_behavior": None,
    "metadata": {},
}
NOTE: Json = {
    "amount": None,
    "lines": None,
    "refund_amount": None,
    "credit_amount": None,
    "out_of_band_amount": None,
    "refunds": [],
    "reason": None,
    "memo": None,
    "email": False,
    "metadata": {},
}


def sent(server: ContractServer) -> Json:
    """Return what the first request asked for, less what is expanded."""
    return {name: value for name, value in server.requests[0].params.items() if name != "expand"}


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ({}, {}),
        (
            {"collection_method": "send_invoice", "days_until_due": 14},
            {"collection_method": "send_invoice", "days_until_due": 14},
        ),
        ({"currency": "jpy", "pending_items": "include"}, {"currency": "jpy"}),
        ({"subscription": "sub_1"}, {"subscription": "sub_1"}),
    ],
)
def test_a_draft_asks_for_what_was_wanted_and_nothing_else(
    world: ContractServer, processor: StripeProcessor, given: Json, params: Json
) -> None:
    processor.create_invoice("cus_1", **{**DRAFT, **given}, key="key-1")

    always = {
        "customer": "cus_1",
        "collection_method": "charge_automatically",
        "auto_advance": False,
        "pending_invoice_items_behavior": given.get("pending_items", "exclude"),
    }
    assert sent(world) == {**always, **params}


def test_an_item_of_a_price_names_price_and_quantity(
    world: ContractServer, processor: StripeProcessor
) -> None:
    given = {"price": "price_pro", "quantity": 3}
    processor.add_invoice_item("in_draft", **{**ITEM, **given}, key="key-1")

    assert sent(world) == {
        "customer": "cus_1",
        "invoice": "in_draft",
        "pricing": {"price": "price_pro"},
        "quantity": 3,
    }


@pytest.mark.parametrize("currency", ["jpy", "kwd", "huf", "isk"])
def test_an_amount_is_sent_in_minor_units(
    world: ContractServer, processor: StripeProcessor, currency: str
) -> None:
    given = {"amount": 5000, "currency": currency}
    processor.add_invoice_item("in_draft", **{**ITEM, **given}, key="key-1")

    assert (sent(world)["amount"], sent(world)["currency"]) == (5000, currency)


@pytest.mark.parametrize(
    ("given", "params"),
    [(None, {}), (True, {"auto_advance": True}), (False, {"auto_advance": False})],
)
def test_a_bill_goes_on_by_itself_only_if_that_is_said(
    world: ContractServer, processor: StripeProcessor, given: bool | None, params: Json
) -> None:
    processor.finalize_invoice("in_draft", auto_advance=given, key="key-1")

    assert sent(world) == params


def test_a_bill_that_was_paid_elsewhere_is_charged_to_no_card(
    world: ContractServer, processor: StripeProcessor
) -> None:
    processor.pay_invoice("in_1", payment_method=None, out_of_band=True, key="key-1")

    assert sent(world) == {"paid_out_of_band": True}


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ({"amount": 500}, {"amount": 500, "email_type": "none"}),
        (
            {"amount": 500, "refund_amount": 500, "email": True},
            {"amount": 500, "refund_amount": 500, "email_type": "credit_note"},
        ),
        (
            {"lines": [{"line": "il_1", "quantity": None, "amount": 5}]},
            {
                "lines": [{"type": "invoice_line_item", "invoice_line_item": "il_1", "amount": 5}],
                "email_type": "none",
            },
        ),
    ],
)
def test_a_credit_note_asks_for_what_was_wanted_and_nothing_else(
    world: ContractServer, processor: StripeProcessor, given: Json, params: Json
) -> None:
    processor.create_credit_note("in_1", **{**NOTE, **given}, key="key-1")

    assert sent(world) == {"invoice": "in_1", **params}


def test_a_place_without_an_address_of_a_computer_names_none(
    world: ContractServer, processor: StripeProcessor
) -> None:
    place = {"tax_location": {"address": {"country": "DE"}, "ip_address": None}}

    changed = processor.update_customer("cus_1", place, key="key-1").main

    assert sent(world) == {
        "address": dict.fromkeys(("line1", "line2", "city", "state", "postal_code"), "")
        | {"country": "DE"},
        "tax": {"validate_location": "immediately"},
    }
    assert isinstance(changed, objects.Customer)
    assert changed.country == "DE"


# -- a host ----------------------------------------------------------------------------------------


def test_a_bill_by_hand_lives_and_is_lowered(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    draft = billing.create_invoice(org, currency="usd", collection_method="send_invoice")
    billing.add_invoice_item(draft, Money(12000, "usd"), description="Workshop")
    billing.add_invoice_item(draft, Money(-2000, "usd"), description="Goodwill")
    billing.add_invoice_item(draft, Money(1, "usd"))
    billing.remove_invoice_item(draft, draft.items[2])
    assert [(line.amount, line.description) for line in draft.items] == [
        (12000, "Workshop"),
        (-2000, "Goodwill"),
    ]
    assert (draft.is_draft, draft.total) == (True, 10000)

    billing.finalize_invoice(draft)
    billing.send_invoice(draft)
    note = billing.create_credit_note(draft, Money(2500, "usd"), memo="As agreed")
    billing.void_credit_note(note)
    billing.void_invoice(draft)

    assert (draft.is_void, note.is_void) == (True, True)
    assert [request.error for request in stripe_server.requests if request.status != 200] == []
    assert [each for each in entries() if each.startswith(("invoice.", "credit_note."))] == [
        "invoice.created",
        *["invoice.updated"] * 4,
        "invoice.finalized",
        "invoice.sent",
        "credit_note.created",
        "credit_note.voided",
        "invoice.voided",
    ]
    assert ledger.verify().is_intact


def test_a_draft_that_is_voided_is_deleted_at_stripe(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    draft = billing.create_invoice(org, currency="usd")

    billing.void_invoice(draft)

    assert draft.is_void
    assert [each["object"] for each in stripe_server.objects()["platform"]].count("invoice") == 0
    assert "invoice.deleted" in entries()


def test_a_balance_and_a_tax_id_are_the_customer_s(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    billing.adjust_balance(org, Money(-500, "usd"), description="Goodwill")
    made = billing.add_tax_id(org, "eu_vat", "DE123456789")

    assert (payer.balance, payer.currency) == (-500, "usd")
    assert billing.list_tax_ids(org) == [made]
    billing.remove_tax_id(made)
    assert billing.list_tax_ids(org) == []


def test_a_place_that_stripe_doesnt_recognize_has_its_code(
    payer: models.Customer, org: Organization, stripe_server: ContractServer
) -> None:
    code = "customer_tax_location_invalid"
    refusal = {"error": {"type": "invalid_request_error", "code": code, "message": "Where?"}}
    stripe_server.queue_answer(400, refusal, path="^/v1/customers/")

    with pytest.raises(InvalidRequest) as caught:
        billing.update_customer_tax_location(org, {"country": "DE", "postal_code": "0"})

    assert caught.value.code == code
    assert payer.country is None
