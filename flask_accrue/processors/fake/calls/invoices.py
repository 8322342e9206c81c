"""Calls about invoices."""

from __future__ import annotations

from ...answers import Answer
from ...contract import InvoiceCalls
from .. import charging
from .base import FakeCalls


class FakeInvoices(FakeCalls, InvoiceCalls):
    """Calls about invoices."""

    def pay_invoice(self, invoice: str, *, payment_method: str | None, key: str) -> Answer:
        """Try to collect an open invoice now."""
        return self._engine.call(
            "pay_invoice",
            key,
            {"invoice": invoice, "payment_method": payment_method},
            lambda tx: charging.pay_invoice(tx, invoice, payment_method),
        )
