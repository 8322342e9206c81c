"""Calls about invoices."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import InvoiceCalls
from .. import charging, drafts
from ..engine import Act
from .base import FakeCalls


class FakeInvoices(FakeCalls, InvoiceCalls):
    """Calls about invoices."""

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
        """Draft an invoice."""
        given: dict[str, Json] = {
            "subscription_id": subscription,
            "currency": currency,
            "collection_method": collection_method,
            "due_date": due_date,
            "days_until_due": days_until_due,
            "auto_advance": auto_advance,
            "automatic_tax": automatic_tax,
            "description": description,
            "pending_items": pending_items,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_invoice",
            key,
            {"customer": customer, **given},
            lambda tx: [drafts.create(tx, customer, **given)],
        )

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
        """Add a line to a draft."""
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "price_id": price,
            "quantity": quantity,
            "description": description,
            "tax_behavior": tax_behavior,
            "metadata": metadata,
        }
        return self._engine.call(
            "add_invoice_item",
            key,
            {"invoice": invoice, **given},
            lambda tx: [drafts.add_item(tx, invoice, **given)],
        )

    def remove_invoice_item(self, invoice: str, invoice_item: str, *, key: str) -> Answer:
        """Take back from a draft what was added to it."""
        return self._engine.call(
            "remove_invoice_item",
            key,
            {"invoice": invoice, "invoice_item": invoice_item},
            lambda tx: [drafts.remove_item(tx, invoice, invoice_item)],
        )

    def finalize_invoice(self, invoice: str, *, auto_advance: bool | None, key: str) -> Answer:
        """Make a draft a bill; one that is collected by itself is so in the next moment."""
        return self._engine.call(
            "finalize_invoice",
            key,
            {"invoice": invoice, "auto_advance": auto_advance},
            lambda tx: charging.finalize_invoice(tx, invoice, auto_advance),
        )

    def pay_invoice(
        self, invoice: str, *, payment_method: str | None, out_of_band: bool = False, key: str
    ) -> Answer:
        """Try to collect an open invoice now."""
        return self._engine.call(
            "pay_invoice",
            key,
            {"invoice": invoice, "payment_method": payment_method, "out_of_band": out_of_band},
            lambda tx: charging.pay_invoice(tx, invoice, payment_method, out_of_band=out_of_band),
        )

    def send_invoice(self, invoice: str, *, key: str) -> Answer:
        """Send an invoice: nobody gets it, but the event says so."""
        return self._about("send_invoice", invoice, key, lambda tx: [drafts.send(tx, invoice)])

    def void_invoice(self, invoice: str, *, key: str) -> Answer:
        """Withdraw an invoice that isn't paid."""
        return self._about(
            "void_invoice", invoice, key, lambda tx: charging.dismiss_invoice(tx, invoice, "void")
        )

    def mark_uncollectible(self, invoice: str, *, key: str) -> Answer:
        """Write an open invoice off."""
        return self._about(
            "mark_uncollectible",
            invoice,
            key,
            lambda tx: charging.dismiss_invoice(tx, invoice, "uncollectible"),
        )

    def delete_invoice(self, invoice: str, *, key: str) -> Answer:
        """Delete a draft."""
        return self._about("delete_invoice", invoice, key, lambda tx: [drafts.delete(tx, invoice)])

    def _about(self, method: str, invoice: str, key: str, act: Act) -> Answer:
        return self._engine.call(method, key, {"invoice": invoice}, act)
