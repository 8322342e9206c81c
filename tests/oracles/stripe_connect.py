"""What calls about connected accounts change, beyond the values that were submitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from tests.oracles.stripe_schedules import World

Json = dict[str, Any]

DASHBOARDS = {"custom": "none", "express": "express", "standard": "full"}
#: What a new account has still to tell.
CURRENTLY_DUE = ["business_profile.url", "external_account", "tos_acceptance.date"]


def create_account(obj: Json, params: Json, now: int) -> None:
    """Make an account that can do nothing yet, of the type or the controller that was asked for."""
    dashboard = DASHBOARDS[params.get("type", "standard")]
    controller = {"type": "application", "stripe_dashboard": {"type": dashboard}}
    obj.update(
        type=params.get("type") or ("none" if params.get("controller") else "standard"),
        controller={**controller, **(params.get("controller") or {})},
        country=params.get("country", "US"),
        created=now,
        charges_enabled=False,
        payouts_enabled=False,
        details_submitted=False,
        capabilities={},
        requirements={
            "currently_due": list(CURRENTLY_DUE),
            "past_due": [],
            "disabled_reason": "requirements.past_due",
            "current_deadline": None,
        },
    )
    update_account(obj, params, now)


def update_account(obj: Json, params: Json, now: int) -> None:
    """Ask for capabilities, or give them back."""
    capabilities = dict(obj.get("capabilities") or {})
    for name, wanted in (params.get("capabilities") or {}).items():
        if wanted.get("requested"):
            capabilities.setdefault(name, "inactive")
        else:
            capabilities.pop(name, None)
    obj["capabilities"] = capabilities


def reject_account(obj: Json, params: Json, now: int) -> None:
    """Take everything from an account."""
    why = "fraud" if params["reason"].startswith("fraud") else "other"
    reason = "terms_of_service" if params["reason"] == "terms_of_service" else why
    obj.update(
        charges_enabled=False,
        payouts_enabled=False,
        capabilities=dict.fromkeys(obj.get("capabilities") or {}, "inactive"),
        requirements={**(obj.get("requirements") or {}), "disabled_reason": f"rejected.{reason}"},
    )


def create_login_link(obj: Json, params: Json, now: int) -> None:
    obj["url"] = f"https://connect.stripe.com/express/{now}/mock"


def create_account_link(obj: Json, params: Json, now: int) -> None:
    obj.update(url=f"https://connect.stripe.com/setup/{now}/mock", expires_at=now + 300)


def take_back(transfer: Json, reversal: Json, params: Json) -> None:
    """Note on a transfer that a part of it, or all that is left, goes back.

    :raises StripeError: for more than that.
    """
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = params.get("amount", left)
    if not 0 < amount <= left:
        raise StripeError(
            f"Reversal amount ({amount}) is greater than unreversed amount on transfer ({left}).",
            param="amount",
        )
    back = transfer["amount_reversed"] + amount
    transfer.update(amount_reversed=back, reversed=back == transfer["amount"])
    reversal.update(amount=amount, currency=transfer["currency"], transfer=transfer["id"])


def share_payment(world: World, intent: Json, params: Json, now: int) -> None:
    """Charge what is paid for an account, and move what goes there. Any other payment has no charge."""
    named = ("transfer_data", "transfer_group", "on_behalf_of", "application_fee_amount")
    if intent.get("status") != "succeeded" or not any(intent.get(name) for name in named):
        return
    charge = world.new.make("charge")
    same = ("amount", "currency", "customer", "payment_method", *named[1:])
    charge.update({name: intent.get(name) for name in same})
    charge.update(
        status="succeeded",
        captured=True,
        amount_captured=intent["amount"],
        amount_refunded=0,
        refunded=False,
        disputed=False,
        payment_intent=intent["id"],
        balance_transaction=None,
        failure_code=None,
    )
    world.keep(charge)
    intent["latest_charge"] = charge["id"]
    moved = intent.get("transfer_data")
    if moved:
        transfer = world.new.make("transfer")
        transfer.update(
            amount=moved.get("amount") or intent["amount"],
            amount_reversed=0,
            reversed=False,
            currency=intent["currency"],
            destination=moved["destination"],
            source_transaction=charge["id"],
            transfer_group=intent.get("transfer_group") or f"group_{intent['id']}",
        )
        world.keep(transfer)
        charge["transfer"] = transfer["id"]


def give_back(world: World, refund: Json, params: Json, now: int) -> None:
    """Take back what a refunded charge has shared, in proportion.

    :raises StripeError: for a charge that wasn't shared so.
    """
    charge = world.lookup(["charge"], params["charge"])
    if params.get("refund_application_fee") and not charge.get("application_fee_amount"):
        raise StripeError("This charge has no application fee.", param="refund_application_fee")
    if not params.get("reverse_transfer"):
        return
    if not charge.get("transfer"):
        raise StripeError("This charge has no associated transfer.", param="reverse_transfer")
    transfer = world.lookup(["transfer"], charge["transfer"])
    part = transfer["amount"] * params.get("amount", charge["amount"]) // charge["amount"]
    take_back(transfer, {}, {"amount": part})


#: What an action changes of other objects, or makes.
CONNECTING: dict[tuple[str, str], Callable[[World, Json, Json, int], None]] = {
    ("post", "/v1/payment_intents"): share_payment,
    ("post", "/v1/payment_intents/{}/confirm"): share_payment,
    ("post", "/v1/refunds"): give_back,
}
