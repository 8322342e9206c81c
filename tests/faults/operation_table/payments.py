"""Operations on payments, what is given back of them, and cards for later."""

from __future__ import annotations

import typing as t

from flask_accrue import billing, models
from flask_accrue.money import Money
from tests.faults.operation_table.operation import Operation
from tests.faults.operation_table.preparing import charged, holding, setting_up, waiting

OPERATIONS: t.Final[t.Mapping[str, Operation]] = {
    "charge": Operation(
        lambda shop, id: billing.charge(shop.org, Money(500, "usd"), operation_id=id),
        ("POST", "^/v1/payment_intents$"),
        ("payment_intent.succeeded",),
        ("payment_intent",),
    ),
    "create_payment_intent": Operation(
        lambda shop, id: billing.create_payment_intent(
            shop.org, Money(500, "usd"), capture_method="manual", confirm=True, operation_id=id
        ),
        ("POST", "^/v1/payment_intents$"),
        ("payment_intent.requires_capture",),
        ("payment_intent",),
    ),
    "capture": Operation(
        lambda shop, id: billing.capture(
            shop.only(models.PaymentIntent), Money(300, "usd"), operation_id=id
        ),
        ("POST", "/capture$"),
        ("payment_intent.succeeded",),
        prepare=holding,
    ),
    "cancel_payment_intent": Operation(
        lambda shop, id: billing.cancel_payment_intent(
            shop.only(models.PaymentIntent), reason="abandoned", operation_id=id
        ),
        ("POST", "/cancel$"),
        ("payment_intent.canceled",),
        prepare=holding,
    ),
    "create_setup_intent": Operation(
        lambda shop, id: billing.create_setup_intent(shop.org, operation_id=id),
        ("POST", "^/v1/setup_intents$"),
        ("setup_intent.created",),
        ("setup_intent",),
    ),
    "confirm_setup_intent": Operation(
        lambda shop, id: billing.confirm_setup_intent(
            shop.only(models.SetupIntent), shop.card().processor_id, operation_id=id
        ),
        ("POST", "^/v1/setup_intents/[^/]+/confirm$"),
        ("setup_intent.succeeded",),
        prepare=setting_up,
    ),
    "cancel_setup_intent": Operation(
        lambda shop, id: billing.cancel_setup_intent(
            shop.only(models.SetupIntent), operation_id=id
        ),
        ("POST", "^/v1/setup_intents/[^/]+/cancel$"),
        ("setup_intent.canceled",),
        prepare=setting_up,
    ),
    "refund": Operation(
        lambda shop, id: billing.refund(
            shop.only(models.Charge), Money(200, "usd"), operation_id=id
        ),
        ("POST", "^/v1/refunds$"),
        ("refund.created",),
        ("refund",),
        prepare=charged,
    ),
    "confirm_payment": Operation(
        lambda shop, id: billing.confirm_payment(shop.only(models.PaymentIntent), operation_id=id),
        ("POST", "/confirm$"),
        ("payment_intent.succeeded",),
        prepare=waiting,
    ),
}
