"""Calls about invoices."""

from __future__ import annotations

from ..answers import Answer
from ..capabilities import Capability
from .base import Calls


class InvoiceCalls(Calls):
    """Calls about invoices."""

    def pay_invoice(self, invoice: str, *, payment_method: str | None, key: str) -> Answer:
        """Try to collect an open invoice now; the answer also holds its payment intent and charge.

        :raises CardError: when the bank refuses; ``answer`` then holds what changed.
        """
        self._unsupported(Capability.INVOICES)
