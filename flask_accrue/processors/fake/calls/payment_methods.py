"""Calls about cards, and whatever else a customer pays with."""

from __future__ import annotations

from ... import objects
from ...answers import Answer, Json
from ...contract import PaymentMethodCalls
from .. import customers, payment_methods
from .base import FakeCalls


class FakePaymentMethods(FakeCalls, PaymentMethodCalls):
    """Calls about cards, and whatever else a customer pays with."""

    def list_payment_methods(self, customer: str) -> Answer:
        """Return the cards that are attached to a customer, oldest first."""
        return self._engine.look(
            "list_payment_methods",
            lambda tx: tx.all(objects.PaymentMethod, customers.living(tx, customer).processor_id),
        )

    def add_payment_method(self, customer: str, token: str, *, key: str) -> Answer:
        """Attach the card that a test token of :mod:`.cards` stands for."""
        return self._engine.call(
            "add_payment_method",
            key,
            {"customer": customer, "token": token},
            lambda tx: [payment_methods.attach(tx, customer, token)],
        )

    def update_payment_method(
        self, payment_method: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a card's month, year or metadata."""
        return self._engine.call(
            "update_payment_method",
            key,
            {"payment_method": payment_method, "changes": changes},
            lambda tx: [payment_methods.update(tx, payment_method, changes)],
        )

    def remove_payment_method(self, payment_method: str, *, key: str) -> Answer:
        """Detach a card."""
        return self._engine.call(
            "remove_payment_method",
            key,
            {"payment_method": payment_method},
            lambda tx: [payment_methods.detach(tx, payment_method)],
        )
