"""Calls that make and change customers."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import CustomerCalls
from .. import customers
from .base import FakeCalls


class FakeCustomers(FakeCalls, CustomerCalls):
    """Calls that make and change customers."""

    def create_customer(
        self,
        *,
        name: str | None,
        email: str | None,
        preferred_locale: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a customer."""
        given: dict[str, Json] = {
            "name": name,
            "email": email,
            "preferred_locale": preferred_locale,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_customer", key, given, lambda tx: [customers.create(tx, **given)]
        )

    def update_customer(self, customer: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a customer."""
        return self._engine.call(
            "update_customer",
            key,
            {"customer": customer, "changes": changes},
            lambda tx: [customers.update(tx, customer, changes)],
        )

    def adjust_balance(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Add an amount to what a customer owes; below 0 it's credit."""
        given: dict[str, Json] = {
            "amount": amount,
            "currency": currency,
            "description": description,
            "metadata": metadata,
        }
        return self._engine.call(
            "adjust_balance",
            key,
            {"customer": customer, **given},
            lambda tx: [customers.adjust_balance(tx, customer, **given)],
        )
