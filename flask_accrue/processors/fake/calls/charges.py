"""Calls that charge a card, and give back."""

from __future__ import annotations

from ....money import Money
from ...answers import Answer, Json
from ...contract import ChargeCalls
from .. import charging, payments, refunds
from .base import FakeCalls


class FakeCharges(FakeCalls, ChargeCalls):
    """Calls that charge a card, and give back."""

    def create_charge(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
        statement_descriptor: str | None = None,
    ) -> Answer:
        """Charge a card now."""
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "description": description,
            "statement_descriptor": statement_descriptor,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_charge",
            key,
            given,
            lambda tx: charging.charge(
                tx,
                customer,
                Money(amount, currency),
                payment_method,
                payments.Terms(
                    description=description,
                    statement_descriptor=statement_descriptor,
                    metadata=metadata,
                ),
                confirm=True,
            ),
        )

    def confirm_payment(
        self, payment_intent: str, *, payment_method: str | None, key: str
    ) -> Answer:
        """Let the customer confirm a payment, or pay with another card."""
        return self._engine.call(
            "confirm_payment",
            key,
            {"payment_intent": payment_intent, "payment_method": payment_method},
            lambda tx: charging.confirm(tx, payment_intent, payment_method),
        )

    def create_refund(
        self,
        charge: str,
        *,
        amount: int | None,
        reason: str | None,
        metadata: dict[str, str],
        key: str,
        reverse_transfer: bool = False,
        refund_application_fee: bool = False,
    ) -> Answer:
        """Give back a part of a charge, or all that is left."""
        given: dict[str, Json] = {
            "amount": amount,
            "reason": reason,
            "metadata": metadata,
            "reverse_transfer": reverse_transfer,
            "refund_application_fee": refund_application_fee,
        }
        return self._engine.call(
            "create_refund",
            key,
            {"charge": charge, **given},
            lambda tx: refunds.create(tx, charge, **given),
        )
