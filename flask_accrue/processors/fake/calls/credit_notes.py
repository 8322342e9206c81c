"""Calls that lower a bill after it was finalized."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import CreditNoteCalls
from .. import credit_notes
from .base import FakeCalls


class FakeCreditNotes(FakeCalls, CreditNoteCalls):
    """Calls that lower a bill after it was finalized."""

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
        """Lower an open bill, or give back some of a paid one."""
        given: dict[str, Json] = {
            "amount": amount,
            "lines": lines,
            "refund_amount": refund_amount,
            "credit_amount": credit_amount,
            "out_of_band_amount": out_of_band_amount,
            "refunds": refunds,
            "reason": reason,
            "memo": memo,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_credit_note",
            key,
            {"invoice": invoice, "email": email, **given},
            lambda tx: credit_notes.create(tx, invoice, **given),
        )

    def void_credit_note(self, credit_note: str, *, key: str) -> Answer:
        """Withdraw the credit note of a bill that is still open."""
        return self._engine.call(
            "void_credit_note",
            key,
            {"credit_note": credit_note},
            lambda tx: credit_notes.void(tx, credit_note),
        )
