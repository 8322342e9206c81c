"""Pages on which customers pay, as a host asks for them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import (
    ActionRequired,
    CardError,
    InvalidRequest,
    InvalidState,
    Money,
    billing,
    models,
)
from flask_accrue.errors import ConfigError, IdempotencyConflict, UnsupportedByProcessor
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

HOURS_47 = datetime.timedelta(hours=47)


def begun(org: Organization, **given: Any) -> models.CheckoutSession:
    """Return the session of a checkout for the price ``price_pro``."""
    wanted = {"price": "price_pro", "success_url": "/welcome", **given}
    return billing.create_checkout_session(org, **wanted).session


def card_of(org: Organization) -> models.PaymentMethod:
    return billing.list_payment_methods(org)[-1]


def told(kit: Kit) -> list[str]:
    return [event.type for event in kit.fake.events()]


def entries(kit: Kit, prefix: str) -> list[str]:
    entry = models.LedgerEntry
    found = kit.state.db.session.scalars(sa.select(entry).order_by(entry.id))
    return [each.type for each in found if each.type.startswith(prefix)]


def test_a_checkout_leads_to_a_page_whose_link_is_kept_nowhere(
    kit: Kit, payer: Organization
) -> None:
    checkout = billing.create_checkout_session(
        payer, "price_pro", success_url="/welcome", metadata={"from": "pricing"}
    )

    assert checkout.url is not None
    assert checkout.url.startswith("/billing/checkout/")
    token = checkout.url.rpartition("/")[2]
    assert token not in repr(checkout)
    [link] = kit.state.db.session.scalars(sa.select(models.PageLink))
    assert token not in str(vars(link))
    [asked] = kit.state.db.session.scalars(
        sa.select(models.Operation).filter_by(kind="create_checkout_session")
    )
    assert token not in str(asked.request)
    session = checkout.session
    assert (session.mode, session.status, session.amount_total) == ("subscription", "open", 1900)
    assert session.meta["from"] == "pricing"
    assert entries(kit, "checkout_session") == ["checkout_session.created"]
    assert billing.subscription(payer) is None


def test_completing_it_subscribes_under_its_name(kit: Kit, payer: Organization) -> None:
    session = begun(payer, name="addon", quantity=3, metadata={"from": "pricing"})
    done = billing.complete_checkout_session(session, card_of(payer))

    assert (done.status, done.payment_status) == ("complete", "paid")
    made = billing.subscription(payer, "addon")
    assert made is not None
    assert made.is_active
    assert made.processor_id == done.subscription_processor_id
    assert (made.items[0].quantity, made.meta["from"]) == (3, "pricing")
    assert made.default_payment_method == card_of(payer)
    assert entries(kit, "checkout_session") == [
        "checkout_session.created",
        "checkout_session.completed",
    ]
    kit.deliver()
    kit.assert_settled()
    assert told(kit).count("checkout.session.completed") == 1
    with pytest.raises(InvalidState) as refused:
        billing.complete_checkout_session(session, card_of(payer))
    assert refused.value.code == "already_subscribed" or refused.value.code == "checkout_over"


@pytest.mark.parametrize("order", ["created", "reverse"])
def test_the_name_is_there_whichever_event_comes_first(
    kit: Kit, payer: Organization, order: Any
) -> None:
    session = begun(payer, name="addon")
    kit.fake.complete_checkout_session(
        session.processor_id,
        payment_method=card_of(payer).processor_id,
        operation="elsewhere",
        key="k",
    )
    kit.deliver(order=order)
    kit.state.db.session.rollback()
    found = billing.subscription(payer, "addon")
    assert found is not None
    assert found.is_active
    assert billing.subscription(payer) is None
    done = billing.get_checkout_session(payer, session.processor_id)
    assert done is not None
    assert done.is_complete


def test_a_page_after_the_checkout_neednt_wait_for_a_webhook(kit: Kit, payer: Organization) -> None:
    session = begun(payer)
    kit.fake.complete_checkout_session(
        session.processor_id,
        payment_method=card_of(payer).processor_id,
        operation="elsewhere",
        key="k",
    )
    stale = billing.get_checkout_session(payer, session.processor_id, refresh=False)
    assert stale is not None
    assert stale.is_open
    found = billing.get_checkout_session(payer, session.processor_id)
    assert found is not None
    assert found.is_complete
    made = billing.subscription(payer)
    assert made is not None
    assert made.is_active


def test_another_owner_s_session_isnt_there(kit: Kit, payer: Organization) -> None:
    session = begun(payer)
    stranger = Organization(name="Zenith", email=None)
    kit.state.db.session.add(stranger)
    kit.state.db.session.commit()
    assert billing.get_checkout_session(stranger, session.processor_id) is None
    billing.customer(stranger)
    assert billing.get_checkout_session(stranger, session.processor_id) is None


def test_a_trial_charges_nothing_and_may_need_no_card(kit: Kit, payer: Organization) -> None:
    session = begun(
        payer, trial=datetime.timedelta(days=14), payment_method_collection="if_required"
    )
    assert session.amount_total == 0
    done = billing.complete_checkout_session(session)
    assert done.payment_status == "no_payment_required"
    made = billing.subscription(payer)
    assert made is not None
    assert made.is_trialing


def test_something_is_bought_once(kit: Kit, payer: Organization) -> None:
    kit.price("price_once", 2500, interval=None)
    session = begun(payer, price="price_once", mode="payment", quantity=2, description="Two")
    assert session.amount_total == 5000
    done = billing.complete_checkout_session(session, card_of(payer))
    assert done.payment_status == "paid"
    kit.deliver()
    [charge] = billing.list_charges(payer)
    assert charge.amount == 5000
    [bill] = billing.list_invoices(payer)
    assert (bill.is_paid, bill.description, bill.billing_reason) == (True, "Two", "manual")
    assert [(line.quantity, line.amount) for line in bill.items] == [(2, 5000)]
    assert charge.invoice_processor_id == bill.processor_id == done.invoice_processor_id
    assert {"invoiceitem.created", "invoice.finalized", "invoice.paid"} <= {*told(kit)}
    kit.assert_settled()


def test_what_is_bought_once_is_taxed(kit: Kit, payer: Organization) -> None:
    kit.price("price_once", 2500, interval=None)
    billing.update_customer_tax_location(payer, {"country": "DE", "postal_code": "10115"})
    session = begun(payer, price="price_once", mode="payment", automatic_tax=True)
    assert session.amount_total == 2975
    billing.complete_checkout_session(session, card_of(payer))
    [bill] = billing.list_invoices(payer)
    assert (bill.total, bill.tax, bill.amount_paid) == (2975, 475, 2975)


def test_a_single_payment_that_is_refused_leaves_the_balance(kit: Kit, org: Organization) -> None:
    billing.adjust_balance(org, Money(-700, "usd"))
    kit.price("price_once", 2500, interval=None)
    billing.add_payment_method(org, "tok_chargeCustomerFail")
    session = begun(org, price="price_once", mode="payment")
    with pytest.raises(CardError):
        billing.complete_checkout_session(session, card_of(org))
    assert billing.list_invoices(org) == []
    assert kit.fake.fetch("customer", billing.customer(org).processor_id).main.balance == -700  # type: ignore[attr-defined]


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_single_payment_waits_for_its_confirmation_as_long_as_the_page(
    kit: Kit, org: Organization, confirmed: bool
) -> None:
    billing.adjust_balance(org, Money(-700, "usd"))
    kit.price("price_once", 2500, interval=None)
    billing.add_payment_method(org, "tok_authenticationRequired")
    session = begun(org, price="price_once", mode="payment")
    with pytest.raises(ActionRequired):
        billing.complete_checkout_session(session, card_of(org))
    [bill] = billing.list_invoices(org)
    assert (bill.is_open, bill.amount_due) == (True, 1800)
    if confirmed:
        [intent] = kit.state.db.session.scalars(sa.select(models.PaymentIntent))
        billing.confirm_payment(intent)
        assert billing.sync_checkout(session).is_complete
    kit.advance(days=2)
    kit.state.db.session.expire_all()
    assert session.status == ("complete" if confirmed else "expired")
    assert (bill.is_paid, bill.is_void) == (confirmed, not confirmed)
    left = kit.fake.fetch("customer", billing.customer(org).processor_id).main
    assert left.balance == (0 if confirmed else -700)  # type: ignore[attr-defined]
    kit.assert_settled()


@pytest.mark.parametrize(
    ("currency", "amount"), [("jpy", 1900), ("kwd", 19000), ("huf", 190000), ("isk", 190000)]
)
def test_amounts_are_minor_units_of_their_currency(
    kit: Kit, payer: Organization, currency: str, amount: int
) -> None:
    kit.price(f"price_{currency}", amount, interval=None, currency=currency)
    session = begun(payer, price=f"price_{currency}", mode="payment")
    assert (session.amount_total, session.currency) == (amount, currency)


def test_a_card_is_left_without_a_payment(kit: Kit, payer: Organization) -> None:
    session = begun(payer, price=None, mode="setup", currency="usd")
    assert billing.complete_checkout_session(session, card_of(payer)).is_complete
    assert billing.list_charges(payer) == []


def test_a_declined_card_changes_nothing_and_leaves_the_page_open(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "tok_chargeCustomerFail")
    session = begun(org)
    with pytest.raises(CardError):
        billing.complete_checkout_session(session, card_of(org))
    assert billing.subscription(org) is None
    assert "customer.subscription.created" not in told(kit)
    billing.add_payment_method(org, "pm_card_visa")
    assert billing.complete_checkout_session(session, card_of(org)).is_complete


def test_a_payment_to_confirm_completes_the_session_when_it_is(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "tok_authenticationRequired")
    session = begun(org)
    with pytest.raises(ActionRequired) as required:
        billing.complete_checkout_session(session, card_of(org), operation_id="pay")
    waiting = required.value.row
    assert waiting.is_open
    made = billing.subscription(org)
    assert made is not None
    assert made.is_incomplete
    with pytest.raises(ActionRequired):
        billing.complete_checkout_session(session, card_of(org), operation_id="pay")
    [intent] = kit.state.db.session.scalars(sa.select(models.PaymentIntent))
    billing.confirm_payment(intent)
    assert billing.sync_checkout(session).is_complete
    kit.deliver()
    kit.state.db.session.rollback()
    assert billing.subscription(org).is_active  # type: ignore[union-attr]
    kit.assert_settled()


def test_who_is_subscribed_already_is_told_before_any_page_is_made(
    kit: Kit, subscription: models.Subscription, org: Organization, calls: list[str]
) -> None:
    with pytest.raises(InvalidState) as refused:
        begun(org)
    assert refused.value.code == "already_subscribed"
    assert calls == []


def test_two_pages_make_one_subscription(kit: Kit, payer: Organization) -> None:
    first, second = begun(payer), begun(payer)
    billing.complete_checkout_session(first, card_of(payer))
    with pytest.raises(InvalidState) as refused:
        billing.complete_checkout_session(second, card_of(payer))
    assert refused.value.code == "already_subscribed"
    assert len(billing.list_subscriptions(payer)) == 1


def test_a_page_expires_by_itself_or_when_it_is_told_to(kit: Kit, payer: Organization) -> None:
    by_itself, told_to = begun(payer), begun(payer)
    assert billing.expire_checkout_session(told_to).status == "expired"
    with pytest.raises(InvalidState) as refused:
        billing.expire_checkout_session(told_to)
    assert refused.value.code == "checkout_over"
    kit.fake.advance(datetime.timedelta(hours=24))
    kit.deliver()
    kit.state.db.session.refresh(by_itself)
    assert by_itself.status == "expired"
    assert told(kit).count("checkout.session.expired") == 2


def test_a_repeat_is_the_same_session_with_another_link(kit: Kit, payer: Organization) -> None:
    first = billing.create_checkout_session(
        payer, "price_pro", success_url="/welcome", operation_id="buy"
    )
    again = billing.create_checkout_session(
        payer, "price_pro", success_url="/welcome", operation_id="buy"
    )
    assert first.session == again.session
    assert first.url != again.url
    with pytest.raises(IdempotencyConflict):
        begun(payer, price="price_team", operation_id="buy")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"coupon": "half", "allow_promotion_codes": True}, "allow_promotion_codes"),
        ({"promotion_code": "promo_1", "allow_promotion_codes": True}, "allow_promotion_codes"),
        ({"coupon": "half", "promotion_code": "promo_1"}, "promotion_code"),
        ({"trial": HOURS_47}, "trial"),
        ({"trial": datetime.timedelta(days=14), "mode": "payment"}, "trial"),
        ({"mode": "rent"}, "mode"),
        ({"mode": "setup"}, "items"),
        ({"mode": "setup", "price": None}, "currency"),
        ({"mode": "setup", "price": None, "coupon": "half", "currency": "usd"}, "mode"),
        ({"mode": "payment"}, "mode"),
        ({"price": None}, "price"),
        ({"price": "price_metered", "quantity": 2}, "quantity"),
        ({"expires_at": datetime.timedelta(minutes=29)}, "expires_at"),
        ({"expires_at": datetime.timedelta(hours=25)}, "expires_at"),
        ({"customer_update": {"address": "always"}}, "customer_update"),
        ({"customer_update": {"phone": "auto"}}, "customer_update"),
        ({"payment_method_collection": "never"}, "payment_method_collection"),
        ({"embedded": True, "cancel_url": "/"}, "cancel_url"),
        ({"embedded": True}, "embedded"),
        ({"success_url": "https://evil.example/"}, "success_url"),
        ({"success_url": "//evil.example/"}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"success_url": None}, "success_url"),
        ({"cancel_url": "https:evil.example"}, "cancel_url"),
        ({"name": ""}, "name"),
    ],
)
def test_what_doesnt_go_together_is_refused_before_any_call(
    kit: Kit, payer: Organization, calls: list[str], given: dict[str, Any], param: str
) -> None:
    if "expires_at" in given:
        given = {"expires_at": kit.fake.clock.now() + given["expires_at"]}
    with pytest.raises(InvalidRequest) as refused:
        begun(payer, **given)
    assert refused.value.param == param
    assert calls == []


def test_the_processors_own_page_is_refused_where_it_has_none(
    kit: Kit, payer: Organization
) -> None:
    with pytest.raises(UnsupportedByProcessor):
        begun(payer, mounted=False)


def test_without_a_portal_there_is_no_page_to_lead_to(kit: Kit, payer: Organization) -> None:
    import dataclasses

    kit.state.settings = dataclasses.replace(kit.state.settings, portal_path=None)  # type: ignore[misc]
    with pytest.raises(ConfigError, match="portal is switched off"):
        begun(payer)


@pytest.mark.parametrize("unheard", ["cs_\0", "cs_\ud800", ""])
def test_what_no_database_can_hold_names_no_session_price_coupon_or_code(
    kit: Kit, org: Organization, unheard: str
) -> None:
    billing.add_payment_method(org, "pm_card_visa")

    assert billing.get_checkout_session(org, unheard) is None
    with pytest.raises(InvalidRequest):
        billing.subscribe(org, f"price_{unheard}")
    subscription = billing.subscribe(org, "price_pro")
    with pytest.raises(InvalidRequest) as caught:
        billing.apply_promotion_code(subscription, unheard)
    assert caught.value.code == "promotion_code_not_found"
    with pytest.raises(InvalidRequest):
        billing.apply_coupon(subscription, unheard)


@pytest.mark.only("sqlite")
def test_a_discount_is_named_by_its_row_or_its_id(kit: Kit, payer: Organization) -> None:
    coupon = billing.create_coupon(percent_off=50, id="half")
    code = billing.create_promotion_code(coupon, "SUMMER")
    for named in ({"coupon": coupon}, {"coupon": "half"}, {"promotion_code": code}):
        session = billing.create_checkout_session(
            payer, "price_pro", success_url="/done", **named
        ).session
        assert session.amount_total == 950
