"""Operations on pages of a checkout."""

from __future__ import annotations

import typing as t

from flask_accrue import billing, models
from tests.faults.operation_table.operation import Operation
from tests.faults.operation_table.preparing import BACK, buying, checking_out, subscribing

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "create_checkout_session": Operation(
        lambda shop, id: billing.create_checkout_session(
            shop.org, "price_pro", success_url=BACK, operation_id=id
        ),
        ("POST", "^/v1/checkout/sessions$"),
        ("checkout_session.created",),
        ("checkout_session",),
    ),
    "complete_checkout_session": Operation(
        lambda shop, id: billing.complete_checkout_session(
            shop.only(models.CheckoutSession), shop.card(), operation_id=id
        ),
        ("POST", "^/v1/invoices$"),
        (
            "invoice.created",
            "checkout_session.updated",
            "invoice.paid",
            "checkout_session.completed",
        ),
        ("invoice",),
        beside={"invoiceitem": 1},
        prepare=buying,
    ),
    "complete_checkout_session of a subscription": Operation(
        lambda shop, id: billing.complete_checkout_session(
            shop.only(models.CheckoutSession), shop.card(), operation_id=id
        ),
        ("POST", "^/v1/subscriptions$"),
        ("subscription.created", "checkout_session.completed"),
        ("subscription",),
        prepare=subscribing,
    ),
    "expire_checkout_session": Operation(
        lambda shop, id: billing.expire_checkout_session(
            shop.only(models.CheckoutSession), operation_id=id
        ),
        ("POST", "/expire$"),
        ("checkout_session.expired",),
        prepare=checking_out,
    ),
}
