"""Operations on customers: their cards, tax ids and balances."""

from __future__ import annotations

import typing as t

from flask_accrue import billing, models
from flask_accrue.money import Money
from tests.faults.operation_table.operation import CUSTOMER, SUBSCRIPTION, Operation
from tests.faults.operation_table.preparing import (
    numbered,
    subscribed_with_two_cards,
    with_two_cards,
)

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "create_customer": Operation(
        lambda shop, id: billing.create_customer(shop.newcomer(), operation_id=id),
        ("POST", "^/v1/customers$"),
        ("customer.created",),
        ("customer",),
    ),
    "customer": Operation(
        lambda shop, id: billing.customer(shop.newcomer(), operation_id=id),
        ("POST", "^/v1/customers$"),
        ("customer.created",),
        ("customer",),
    ),
    "update_customer": Operation(
        lambda shop, id: billing.update_customer(shop.org, name="Acme Ltd", operation_id=id),
        ("POST", CUSTOMER),
        ("customer.updated",),
    ),
    "add_payment_method": Operation(
        lambda shop, id: billing.add_payment_method(
            shop.org, "pm_card_mastercard", operation_id=id
        ),
        ("POST", "/attach$"),
        ("payment_method.attached",),
        ("payment_method",),
    ),
    "set_default_payment_method": Operation(
        lambda shop, id: billing.set_default_payment_method(
            shop.org, shop.card("4444"), operation_id=id
        ),
        ("POST", CUSTOMER),
        ("customer.updated",),
        prepare=with_two_cards,
    ),
    "set_subscription_payment_method": Operation(
        lambda shop, id: billing.set_subscription_payment_method(
            shop.subscription, shop.card("4444"), operation_id=id
        ),
        ("POST", SUBSCRIPTION),
        ("subscription.updated",),
        prepare=subscribed_with_two_cards,
    ),
    "use_payment_method": Operation(
        lambda shop, id: billing.use_payment_method(shop.org, shop.card("4444"), operation_id=id),
        ("POST", CUSTOMER),
        ("customer.updated",),
        prepare=subscribed_with_two_cards,
    ),
    "update_payment_method": Operation(
        lambda shop, id: billing.update_payment_method(shop.card(), exp_year=2040, operation_id=id),
        ("POST", "^/v1/payment_methods/[^/]+$"),
        ("payment_method.updated",),
    ),
    "remove_payment_method": Operation(
        lambda shop, id: billing.remove_payment_method(shop.card("4444"), operation_id=id),
        ("POST", "/detach$"),
        ("payment_method.detached",),
        prepare=with_two_cards,
    ),
    "adjust_balance": Operation(
        lambda shop, id: billing.adjust_balance(shop.org, Money(-500, "usd"), operation_id=id),
        ("POST", "/balance_transactions$"),
        ("customer.updated",),
        beside={"customer_balance_transaction": 1},
    ),
    "update_customer_tax_location": Operation(
        lambda shop, id: billing.update_customer_tax_location(
            shop.org, {"country": "DE"}, operation_id=id
        ),
        ("POST", CUSTOMER),
        ("customer.updated",),
    ),
    "set_tax_exempt": Operation(
        lambda shop, id: billing.set_tax_exempt(shop.org, "reverse", operation_id=id),
        ("POST", CUSTOMER),
        ("customer.updated",),
    ),
    "add_tax_id": Operation(
        lambda shop, id: billing.add_tax_id(shop.org, "eu_vat", "DE123456789", operation_id=id),
        ("POST", "/tax_ids$"),
        ("tax_id.created",),
        ("tax_id",),
    ),
    "remove_tax_id": Operation(
        lambda shop, id: billing.remove_tax_id(shop.only(models.TaxId), operation_id=id),
        ("DELETE", "/tax_ids/"),
        ("tax_id.deleted",),
        beside={"tax_id": -1},
        prepare=numbered,
    ),
}
