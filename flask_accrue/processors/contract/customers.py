"""Calls that make and change customers."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class CustomerCalls(Calls):
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
        self._unsupported(Capability.CUSTOMERS)

    def update_customer(self, customer: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change ``name``, ``email``, ``preferred_locale``, ``metadata``, ``tax_exempt`` or
        ``default_payment_method`` of a customer; in metadata an empty value deletes its key.

        ``tax_location`` is ``{"address": {…}, "ip_address": … | None}``, and validated at once.

        :raises InvalidRequest: with the code ``customer_tax_location_invalid`` when it isn't recognized.
        """
        self._unsupported(Capability.CUSTOMERS)

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
        """Add an amount to what a customer owes; below 0 it's credit. The answer holds the customer."""
        self._unsupported(Capability.INVOICES)
