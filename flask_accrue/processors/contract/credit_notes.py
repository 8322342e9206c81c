"""Calls that lower a bill after it was finalized."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class CreditNoteCalls(Calls):
    """Calls that lower a bill after it was finalized. Each answer holds the credit note, then its invoice."""

    def create_credit_note(
        self,
        invoice: str,
        *,
        amount: int | None,
        lines: list[dict[str, Json]] | None,
        refund_amount: int | None,
        credit_amount: int | None,
        out_of_band_amount: int | None,
        refunds: list[dict[str, Json]],
        reason: str | None,
        memo: str | None,
        email: bool,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Lower an open bill, or give back some of a paid one.

        What is left to pay is lowered first. What goes beyond is given back, and the parts of that add
        up to it: ``refund_amount`` to the card, ``credit_amount`` to the customer's balance,
        ``out_of_band_amount`` elsewhere, and ``refunds`` that were made before:
        ``[{"refund": …, "amount": …}]``.

        :param lines: instead of an amount: ``[{"line": …, "quantity": … | None, "amount": … | None}]``.
        :param email: whether the processor mails it to the customer.
        """
        self._unsupported(Capability.INVOICES)

    def void_credit_note(self, credit_note: str, *, key: str) -> Answer:
        """Withdraw the credit note of a bill that is still open."""
        self._unsupported(Capability.INVOICES)
