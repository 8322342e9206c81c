"""Calls about a customer's numbers at tax offices."""

from __future__ import annotations

from ..answers import Answer
from ..capabilities import Capability
from .base import Calls


class TaxIdCalls(Calls):
    """Calls about a customer's numbers at tax offices."""

    def list_tax_ids(self, customer: str) -> Answer:
        """Return a customer's numbers at tax offices, oldest first.

        :raises NotFound: when there is no such customer.
        """
        self._unsupported(Capability.TAX)

    def create_tax_id(self, customer: str, *, type: str, value: str, key: str) -> Answer:
        """Add a number at a tax office, such as ``eu_vat``; whether it's right is found out later."""
        self._unsupported(Capability.TAX)

    def delete_tax_id(self, customer: str, tax_id: str, *, key: str) -> Answer:
        """Remove a number at a tax office; the answer says that it's gone.

        What is gone already is no error.
        """
        self._unsupported(Capability.TAX)
