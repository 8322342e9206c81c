"""Every call of the contract, and the request that it makes in the world of :mod:`.situations`."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    import collections.abc as c

    from flask_accrue.processors import Answer
    from flask_accrue.processors.stripe import StripeProcessor
    from tests.processors.stripe.stripe_bodies import Json

SUBSCRIPTION_EXPANDED = ["latest_invoice.payments", "discounts"]
SCHEDULE_EXPANDED = [f"subscription.{each}" for each in SUBSCRIPTION_EXPANDED]
INTENT_EXPANDED = ["latest_charge.balance_transaction"]
REFUND_EXPANDED = ["balance_transaction", "charge.balance_transaction"]
NOW = 1_773_144_000
COUPON_EXPANDED = ["applies_to"]
INVOICE_EXPANDED = ["payments", "parent.subscription_details.subscription"]


@dataclasses.dataclass(frozen=True)
class Call:
    """A call, and the request that carries it out.

    :ivar kinds: of the objects that the answer holds, in their order.
    """

    run: c.Callable[[StripeProcessor], Answer | None]
    method: str
    path: str
    params: Json
    kinds: tuple[str, ...]


CALLS: t.Final[t.Mapping[str, Call]] = {
    "create_customer": Call(
        lambda stripe: stripe.create_customer(
            name="Ada",
            email="ada@example.com",
            preferred_locale="de-AT",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/customers",
        {
            "name": "Ada",
            "email": "ada@example.com",
            "preferred_locales": ["de-AT"],
            "metadata": {"accrue_operation": "op"},
        },
        ("customer",),
    ),
    "update_customer": Call(
        lambda stripe: stripe.update_customer(
            "cus_1",
            {
                "name": None,
                "email": "ada@example.org",
                "preferred_locale": "de",
                "metadata": {"team": "", "plan": "pro"},
                "default_payment_method": "pm_1",
                "tax_location": {
                    "address": {"country": "DE", "postal_code": "10115"},
                    "ip_address": "203.0.113.7",
                },
            },
            key="key-1",
        ),
        "POST",
        "/v1/customers/cus_1",
        {
            "name": "",
            "email": "ada@example.org",
            "preferred_locales": ["de"],
            "metadata": {"team": "", "plan": "pro"},
            "invoice_settings": {"default_payment_method": "pm_1"},
            "address": {"country": "DE", "postal_code": "10115"},
            "tax": {"validate_location": "immediately", "ip_address": "203.0.113.7"},
        },
        ("customer",),
    ),
    "add_payment_method": Call(
        lambda stripe: stripe.add_payment_method("cus_1", "pm_card_visa", key="key-1"),
        "POST",
        "/v1/payment_methods/pm_card_visa/attach",
        {"customer": "cus_1"},
        ("payment_method",),
    ),
    "update_payment_method": Call(
        lambda stripe: stripe.update_payment_method(
            "pm_1", {"exp_month": 1, "exp_year": 2035, "metadata": {"a": "b"}}, key="key-1"
        ),
        "POST",
        "/v1/payment_methods/pm_1",
        {"card": {"exp_month": 1, "exp_year": 2035}, "metadata": {"a": "b"}},
        ("payment_method",),
    ),
    "remove_payment_method": Call(
        lambda stripe: stripe.remove_payment_method("pm_1", key="key-1"),
        "POST",
        "/v1/payment_methods/pm_1/detach",
        {},
        ("payment_method",),
    ),
    "create_subscription": Call(
        lambda stripe: stripe.create_subscription(
            "cus_1",
            items=[{"price": "price_pro", "quantity": 0}, {"price": "price_team"}],
            trial_end=1798761600,
            payment_method="pm_1",
            collection_method="charge_automatically",
            billing_cycle_anchor=1798761600,
            metadata={"accrue_operation": "op"},
            discounts=[{"coupon": "TEN"}, {"promotion_code": "promo_1"}],
            automatic_tax=True,
            key="key-1",
        ),
        "POST",
        "/v1/subscriptions",
        {
            "customer": "cus_1",
            "items": [{"price": "price_pro", "quantity": 0}, {"price": "price_team"}],
            "trial_end": 1798761600,
            "default_payment_method": "pm_1",
            "collection_method": "charge_automatically",
            "billing_cycle_anchor": 1798761600,
            "automatic_tax": {"enabled": True},
            "payment_behavior": "allow_incomplete",
            "metadata": {"accrue_operation": "op"},
            "discounts": [{"coupon": "TEN"}, {"promotion_code": "promo_1"}],
            "expand": SUBSCRIPTION_EXPANDED,
        },
        ("subscription",),
    ),
    "update_subscription": Call(
        lambda stripe: stripe.update_subscription(
            "sub_1",
            {
                "items": [{"id": "si_1", "price": "price_team", "quantity": 3}],
                "proration": "always_invoice",
                "proration_date": 1767225700,
                "payment_behavior": "error_if_incomplete",
                "default_payment_method": "pm_1",
                "metadata": {"a": "b"},
                "discounts": [{"discount": "di_1"}, {"coupon": "TEN"}],
            },
            key="key-1",
        ),
        "POST",
        "/v1/subscriptions/sub_1",
        {
            "items": [{"id": "si_1", "price": "price_team", "quantity": 3}],
            "proration_behavior": "always_invoice",
            "proration_date": 1767225700,
            "payment_behavior": "error_if_incomplete",
            "default_payment_method": "pm_1",
            "metadata": {"a": "b"},
            "discounts": [{"discount": "di_1"}, {"coupon": "TEN"}],
            "expand": SUBSCRIPTION_EXPANDED,
        },
        ("subscription",),
    ),
    "preview_invoice": Call(
        lambda stripe: stripe.preview_invoice(
            "sub_1",
            {
                "items": [
                    {"id": "si_1", "deleted": True},
                    {"price": "price_team", "quantity": 3},
                ],
                "proration": "always_invoice",
                "proration_date": 1767225700,
                "cancel_at_period_end": False,
                "cancel_at": None,
                "discounts": [{"discount": "di_1"}, {"promotion_code": "promo_1"}],
            },
        ),
        "POST",
        "/v1/invoices/create_preview",
        {
            "subscription": "sub_1",
            "subscription_details": {
                "items": [
                    {"id": "si_1", "deleted": True},
                    {"price": "price_team", "quantity": 3},
                ],
                "proration_behavior": "always_invoice",
                "proration_date": 1767225700,
                "cancel_at_period_end": False,
            },
            "discounts": [{"discount": "di_1"}, {"promotion_code": "promo_1"}],
        },
        ("invoice",),
    ),
    "cancel_subscription": Call(
        lambda stripe: stripe.cancel_subscription(
            "sub_1", invoice_now=True, prorate=True, key="key-1"
        ),
        "DELETE",
        "/v1/subscriptions/sub_1",
        {"invoice_now": True, "prorate": True, "expand": SUBSCRIPTION_EXPANDED},
        ("subscription",),
    ),
    "create_invoice": Call(
        lambda stripe: stripe.create_invoice(
            "cus_1",
            subscription="sub_1",
            currency="usd",
            collection_method="send_invoice",
            due_date=1798761600,
            days_until_due=None,
            auto_advance=True,
            automatic_tax=True,
            description="Setup",
            pending_items="include",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/invoices",
        {
            "customer": "cus_1",
            "subscription": "sub_1",
            "currency": "usd",
            "collection_method": "send_invoice",
            "due_date": 1798761600,
            "auto_advance": True,
            "automatic_tax": {"enabled": True},
            "description": "Setup",
            "pending_invoice_items_behavior": "include",
            "metadata": {"accrue_operation": "op"},
            "expand": INVOICE_EXPANDED,
        },
        ("invoice", "subscription"),
    ),
    "add_invoice_item": Call(
        lambda stripe: stripe.add_invoice_item(
            "in_draft",
            customer="cus_1",
            amount=-500,
            currency="usd",
            price=None,
            quantity=None,
            description="Goodwill",
            tax_behavior="exclusive",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/invoiceitems",
        {
            "customer": "cus_1",
            "invoice": "in_draft",
            "amount": -500,
            "currency": "usd",
            "description": "Goodwill",
            "tax_behavior": "exclusive",
            "metadata": {"accrue_operation": "op"},
        },
        ("invoice",),
    ),
    "remove_invoice_item": Call(
        lambda stripe: stripe.remove_invoice_item("in_draft", "ii_1", key="key-1"),
        "DELETE",
        "/v1/invoiceitems/ii_1",
        {},
        ("invoice",),
    ),
    "finalize_invoice": Call(
        lambda stripe: stripe.finalize_invoice("in_draft", auto_advance=False, key="key-1"),
        "POST",
        "/v1/invoices/in_draft/finalize",
        {"auto_advance": False, "expand": INVOICE_EXPANDED},
        ("invoice",),
    ),
    "create_schedule": Call(
        lambda stripe: stripe.create_schedule(
            "cus_1",
            phases=[
                {
                    "items": [{"price": "price_pro", "quantity": 2}],
                    "duration": {"interval": "month", "interval_count": 3},
                    "trial_end": NOW + 86400,
                    "metadata": {"accrue_name": "default"},
                },
                {
                    "items": [{"price": "price_team"}],
                    "end_date": NOW + 400 * 86400,
                    "trial": True,
                    "proration": "none",
                },
            ],
            start_date=NOW,
            end_behavior="cancel",
            payment_method="pm_1",
            collection_method="send_invoice",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/subscription_schedules",
        {
            "customer": "cus_1",
            "start_date": NOW,
            "end_behavior": "cancel",
            "phases": [
                {
                    "items": [{"price": "price_pro", "quantity": 2}],
                    "duration": {"interval": "month", "interval_count": 3},
                    "trial_end": NOW + 86400,
                    "metadata": {"accrue_name": "default"},
                },
                {
                    "items": [{"price": "price_team"}],
                    "end_date": NOW + 400 * 86400,
                    "trial": True,
                    "proration_behavior": "none",
                },
            ],
            "default_settings": {
                "collection_method": "send_invoice",
                "default_payment_method": "pm_1",
                "invoice_settings": {"days_until_due": 30},
            },
            "metadata": {"accrue_operation": "op"},
            "expand": SCHEDULE_EXPANDED,
        },
        ("subscription_schedule", "subscription"),
    ),
    "create_schedule_from": Call(
        lambda stripe: stripe.create_schedule_from("sub_1", key="key-1"),
        "POST",
        "/v1/subscription_schedules",
        {"from_subscription": "sub_1", "expand": SCHEDULE_EXPANDED},
        ("subscription_schedule", "subscription"),
    ),
    "update_schedule": Call(
        lambda stripe: stripe.update_schedule(
            "sub_sched_1",
            {
                "phases": [
                    {
                        "items": [{"price": "price_team", "quantity": 2}],
                        "start_date": NOW,
                        "duration": {"interval": "year", "interval_count": 1},
                    }
                ],
                "proration": "always_invoice",
                "end_behavior": "cancel",
                "metadata": {"a": "b"},
            },
            key="key-1",
        ),
        "POST",
        "/v1/subscription_schedules/sub_sched_1",
        {
            "phases": [
                {
                    "items": [{"price": "price_team", "quantity": 2}],
                    "start_date": NOW,
                    "duration": {"interval": "year", "interval_count": 1},
                }
            ],
            "proration_behavior": "always_invoice",
            "end_behavior": "cancel",
            "metadata": {"a": "b"},
            "expand": SCHEDULE_EXPANDED,
        },
        ("subscription_schedule", "subscription"),
    ),
    "release_schedule": Call(
        lambda stripe: stripe.release_schedule("sub_sched_1", keep_cancel_date=True, key="key-1"),
        "POST",
        "/v1/subscription_schedules/sub_sched_1/release",
        {"preserve_cancel_date": True},
        ("subscription_schedule", "subscription"),
    ),
    "cancel_schedule": Call(
        lambda stripe: stripe.cancel_schedule(
            "sub_sched_1", invoice_now=True, prorate=False, key="key-1"
        ),
        "POST",
        "/v1/subscription_schedules/sub_sched_1/cancel",
        {"invoice_now": True, "prorate": False, "expand": SCHEDULE_EXPANDED},
        ("subscription_schedule", "subscription"),
    ),
    "pay_invoice": Call(
        lambda stripe: stripe.pay_invoice("in_1", payment_method="pm_1", key="key-1"),
        "POST",
        "/v1/invoices/in_1/pay",
        {"payment_method": "pm_1", "expand": INVOICE_EXPANDED},
        ("invoice", "payment_intent", "subscription"),
    ),
    "send_invoice": Call(
        lambda stripe: stripe.send_invoice("in_1", key="key-1"),
        "POST",
        "/v1/invoices/in_1/send",
        {"expand": INVOICE_EXPANDED},
        ("invoice", "payment_intent", "subscription"),
    ),
    "void_invoice": Call(
        lambda stripe: stripe.void_invoice("in_1", key="key-1"),
        "POST",
        "/v1/invoices/in_1/void",
        {"expand": INVOICE_EXPANDED},
        ("invoice", "payment_intent", "subscription"),
    ),
    "mark_uncollectible": Call(
        lambda stripe: stripe.mark_uncollectible("in_1", key="key-1"),
        "POST",
        "/v1/invoices/in_1/mark_uncollectible",
        {"expand": INVOICE_EXPANDED},
        ("invoice", "payment_intent", "subscription"),
    ),
    "delete_invoice": Call(
        lambda stripe: stripe.delete_invoice("in_draft", key="key-1"),
        "DELETE",
        "/v1/invoices/in_draft",
        {},
        (),
    ),
    "create_credit_note": Call(
        lambda stripe: stripe.create_credit_note(
            "in_1",
            amount=None,
            lines=[
                {"line": "il_1", "quantity": 1, "amount": None},
                {"line": "il_1", "quantity": None, "amount": 500},
            ],
            refund_amount=300,
            credit_amount=200,
            out_of_band_amount=100,
            refunds=[{"refund": "re_1", "amount": 50}],
            reason="duplicate",
            memo="Sorry",
            email=False,
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/credit_notes",
        {
            "invoice": "in_1",
            "lines": [
                {"type": "invoice_line_item", "invoice_line_item": "il_1", "quantity": 1},
                {"type": "invoice_line_item", "invoice_line_item": "il_1", "amount": 500},
            ],
            "refund_amount": 300,
            "credit_amount": 200,
            "out_of_band_amount": 100,
            "refunds": [{"type": "refund", "refund": "re_1", "amount_refunded": 50}],
            "reason": "duplicate",
            "memo": "Sorry",
            "email_type": "none",
            "metadata": {"accrue_operation": "op"},
        },
        ("credit_note", "invoice", "payment_intent", "subscription", "refund", "customer"),
    ),
    "void_credit_note": Call(
        lambda stripe: stripe.void_credit_note("cn_1", key="key-1"),
        "POST",
        "/v1/credit_notes/cn_1/void",
        {},
        ("credit_note", "invoice", "payment_intent", "subscription"),
    ),
    "adjust_balance": Call(
        lambda stripe: stripe.adjust_balance(
            "cus_1",
            amount=-500,
            currency="usd",
            description="Goodwill",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/customers/cus_1/balance_transactions",
        {
            "amount": -500,
            "currency": "usd",
            "description": "Goodwill",
            "metadata": {"accrue_operation": "op"},
        },
        ("customer",),
    ),
    "create_tax_id": Call(
        lambda stripe: stripe.create_tax_id(
            "cus_1", type="eu_vat", value="DE123456789", key="key-1"
        ),
        "POST",
        "/v1/customers/cus_1/tax_ids",
        {"type": "eu_vat", "value": "DE123456789"},
        ("tax_id",),
    ),
    "delete_tax_id": Call(
        lambda stripe: stripe.delete_tax_id("cus_1", "txi_1", key="key-1"),
        "DELETE",
        "/v1/customers/cus_1/tax_ids/txi_1",
        {},
        (),
    ),
    "create_charge": Call(
        lambda stripe: stripe.create_charge(
            "cus_1",
            amount=500,
            currency="usd",
            payment_method="pm_1",
            description="Setup",
            statement_descriptor="SETUP 7",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/payment_intents",
        {
            "customer": "cus_1",
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_1",
            "capture_method": "automatic",
            "description": "Setup",
            "statement_descriptor_suffix": "SETUP 7",
            "metadata": {"accrue_operation": "op"},
            "confirm": True,
            "use_stripe_sdk": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "expand": INTENT_EXPANDED,
        },
        ("payment_intent",),
    ),
    "create_payment_intent": Call(
        lambda stripe: stripe.create_payment_intent(
            "cus_1",
            amount=500,
            currency="usd",
            capture_method="manual",
            payment_method="pm_1",
            confirm=False,
            setup_future_usage="off_session",
            description="Setup",
            statement_descriptor="SETUP 7",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/payment_intents",
        {
            "customer": "cus_1",
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_1",
            "capture_method": "manual",
            "setup_future_usage": "off_session",
            "description": "Setup",
            "statement_descriptor_suffix": "SETUP 7",
            "metadata": {"accrue_operation": "op"},
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "expand": INTENT_EXPANDED,
        },
        ("payment_intent",),
    ),
    "capture_payment": Call(
        lambda stripe: stripe.capture_payment("pi_held", amount=300, key="key-1"),
        "POST",
        "/v1/payment_intents/pi_held/capture",
        {"amount_to_capture": 300, "expand": INTENT_EXPANDED},
        ("payment_intent", "charge"),
    ),
    "cancel_payment": Call(
        lambda stripe: stripe.cancel_payment("pi_held", reason="abandoned", key="key-1"),
        "POST",
        "/v1/payment_intents/pi_held/cancel",
        {"cancellation_reason": "abandoned", "expand": INTENT_EXPANDED},
        ("payment_intent", "charge"),
    ),
    "create_setup_intent": Call(
        lambda stripe: stripe.create_setup_intent(
            "cus_1", usage="on_session", metadata={"accrue_operation": "op"}, key="key-1"
        ),
        "POST",
        "/v1/setup_intents",
        {
            "customer": "cus_1",
            "usage": "on_session",
            "metadata": {"accrue_operation": "op"},
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        },
        ("setup_intent",),
    ),
    "confirm_setup": Call(
        lambda stripe: stripe.confirm_setup("seti_1", payment_method="pm_1", key="key-1"),
        "POST",
        "/v1/setup_intents/seti_1/confirm",
        {"payment_method": "pm_1", "use_stripe_sdk": True, "expand": ["payment_method"]},
        ("setup_intent", "payment_method"),
    ),
    "cancel_setup": Call(
        lambda stripe: stripe.cancel_setup("seti_1", key="key-1"),
        "POST",
        "/v1/setup_intents/seti_1/cancel",
        {},
        ("setup_intent",),
    ),
    "confirm_payment": Call(
        lambda stripe: stripe.confirm_payment("pi_1", payment_method="pm_1", key="key-1"),
        "POST",
        "/v1/payment_intents/pi_1/confirm",
        {"payment_method": "pm_1", "expand": INTENT_EXPANDED},
        ("payment_intent", "invoice", "subscription"),
    ),
    "create_refund": Call(
        lambda stripe: stripe.create_refund(
            "ch_1",
            amount=100,
            reason="duplicate",
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/refunds",
        {
            "charge": "ch_1",
            "amount": 100,
            "reason": "duplicate",
            "metadata": {"accrue_operation": "op"},
            "expand": REFUND_EXPANDED,
        },
        ("refund", "charge"),
    ),
    "create_checkout_session": Call(
        lambda stripe: stripe.create_checkout_session(
            "cus_1",
            mode="subscription",
            items=[{"price": "price_pro", "quantity": 2}, {"price": "price_team"}],
            options={
                "success_url": "https://host.example/done?id={CHECKOUT_SESSION_ID}",
                "cancel_url": "https://host.example/",
                "expires_at": NOW + 3600,
                "trial_end": NOW + 40 * 86400,
                "allow_promotion_codes": True,
                "automatic_tax": True,
                "tax_id_collection": True,
                "customer_update": {"address": "auto", "name": "never"},
                "payment_method_collection": "if_required",
                "currency": "usd",
                "locale": "de",
                "client_reference_id": "order:1",
                "billing_address_collection": "required",
                "description": "Pro",
                "made_metadata": {"accrue_name": "default"},
            },
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/checkout/sessions",
        {
            "customer": "cus_1",
            "mode": "subscription",
            "metadata": {"accrue_operation": "op"},
            "line_items": [{"price": "price_pro", "quantity": 2}, {"price": "price_team"}],
            "success_url": "https://host.example/done?id={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://host.example/",
            "expires_at": NOW + 3600,
            "allow_promotion_codes": True,
            "automatic_tax": {"enabled": True},
            "tax_id_collection": {"enabled": True},
            "customer_update": {"address": "auto", "name": "never"},
            "payment_method_collection": "if_required",
            "currency": "usd",
            "locale": "de",
            "client_reference_id": "order:1",
            "billing_address_collection": "required",
            "subscription_data": {
                "trial_end": NOW + 40 * 86400,
                "description": "Pro",
                "metadata": {"accrue_name": "default"},
            },
        },
        ("checkout_session",),
    ),
    "expire_checkout_session": Call(
        lambda stripe: stripe.expire_checkout_session("cs_1", key="key-1"),
        "POST",
        "/v1/checkout/sessions/cs_1/expire",
        {},
        ("checkout_session",),
    ),
    "create_portal_session": Call(
        lambda stripe: stripe.create_portal_session(
            "cus_1",
            return_url="https://host.example/",
            flow={
                "type": "subscription_update_confirm",
                "subscription": "sub_1",
                "items": [{"id": "si_1", "price": "price_team", "quantity": 2}],
            },
            configuration="bpc_1",
            locale="de",
            key="key-1",
        ),
        "POST",
        "/v1/billing_portal/sessions",
        {
            "customer": "cus_1",
            "return_url": "https://host.example/",
            "configuration": "bpc_1",
            "locale": "de",
            "flow_data": {
                "type": "subscription_update_confirm",
                "after_completion": {
                    "type": "redirect",
                    "redirect": {"return_url": "https://host.example/"},
                },
                "subscription_update_confirm": {
                    "subscription": "sub_1",
                    "items": [{"id": "si_1", "price": "price_team", "quantity": 2}],
                },
            },
        },
        ("portal_session",),
    ),
    "create_portal_configuration": Call(
        lambda stripe: stripe.create_portal_configuration(
            features={
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
            },
            options={
                "headline": "Billing of Acme",
                "terms_of_service_url": "https://host.example/terms",
                "privacy_policy_url": "https://host.example/privacy",
                "return_url": "https://host.example/",
                "metadata": {"a": "b"},
            },
            key="key-1",
        ),
        "POST",
        "/v1/billing_portal/configurations",
        {
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
            },
            "business_profile": {
                "headline": "Billing of Acme",
                "terms_of_service_url": "https://host.example/terms",
                "privacy_policy_url": "https://host.example/privacy",
            },
            "default_return_url": "https://host.example/",
            "metadata": {"a": "b"},
        },
        ("portal_configuration",),
    ),
    "create_coupon": Call(
        lambda stripe: stripe.create_coupon(
            id="SPRING",
            name="Spring",
            percent_off=None,
            amount_off=500,
            currency="usd",
            currency_options={"jpy": 700, "kwd": 1500, "huf": 180000, "isk": 60000},
            duration="repeating",
            duration_in_months=3,
            max_redemptions=100,
            redeem_by=NOW,
            products=["prod_1"],
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/coupons",
        {
            "id": "SPRING",
            "name": "Spring",
            "amount_off": 500,
            "currency": "usd",
            "currency_options": {
                "jpy": {"amount_off": 700},
                "kwd": {"amount_off": 1500},
                "huf": {"amount_off": 180000},
                "isk": {"amount_off": 60000},
            },
            "duration": "repeating",
            "duration_in_months": 3,
            "max_redemptions": 100,
            "redeem_by": NOW,
            "applies_to": {"products": ["prod_1"]},
            "metadata": {"accrue_operation": "op"},
            "expand": COUPON_EXPANDED,
        },
        ("coupon",),
    ),
    "update_coupon": Call(
        lambda stripe: stripe.update_coupon(
            "TEN",
            {"name": None, "metadata": {"a": "b"}, "currency_options": {"eur": 450}},
            key="key-1",
        ),
        "POST",
        "/v1/coupons/TEN",
        {
            "name": "",
            "metadata": {"a": "b"},
            "currency_options": {"eur": {"amount_off": 450}},
            "expand": COUPON_EXPANDED,
        },
        ("coupon",),
    ),
    "delete_coupon": Call(
        lambda stripe: stripe.delete_coupon("TEN", key="key-1"),
        "DELETE",
        "/v1/coupons/TEN",
        {},
        ("coupon",),
    ),
    "create_promotion_code": Call(
        lambda stripe: stripe.create_promotion_code(
            "TEN",
            code="SPRING-10",
            customer="cus_1",
            active=False,
            expires_at=NOW,
            max_redemptions=3,
            first_time_transaction=True,
            minimum_amount=1000,
            minimum_amount_currency="usd",
            currency_options={"jpy": 1500},
            metadata={"accrue_operation": "op"},
            key="key-1",
        ),
        "POST",
        "/v1/promotion_codes",
        {
            "promotion": {"type": "coupon", "coupon": "TEN"},
            "code": "SPRING-10",
            "customer": "cus_1",
            "active": False,
            "expires_at": NOW,
            "max_redemptions": 3,
            "restrictions": {
                "first_time_transaction": True,
                "minimum_amount": 1000,
                "minimum_amount_currency": "usd",
                "currency_options": {"jpy": {"minimum_amount": 1500}},
            },
            "metadata": {"accrue_operation": "op"},
        },
        ("promotion_code",),
    ),
    "update_promotion_code": Call(
        lambda stripe: stripe.update_promotion_code(
            "promo_1",
            {"active": False, "metadata": {"a": "b"}, "currency_options": {"jpy": 1500}},
            key="key-1",
        ),
        "POST",
        "/v1/promotion_codes/promo_1",
        {
            "active": False,
            "metadata": {"a": "b"},
            "restrictions": {"currency_options": {"jpy": {"minimum_amount": 1500}}},
        },
        ("promotion_code",),
    ),
    "look_up_promotion_code": Call(
        lambda stripe: stripe.look_up_promotion_code("WELCOME"),
        "GET",
        "/v1/promotion_codes",
        {
            "code": "WELCOME",
            "limit": 100,
            "expand": ["data.promotion.coupon.applies_to"],
        },
        ("promotion_code", "coupon"),
    ),
    "remove_customer_discount": Call(
        lambda stripe: stripe.remove_customer_discount("cus_1", key="key-1"),
        "DELETE",
        "/v1/customers/cus_1/discount",
        {},
        ("customer",),
    ),
    "create_meter_event": Call(
        lambda stripe: stripe.create_meter_event(
            "cus_1",
            event_name="api_calls",
            value=-3,
            identifier="batch:1",
            timestamp=NOW,
            key="key-1",
        ),
        "POST",
        "/v1/billing/meter_events",
        {
            "event_name": "api_calls",
            "payload": {"stripe_customer_id": "cus_1", "value": "-3"},
            "identifier": "batch:1",
            "timestamp": NOW,
        },
        ("meter_event",),
    ),
    "fetch": Call(
        lambda stripe: stripe.fetch("customer", "cus_1"),
        "GET",
        "/v1/customers/cus_1",
        {},
        ("customer",),
    ),
    "fetch_entitlement_summary": Call(
        lambda stripe: stripe.fetch("entitlement_summary", "cus_1"),
        "GET",
        "/v1/entitlements/active_entitlements",
        {"customer": "cus_1", "limit": 100},
        ("entitlement_summary",),
    ),
    "list_payment_methods": Call(
        lambda stripe: stripe.list_payment_methods("cus_1"),
        "GET",
        "/v1/customers/cus_1/payment_methods",
        {"limit": 100},
        ("payment_method",),
    ),
    "list_catalog": Call(
        lambda stripe: stripe.list_catalog(),
        "GET",
        "/v1/products",
        {"limit": 100},
        ("product", "price", "price"),
    ),
    "page": Call(
        lambda stripe: stripe.page("customer", email="ada@example.com").answer,
        "GET",
        "/v1/customers",
        {"limit": 100, "email": "ada@example.com"},
        ("customer",),
    ),
}

#: The calls that change something.
CHANGES: t.Final = tuple(
    name for name, call in CALLS.items() if call.method != "GET" and name != "preview_invoice"
)
#: Those that Stripe takes an idempotency key for.
KEYED: t.Final = tuple(name for name in CHANGES if CALLS[name].method == "POST")
