"""Calls about invoices."""

from __future__ import annotations

from ..answers import Answer
from ..capabilities import Capability
from .base import Calls


class InvoiceCalls(Calls):
    """Calls about invoices. Each answer holds the invoice, and what hangs on it."""

    def create_invoice(
        self,
        customer: str,
        *,
        subscription: str | None,
        currency: str | None,
        collection_method: str,
        due_date: int | None,
        days_until_due: int | None,
        auto_advance: bool,
        automatic_tax: bool,
        description: str | None,
        pending_items: str,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Draft an invoice.

        :param subscription: whose pending items it's about; ``None``: the customer's own.
        :param auto_advance: whether it's finalized and collected by itself, an hour later.
        :param pending_items: ``include`` takes in what waits for an invoice, ``exclude`` leaves it waiting.
        """
        self._unsupported(Capability.INVOICES)

    def add_invoice_item(
        self,
        invoice: str,
        *,
        customer: str,
        amount: int | None,
        currency: str | None,
        price: str | None,
        quantity: int | None,
        description: str | None,
        tax_behavior: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Add a line to a draft: an amount (below 0: a credit) with its currency, or a price and how many.

        :param tax_behavior: ``inclusive`` or ``exclusive``, of an amount; a price has its own.
        """
        self._unsupported(Capability.INVOICES)

    def remove_invoice_item(self, invoice: str, invoice_item: str, *, key: str) -> Answer:
        """Take back from a draft what was added to it; what is gone already is no error."""
        self._unsupported(Capability.INVOICES)

    def finalize_invoice(self, invoice: str, *, auto_advance: bool | None, key: str) -> Answer:
        """Make a draft a bill.

        :param auto_advance: whether it's collected by itself; ``None``: as the draft says.
        """
        self._unsupported(Capability.INVOICES)

    def pay_invoice(
        self, invoice: str, *, payment_method: str | None, out_of_band: bool = False, key: str
    ) -> Answer:
        """Try to collect an open invoice now; the answer also holds its payment intent and charge.

        :param out_of_band: it was paid elsewhere; nothing is collected.
        :raises CardError: when the bank refuses; ``answer`` then holds what changed.
        """
        self._unsupported(Capability.INVOICES)

    def send_invoice(self, invoice: str, *, key: str) -> Answer:
        """Let the processor mail an open invoice to the customer, with a link to pay it."""
        self._unsupported(Capability.INVOICES)

    def void_invoice(self, invoice: str, *, key: str) -> Answer:
        """Withdraw an invoice that isn't paid."""
        self._unsupported(Capability.INVOICES)

    def mark_uncollectible(self, invoice: str, *, key: str) -> Answer:
        """Write an open invoice off; it may still be paid."""
        self._unsupported(Capability.INVOICES)

    def delete_invoice(self, invoice: str, *, key: str) -> Answer:
        """Delete a draft that is of no subscription; the answer says that it's gone.

        What is gone already is no error.
        """
        self._unsupported(Capability.INVOICES)
