"""Tables of what customers owe, pay and pay with; they appear in tabs."""

from __future__ import annotations

import typing as t

from sqlalchemy import orm

from ... import models
from ...money import Money
from ...pages import card_text, expiry_text
from ..cells import Code, Day, Noted
from ..resource import Column, Scope, Table
from ..wording import card_badge, charge_badge, invoice_badge

INVOICES: t.Final[Table[models.Invoice]] = Table(
    title="Invoices",
    model=models.Invoice,
    scope=Scope.BY_CUSTOMER,
    moment=models.Invoice.created,
    columns=(
        Column(label="Number", cell=lambda row: row.number or Code(row.processor_id)),
        Column(label="State", kind="status", cell=invoice_badge),
        Column(label="Total", kind="money", cell=lambda row: row.total_money),
        Column(
            label="Left to pay",
            kind="money",
            cell=lambda row: Money(row.amount_remaining, row.currency),
        ),
        Column(label="Created", kind="time", cell=lambda row: row.created),
        Column(label="Due", kind="time", cell=lambda row: row.due_date and Day(row.due_date)),
    ),
    empty=("No invoices.", "They appear here as soon as the processor writes one."),
)

CHARGES: t.Final[Table[models.Charge]] = Table(
    title="Charges",
    model=models.Charge,
    scope=Scope.BY_CUSTOMER,
    moment=models.Charge.created,
    options=(orm.joinedload(models.Charge.payment_method),),
    columns=(
        Column(label="Amount", kind="money", cell=lambda row: row.money),
        Column(
            label="State",
            kind="status",
            cell=lambda row: Noted(charge_badge(row), row.decline_code or row.failure_code),
        ),
        Column(
            label="Refunded",
            kind="money",
            cell=lambda row: (
                Money(row.amount_refunded, row.currency) if row.amount_refunded else None
            ),
        ),
        Column(label="Card", cell=lambda row: card_text(row.payment_method)),
        Column(label="Created", kind="time", cell=lambda row: row.created),
        Column(label="Processor id", kind="code", cell=lambda row: Code(row.processor_id)),
    ),
    empty=("No charges.", None),
)

PAYMENT_METHODS: t.Final[Table[models.PaymentMethod]] = Table(
    title="Payment methods",
    model=models.PaymentMethod,
    scope=Scope.BY_CUSTOMER,
    moment=models.PaymentMethod.created,
    options=(orm.joinedload(models.PaymentMethod.customer),),
    columns=(
        Column(
            label="Card",
            cell=lambda row: Noted(
                card_text(row),
                "Default" if row.customer.default_payment_method_id == row.id else None,
            ),
        ),
        Column(label="State", kind="status", cell=card_badge),
        Column(label="Expires", cell=expiry_text),
        Column(label="Added", kind="time", cell=lambda row: row.created),
        Column(label="Processor id", kind="code", cell=lambda row: Code(row.processor_id)),
    ),
    empty=("No payment methods.", None),
)
