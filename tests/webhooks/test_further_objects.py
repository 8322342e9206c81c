"""Disputes, credit notes, schedules, coupons, promotion codes, tax ids and checkout sessions, as rows."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import models
from flask_accrue.ledger import verify
from tests.processors.stripe.stripe_bodies import (
    END,
    START,
    Json,
    at,
    checkout_session,
    coupon,
    credit_note,
    dispute,
    promotion_code,
    schedule,
    tax_id,
    without,
)
from tests.webhooks.told import charge, customer

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer
    from tests.webhooks.told import Told


@pytest.fixture(autouse=True)
def known(told: Told) -> None:
    """Let the customer be here."""
    told.tell("customer.created", customer())


def entries(told: Told, row: models.Mirrored) -> list[str]:
    """Return what the ledger tells of a row, oldest first."""
    told.db.session.rollback()
    found = (
        told.db.session.query(models.LedgerEntry)
        .filter_by(subject_id=str(row.id))
        .order_by(models.LedgerEntry.id)
    )
    return [entry.type for entry in found]


def test_a_dispute_is_its_charges_customers_whichever_comes_first(
    told: Told, stripe_server: ContractServer
) -> None:
    stripe_server.prime(charge())
    event = told.tell("charge.dispute.created", dispute(evidence_details={"due_by": END}))
    row = told.find(models.Dispute, "dp_1")
    assert event.customer_id == row.customer_id == told.find(models.Customer, "cus_1").id
    assert row.charge is None
    assert (row.needs_response, row.is_closed) == (True, False)
    assert row.evidence_due_by == at(END)
    told.tell("charge.succeeded", charge())
    told.tell("charge.dispute.closed", dispute(status="lost"))
    row = told.find(models.Dispute, "dp_1")
    assert row.charge.processor_id == "ch_1"
    assert (row.is_closed, row.is_lost, row.needs_response) == (True, True, False)
    assert entries(told, row) == ["dispute.created", "dispute.lost"]
    assert not verify().findings


def test_a_credit_note_lowers_its_invoice_until_it_is_voided(told: Told) -> None:
    told.tell("credit_note.created", credit_note())
    row = told.find(models.CreditNote, "cn_1")
    assert (row.money.amount_minor, row.money.currency) == (500, "usd")
    assert (row.invoice_processor_id, row.refund_processor_ids) == ("in_1", ["re_1"])
    assert not row.is_void
    told.tell("credit_note.voided", credit_note(status="void", voided_at=START + 9))
    row = told.find(models.CreditNote, "cn_1")
    assert (row.is_void, row.voided_at) == (True, at(START + 9))
    assert entries(told, row) == ["credit_note.created", "credit_note.voided"]


def test_a_schedule_keeps_its_phases_and_what_it_was_released_to(told: Told) -> None:
    told.tell("subscription_schedule.created", schedule(status="not_started", current_phase=None))
    row = told.find(models.SubscriptionSchedule, "sub_sched_1")
    assert row.is_open
    assert row.phases == [
        {
            "start": at(START).isoformat(),
            "end": at(END).isoformat(),
            "trial_end": None,
            "items": [{"price": "price_pro", "quantity": 2}],
            "discounts": [],
            "automatic_tax": None,
            "metadata": {},
            "terms": {},
            "proration": "create_prorations",
            "beginning": {},
        },
        {
            "start": at(END).isoformat(),
            "end": None,
            "trial_end": None,
            "items": [{"price": "price_team", "quantity": None}],
            "discounts": [],
            "automatic_tax": None,
            "metadata": {},
            "terms": {},
            "proration": "create_prorations",
            "beginning": {},
        },
    ]
    told.tell("subscription_schedule.updated", schedule())
    told.tell(
        "subscription_schedule.released",
        schedule(
            status="released",
            subscription=None,
            released_subscription="sub_1",
            released_at=START + 20,
        ),
    )
    row = told.find(models.SubscriptionSchedule, "sub_sched_1")
    assert (row.is_open, row.subscription_processor_id) == (False, "sub_1")
    assert entries(told, row) == [
        f"subscription_schedule.{verb}" for verb in ("created", "started", "released")
    ]


def test_a_coupon_is_kept_to_the_decimal_and_its_products_are_not_forgotten(told: Told) -> None:
    told.tell("coupon.created", coupon(percent_off=33.3333))
    row = told.find(models.Coupon, "SPRING")
    assert row.percent_off == decimal.Decimal("33.3333")
    assert row.money_off is None
    assert row.product_processor_ids == ["prod_pro"]
    told.tell("coupon.updated", without(coupon(percent_off=33.3333, name="May"), "applies_to"))
    row = told.find(models.Coupon, "SPRING")
    assert (row.name, row.product_processor_ids) == ("May", ["prod_pro"])
    told.tell("coupon.deleted", coupon(percent_off=33.3333, name="May", valid=False))
    row = told.find(models.Coupon, "SPRING")
    assert (row.deleted_at is not None, row.is_valid) == (True, False)
    assert entries(told, row) == ["coupon.created", "coupon.updated", "coupon.deleted"]
    assert not verify().findings


def test_an_amount_off_is_money(told: Told) -> None:
    told.tell("coupon.created", coupon(percent_off=None, amount_off=500, currency="jpy"))
    money = told.find(models.Coupon, "SPRING").money_off
    assert (money.amount_minor, money.currency) == (500, "jpy")


def test_a_promotion_code_of_one_customer_belongs_to_the_catalog_all_the_same(told: Told) -> None:
    event = told.tell("promotion_code.created", promotion_code(customer="cus_elsewhere"))
    assert (event.outcome, event.customer_id) == ("applied", None)
    told.tell("coupon.created", coupon())
    row = told.find(models.PromotionCode, "promo_1")
    assert (row.code, row.only_for_processor_id, row.is_active) == (
        "SPRING26",
        "cus_elsewhere",
        True,
    )
    assert row.coupon.processor_id == "SPRING"
    told.tell("promotion_code.updated", promotion_code(active=False))
    assert not told.find(models.PromotionCode, "promo_1").is_active


def test_a_tax_id_is_verified_and_goes(told: Told) -> None:
    told.tell("customer.tax_id.created", tax_id())
    verified = tax_id(verification={"status": "verified"})
    told.tell("customer.tax_id.updated", verified)
    row = told.find(models.TaxId, "txi_1")
    assert (row.type, row.value, row.verification_status) == ("eu_vat", "ATU12345678", "verified")
    assert row.customer_id == told.find(models.Customer, "cus_1").id
    told.tell("customer.tax_id.deleted", verified)
    row = told.find(models.TaxId, "txi_1")
    assert row.deleted_at is not None
    assert entries(told, row) == ["tax_id.created", "tax_id.updated", "tax_id.deleted"]


def test_a_tax_id_of_the_account_itself_is_nobodys(told: Told) -> None:
    event = told.tell("customer.tax_id.created", tax_id(customer=None))
    assert (event.outcome, event.state) == ("ignored", "succeeded")
    assert told.count().get("tax_id") is None


def test_a_checkout_session_is_completed_and_its_link_is_in_no_entry(told: Told) -> None:
    told.tell("checkout.session.completed", checkout_session())
    row = told.find(models.CheckoutSession, "cs_test_1")
    assert (row.is_open, row.is_complete) == (True, False)
    assert row.expires_at == at(END) > datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    told.tell(
        "checkout.session.completed",
        checkout_session(
            status="complete", payment_status="paid", subscription="sub_1", invoice="in_1", url=None
        ),
    )
    row = told.find(models.CheckoutSession, "cs_test_1")
    assert (row.is_complete, row.payment_status) == (True, "paid")
    assert (row.subscription_processor_id, row.url) == ("sub_1", None)
    assert entries(told, row) == ["checkout_session.created", "checkout_session.completed"]
    told.db.session.rollback()
    for entry in told.db.session.query(models.LedgerEntry):
        assert "checkout.stripe.com" not in f"{entry.data}{entry.state}"


def test_a_guests_checkout_is_nobodys(told: Told) -> None:
    event = told.tell("checkout.session.completed", checkout_session(customer=None))
    assert event.outcome == "ignored"


@pytest.mark.parametrize(
    ("type", "body", "model"),
    [
        ("charge.dispute.created", dispute(), models.Dispute),
        ("credit_note.created", credit_note(), models.CreditNote),
        ("subscription_schedule.created", schedule(), models.SubscriptionSchedule),
        ("coupon.created", coupon(), models.Coupon),
        ("promotion_code.created", promotion_code(), models.PromotionCode),
        ("customer.tax_id.created", tax_id(), models.TaxId),
        ("checkout.session.completed", checkout_session(), models.CheckoutSession),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_news_that_come_late_are_stale_and_told_twice_are_told_once(
    told: Told, stripe_server: ContractServer, type: str, body: Json, model: Any
) -> None:
    stripe_server.prime(charge())
    told.tell(type, body)
    once = told.find(model, body["id"])
    told.tell(type, body)
    assert told.tell(type, {**body, "status": "void"}, created=START).outcome == "stale"
    row = told.find(model, body["id"])
    assert len(entries(told, row)) == 1
    assert getattr(row, "status", None) == getattr(once, "status", None) != "void"
    assert row.raw["id"] == body["id"]
