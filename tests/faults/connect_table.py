"""Every operation on connected accounts that changes something at Stripe, as :mod:`.operation_table` has
those of billing."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from flask_accrue import billing, connect, models
from flask_accrue.money import Money
from flask_accrue.state import current_state
from tests.faults.operation_table import Operation

if t.TYPE_CHECKING:
    from tests.faults.shop import Shop


def connected(shop: Shop) -> None:
    connect.create_account(type="express", country="AT", processor="stripe")


def moved(shop: Shop) -> None:
    connected(shop)
    connect.transfer(shop.only(models.ConnectAccount), Money(500, "usd"))


def shared(shop: Shop) -> None:
    """Charge for an account, and keep a fee."""
    connected(shop)
    account = shop.only(models.ConnectAccount)
    connect.destination_charge(shop.org, Money(500, "usd"), account, application_fee=FEE)


def with_a_customer_there(shop: Shop) -> None:
    """Make the organization a customer of the account's, too."""
    connected(shop)
    with connect.account(account_id(shop)):
        billing.add_payment_method(shop.org, "pm_card_visa")


def account_id(shop: Shop) -> str:
    return str(shop.only(models.ConnectAccount).processor_id)


def direct_charge(shop: Shop, id: str) -> models.PaymentIntent:
    with connect.account(account_id(shop)):
        return connect.direct_charge(
            shop.org, Money(500, "usd"), application_fee=FEE, operation_id=id
        )


def separate_charge(shop: Shop, id: str) -> connect.SeparateCharge:
    account = shop.only(models.ConnectAccount)
    parts = [(account, Money(300, "usd")), (account, Money(100, "usd"))]
    return connect.separate_charge_and_transfer(
        shop.org, Money(500, "usd"), parts, group="sale-1", operation_id=id
    )


def refund_all_of_it(shop: Shop, id: str) -> models.Refund:
    charges = sa.select(models.Charge)
    charge = current_state().db.session.scalars(charges).one()
    return billing.refund(
        charge, reverse_transfer=True, refund_application_fee=True, operation_id=id
    )


FEE: t.Final = Money(50, "usd")

_INTENTS: t.Final = ("POST", "^/v1/payment_intents$")
_CHARGED: t.Final = ("payment_intent.succeeded", "charge.succeeded")

CONNECT_OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "create_account": Operation(
        lambda shop, id: connect.create_account(
            shop.org, type="express", country="AT", processor="stripe", operation_id=id
        ),
        ("POST", "^/v1/accounts$"),
        ("connect_account.created",),
        ("connect_account",),
    ),
    "update_account": Operation(
        lambda shop, id: connect.update_account(
            shop.only(models.ConnectAccount), email="ada@example.org", operation_id=id
        ),
        ("POST", "^/v1/accounts/[^/]+$"),
        ("connect_account.updated",),
        prepare=connected,
    ),
    "reject_account": Operation(
        lambda shop, id: connect.reject_account(
            shop.only(models.ConnectAccount), "fraud_other", operation_id=id
        ),
        ("POST", "^/v1/accounts/[^/]+/reject$"),
        ("connect_account.updated",),
        prepare=connected,
    ),
    "destination_charge": Operation(
        lambda shop, id: connect.destination_charge(
            shop.org,
            Money(500, "usd"),
            shop.only(models.ConnectAccount),
            application_fee=FEE,
            operation_id=id,
        ),
        _INTENTS,
        (*_CHARGED, "transfer.created"),
        ("payment_intent", "charge", "transfer"),
        prepare=connected,
    ),
    "direct_charge": Operation(
        direct_charge,
        _INTENTS,
        _CHARGED,
        ("payment_intent", "charge"),
        prepare=with_a_customer_there,
    ),
    "separate_charge_and_transfer": Operation(
        separate_charge,
        _INTENTS,
        (*_CHARGED, "transfer.created", "transfer.created"),
        ("payment_intent", "charge", "transfer", "transfer"),
        prepare=connected,
    ),
    "transfer": Operation(
        lambda shop, id: connect.transfer(
            shop.only(models.ConnectAccount), Money(500, "usd"), operation_id=id
        ),
        ("POST", "^/v1/transfers$"),
        ("transfer.created",),
        ("transfer",),
        prepare=connected,
    ),
    "reverse_transfer": Operation(
        lambda shop, id: connect.reverse_transfer(shop.only(models.Transfer), operation_id=id),
        ("POST", "/reversals$"),
        ("transfer.reversed",),
        beside={"transfer_reversal": 1},
        prepare=moved,
    ),
    "refund with what was shared": Operation(
        refund_all_of_it,
        ("POST", "^/v1/refunds$"),
        ("refund.created", "transfer.reversed"),
        ("refund",),
        prepare=shared,
    ),
}
