"""Calls about a customer's numbers at tax offices."""

from __future__ import annotations

from ...answers import Answer
from ...contract import TaxIdCalls
from .. import tax_ids
from .base import FakeCalls


class FakeTaxIds(FakeCalls, TaxIdCalls):
    """Calls about a customer's numbers at tax offices."""

    def list_tax_ids(self, customer: str) -> Answer:
        """Return a customer's numbers at tax offices, oldest first."""
        return self._engine.look("list_tax_ids", lambda tx: tax_ids.of_customer(tx, customer))

    def create_tax_id(self, customer: str, *, type: str, value: str, key: str) -> Answer:
        """Add a number at a tax office."""
        return self._engine.call(
            "create_tax_id",
            key,
            {"customer": customer, "type": type, "value": value},
            lambda tx: [tax_ids.create(tx, customer, type, value)],
        )

    def delete_tax_id(self, customer: str, tax_id: str, *, key: str) -> Answer:
        """Remove a number at a tax office."""
        return self._engine.call(
            "delete_tax_id",
            key,
            {"customer": customer, "tax_id": tax_id},
            lambda tx: [tax_ids.delete(tx, customer, tax_id)],
        )
