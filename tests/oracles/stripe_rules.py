"""What Stripe documents but its contract can't express: which requests are refused, and why.

Tables are keyed by (verb, path), with every path parameter written ``{}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.oracles.stripe_errors import StripeError, no_such

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
Key = tuple[str, str]

# A parameter of that name, at any depth, is the id of an object that must exist.
REFERENCES: dict[str, tuple[str, ...]] = {
    "account": ("account",),
    "charge": ("charge",),
    "coupon": ("coupon",),
    "customer": ("customer",),
    "destination": ("account",),
    "discount": ("discount",),
    "default_payment_method": ("payment_method", "card", "bank_account", "source"),
    "from_subscription": ("subscription",),
    "invoice": ("invoice",),
    "on_behalf_of": ("account",),
    "payment_intent": ("payment_intent",),
    "payment_method": ("payment_method", "card", "bank_account", "source"),
    "price": ("price", "plan"),
    "product": ("product",),
    "promotion_code": ("promotion_code",),
    "schedule": ("subscription_schedule",),
    "setup_intent": ("setup_intent",),
    "source_transaction": ("charge",),
    "subscription": ("subscription",),
    "subscription_item": ("subscription_item",),
    "test_clock": ("test_helpers.test_clock",),
}

# Test cards become a payment method of their own when they are attached: (brand, last four).
TEST_CARDS = {
    "pm_card_visa": ("visa", "4242"),
    "pm_card_mastercard": ("mastercard", "4444"),
    "pm_card_amex": ("amex", "8431"),
    "pm_card_authenticationRequired": ("visa", "3184"),
    "pm_card_chargeCustomerFail": ("visa", "0341"),
}
# Those that the bank declines when they are attached, with its reason.
DECLINED_CARDS = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
}


class ParamRule(NamedTuple):
    """What must hold among the parameters of a request."""

    holds: Callable[[Json], Any]
    param: str
    message: str

    def refusal(self) -> StripeError:
        missing = self.message.startswith("Missing")
        code = "parameter_missing" if missing else None
        return StripeError(self.message, param=self.param, code=code)


def missing(param: str) -> str:
    return f"Missing required param: {param}."


def at_least(name: str, least: int) -> ParamRule:
    return ParamRule(
        lambda params: params.get(name, least) >= least,
        name,
        f"Invalid {name}: this value must be greater than or equal to {least}.",
    )


PARAM_RULES: dict[Key, list[ParamRule]] = {
    ("post", "/v1/subscriptions"): [
        ParamRule(
            lambda p: p.get("customer") or p.get("customer_account"),
            "customer",
            missing("customer"),
        ),
        ParamRule(lambda p: p.get("items"), "items", missing("items")),
        ParamRule(
            lambda p: not ("trial_end" in p and "trial_period_days" in p),
            "trial_period_days",
            "You may only specify one of these parameters: trial_end, trial_period_days.",
        ),
        ParamRule(
            lambda p: all(item.get("quantity", 0) >= 0 for item in p.get("items", ())),
            "items[0][quantity]",
            "Invalid quantity: this value must be greater than or equal to 0.",
        ),
        ParamRule(
            lambda p: (p.get("collection_method") == "send_invoice") == ("days_until_due" in p),
            "days_until_due",
            "days_until_due goes with collection_method send_invoice, and that with it.",
        ),
    ],
    ("post", "/v1/subscription_schedules"): [
        ParamRule(
            lambda p: ("customer" in p) != ("from_subscription" in p),
            "customer",
            "You must pass exactly one of customer or from_subscription.",
        ),
        ParamRule(
            lambda p: (
                "from_subscription" not in p
                or {*p} <= {"from_subscription", "billing_mode", "expand"}
            ),
            "from_subscription",
            "You cannot set other parameters with from_subscription.",
        ),
        ParamRule(
            lambda p: "from_subscription" in p or p.get("phases"), "phases", missing("phases")
        ),
    ],
    ("post", "/v1/checkout/sessions"): [
        ParamRule(
            lambda p: not ("discounts" in p and "allow_promotion_codes" in p),
            "allow_promotion_codes",
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
        ),
        ParamRule(
            lambda p: p.get("mode") == "setup" or p.get("line_items"),
            "line_items",
            missing("line_items"),
        ),
        ParamRule(
            lambda p: p.get("ui_mode") == "embedded_page" or p.get("success_url"),
            "success_url",
            missing("success_url"),
        ),
        ParamRule(
            lambda p: (
                p.get("ui_mode") != "embedded_page" or not {"success_url", "cancel_url"} & {*p}
            ),
            "success_url",
            "success_url and cancel_url can't be used with ui_mode: embedded_page.",
        ),
        ParamRule(
            lambda p: p.get("mode") != "setup" or "currency" in p, "currency", missing("currency")
        ),
        ParamRule(
            lambda p: (
                p.get("mode") == "subscription"
                or not {"subscription_data", "payment_method_collection"} & {*p}
            ),
            "subscription_data",
            "You can only specify subscription_data and payment_method_collection in subscription mode.",
        ),
    ],
    ("post", "/v1/billing_portal/sessions"): [
        ParamRule(lambda p: p.get("customer"), "customer", missing("customer"))
    ],
    ("post", "/v1/subscription_items"): [at_least("quantity", 0)],
    ("post", "/v1/subscription_items/{}"): [at_least("quantity", 0)],
    ("post", "/v1/billing/meter_events"): [
        ParamRule(
            lambda p: len(p.get("identifier", "")) <= 100, "identifier", "Identifier is too long."
        )
    ],
    ("post", "/v1/coupons"): [
        ParamRule(
            lambda p: ("percent_off" in p) != ("amount_off" in p),
            "percent_off",
            "You must pass exactly one of percent_off or amount_off.",
        ),
        ParamRule(
            lambda p: "amount_off" not in p or "currency" in p, "currency", missing("currency")
        ),
        ParamRule(
            lambda p: 0 < p.get("percent_off", 1) <= 100,
            "percent_off",
            "Invalid percent_off: must be greater than 0 and at most 100.",
        ),
        ParamRule(
            lambda p: p.get("duration") != "repeating" or "duration_in_months" in p,
            "duration_in_months",
            missing("duration_in_months"),
        ),
    ],
    ("post", "/v1/prices"): [
        ParamRule(
            lambda p: ("product" in p) != ("product_data" in p),
            "product",
            "You must pass exactly one of product or product_data.",
        ),
        ParamRule(
            lambda p: {"unit_amount", "unit_amount_decimal", "custom_unit_amount", "tiers"} & {*p},
            "unit_amount",
            missing("unit_amount"),
        ),
    ],
    ("post", "/v1/refunds"): [
        ParamRule(
            lambda p: "charge" in p or "payment_intent" in p or "origin" in p,
            "charge",
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
        ),
        at_least("amount", 1),
    ],
    ("post", "/v1/payment_intents"): [
        at_least("amount", 1),
        ParamRule(
            lambda p: (
                not ("application_fee_amount" in p and "amount" in p.get("transfer_data", {}))
            ),
            "application_fee_amount",
            "You may only specify one of these parameters: application_fee_amount, "
            "transfer_data[amount].",
        ),
        ParamRule(
            lambda p: p.get("application_fee_amount", 0) <= p.get("amount", 0),
            "application_fee_amount",
            "The application fee cannot be greater than the total amount.",
        ),
    ],
    ("post", "/v1/accounts"): [
        ParamRule(
            lambda p: not ("type" in p and "controller" in p),
            "type",
            "You may only specify one of these parameters: type, controller.",
        )
    ],
    ("post", "/v1/transfers"): [
        ParamRule(lambda p: "amount" in p, "amount", missing("amount")),
        at_least("amount", 1),
    ],
    ("post", "/v1/invoices"): [
        ParamRule(
            lambda p: (
                p.get("collection_method") != "send_invoice"
                or {"days_until_due", "due_date"} & {*p}
            ),
            "days_until_due",
            "When collection_method is send_invoice, days_until_due or due_date is required.",
        )
    ],
}


class StateRule(NamedTuple):
    """What must hold of an object before it can be asked for something."""

    holds: Callable[[Json, Json], Any]
    refusal: Callable[[Json], StripeError]


def refuses(message: str, code: str | None = None) -> Callable[[Json], StripeError]:
    return lambda obj: StripeError(message, code=code)


def in_status(*allowed: str) -> Callable[[Json, Json], bool]:
    return lambda obj, params: obj.get("status") in allowed


UNFINISHED_INTENT = in_status(
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
)
UNFINISHED_SETUP = in_status("requires_payment_method", "requires_confirmation", "requires_action")
SETUP_STATE = "setup_intent_unexpected_state"
INTENT_STATE = "payment_intent_unexpected_state"
OPEN_INVOICE = "You can only pass in open invoices. This invoice isn't open."

OPEN_SCHEDULE = StateRule(
    in_status("not_started", "active"),
    refuses("You can only change a subscription schedule that is not_started or active."),
)

STATE_RULES: dict[Key, list[StateRule]] = {
    ("delete", "/v1/subscriptions/{}"): [
        StateRule(
            lambda obj, params: obj.get("status") not in ("canceled", "incomplete_expired"),
            lambda obj: no_such("subscription", obj["id"]),
        )
    ],
    ("post", "/v1/subscription_schedules/{}"): [OPEN_SCHEDULE],
    ("post", "/v1/subscription_schedules/{}/cancel"): [OPEN_SCHEDULE],
    ("post", "/v1/subscription_schedules/{}/release"): [OPEN_SCHEDULE],
    ("post", "/v1/subscriptions/{}"): [
        StateRule(
            lambda obj, params: (
                not (obj.get("schedule") and {*params} & {"cancel_at", "cancel_at_period_end"})
            ),
            refuses(
                "The subscription is managed by a subscription schedule, and updating any cancelation "
                "behavior directly is not allowed. Please update the schedule instead."
            ),
        ),
        StateRule(
            lambda obj, params: (
                obj.get("status") != "canceled"
                or {*params} <= {"metadata", "cancellation_details", "expand"}
            ),
            refuses(
                "A canceled subscription can only update its cancellation_details and metadata."
            ),
        ),
    ],
    ("post", "/v1/checkout/sessions/{}/expire"): [
        StateRule(
            in_status("open"),
            refuses('Only Checkout Sessions with a status in ["open"] can be expired.'),
        )
    ],
    ("post", "/v1/invoices/{}/finalize"): [
        StateRule(
            in_status("draft"),
            refuses(
                "This invoice is already finalized, you can't re-finalize a non-draft invoice."
            ),
        )
    ],
    ("post", "/v1/invoices/{}/pay"): [
        StateRule(
            in_status("draft", "open", "uncollectible"), refuses("Invoice is already paid or void.")
        )
    ],
    ("post", "/v1/invoices/{}/void"): [
        StateRule(in_status("open", "uncollectible"), refuses(OPEN_INVOICE))
    ],
    ("post", "/v1/invoices/{}/mark_uncollectible"): [
        StateRule(in_status("open"), refuses(OPEN_INVOICE))
    ],
    ("post", "/v1/invoices/{}/send"): [
        StateRule(in_status("open", "paid", "uncollectible"), refuses("Invoice can't be sent."))
    ],
    ("post", "/v1/credit_notes/{}/void"): [
        StateRule(in_status("issued"), refuses("This credit note is void already."))
    ],
    ("delete", "/v1/invoices/{}"): [
        StateRule(in_status("draft"), refuses("You can only delete draft invoices."))
    ],
    ("post", "/v1/payment_intents/{}/confirm"): [
        StateRule(
            UNFINISHED_INTENT,
            refuses("You cannot confirm this PaymentIntent in its present status.", INTENT_STATE),
        )
    ],
    ("post", "/v1/payment_intents/{}/capture"): [
        StateRule(
            in_status("requires_capture"),
            refuses("You cannot capture this PaymentIntent in its present status.", INTENT_STATE),
        ),
        StateRule(
            lambda obj, params: params.get("amount_to_capture", 0) <= obj["amount_capturable"],
            refuses(
                "The amount to capture is greater than what can be captured.", "amount_too_large"
            ),
        ),
    ],
    ("post", "/v1/setup_intents/{}/confirm"): [
        StateRule(
            UNFINISHED_SETUP,
            refuses("You cannot confirm this SetupIntent in its present status.", SETUP_STATE),
        )
    ],
    ("post", "/v1/setup_intents/{}/cancel"): [
        StateRule(
            UNFINISHED_SETUP,
            refuses("You cannot cancel this SetupIntent in its present status.", SETUP_STATE),
        )
    ],
    ("post", "/v1/payment_intents/{}/cancel"): [
        StateRule(
            UNFINISHED_INTENT,
            refuses("You cannot cancel this PaymentIntent in its present status.", INTENT_STATE),
        )
    ],
    ("post", "/v1/payment_methods/{}/attach"): [
        StateRule(
            lambda obj, params: obj.get("customer") in (None, params.get("customer")),
            refuses(
                "The payment method you provided has already been attached to a customer.",
                "resource_already_exists",
            ),
        )
    ],
    ("post", "/v1/payment_methods/{}/detach"): [
        StateRule(
            lambda obj, params: obj.get("customer"),
            refuses(
                "The payment method you provided is not attached to a customer so detachment is "
                "impossible."
            ),
        )
    ],
}
