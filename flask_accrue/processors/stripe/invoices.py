"""Calls about invoices."""

from __future__ import annotations

import typing as t

from ...errors import CardError, NotFound
from .. import objects
from ..answers import Answer, Json, Reference
from ..contract import InvoiceCalls
from .api import Api, Reply, segment
from .calls import StripeCalls
from .gathering import Gathering, current, deleted, if_possible, read

PATH: t.Final = "/v1/invoices"
_ITEMS: t.Final = "/v1/invoiceitems"

INVOICE_EXPANDED: t.Final = ("payments", "parent.subscription_details.subscription")


class StripeInvoices(StripeCalls, InvoiceCalls):
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
        """Draft an invoice. Left alone, Stripe finalizes it an hour later only with ``auto_advance``."""
        given: dict[str, Json] = {
            "customer": customer,
            "subscription": subscription,
            "currency": currency,
            "collection_method": collection_method,
            "due_date": due_date,
            "days_until_due": days_until_due,
            "auto_advance": auto_advance,
            "description": description,
            "pending_invoice_items_behavior": pending_items,
            "metadata": metadata,
        }
        if automatic_tax:
            given["automatic_tax"] = {"enabled": True}
        return self._changed(PATH, given, key)

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
        """Add a line to a draft, and read the invoice that it's on."""
        api = self._changing
        given: dict[str, Json] = {
            "customer": customer,
            "invoice": invoice,
            "amount": amount,
            "currency": currency,
            "quantity": quantity,
            "description": description,
            "tax_behavior": tax_behavior,
            "metadata": metadata,
        }
        if price is not None:
            given["pricing"] = {"price": price}
        api.post(_ITEMS, given, key=key)
        return _as_it_is(api, invoice)

    def remove_invoice_item(self, invoice: str, invoice_item: str, *, key: str) -> Answer:
        """Take back from a draft what was added to it. Stripe takes no key for that: what is gone is gone."""
        api = self._changing
        try:
            api.delete(f"{_ITEMS}/{segment(invoice_item)}", {})
        except NotFound:
            # Unless it's the invoice that isn't there, which is an error all the same.
            reply = api.get(f"{PATH}/{segment(invoice)}", {"expand": list(INVOICE_EXPANDED)})
            return _told(api, reply)
        return _as_it_is(api, invoice)

    def finalize_invoice(self, invoice: str, *, auto_advance: bool | None, key: str) -> Answer:
        """Make a draft a bill."""
        return self._act(invoice, "finalize", key, {"auto_advance": auto_advance})

    def pay_invoice(
        self, invoice: str, *, payment_method: str | None, out_of_band: bool = False, key: str
    ) -> Answer:
        """Try to collect an open invoice now; the answer also holds the payment intent, the charge and the
        subscription.

        Stripe refuses where the customer has to confirm the payment, which is no refusal here.

        :raises CardError: when the bank refuses; ``answer`` holds the same.
        """
        api = self._changing
        path = f"{PATH}/{segment(invoice)}"
        given: dict[str, Json] = {
            "payment_method": payment_method,
            "expand": list(INVOICE_EXPANDED),
        }
        if out_of_band:
            given["paid_out_of_band"] = True
        gathering = Gathering(api)
        try:
            reply = api.post(f"{path}/pay", given, key=key)
        except CardError as error:
            with if_possible():
                found = read(api, path, INVOICE_EXPANDED)
                gathering.put_invoice(found.body, found)
            answer = error.answer = gathering.so_far() or error.answer
            if answer is not None and (_is_paid(answer) or _waits_for_customer(answer)):
                return t.cast(Answer, answer)
            raise
        reply = current(api, reply, PATH, *INVOICE_EXPANDED)
        gathering.put_invoice(reply.body, reply)
        return gathering.answer()

    def send_invoice(self, invoice: str, *, key: str) -> Answer:
        """Let Stripe mail an invoice; in test mode it only says so."""
        return self._act(invoice, "send", key, {})

    def void_invoice(self, invoice: str, *, key: str) -> Answer:
        """Withdraw an invoice that isn't paid."""
        return self._act(invoice, "void", key, {})

    def mark_uncollectible(self, invoice: str, *, key: str) -> Answer:
        """Write an open invoice off."""
        return self._act(invoice, "mark_uncollectible", key, {})

    def delete_invoice(self, invoice: str, *, key: str) -> Answer:
        """Delete a draft; Stripe takes no key for that, and what is gone is gone."""
        path = f"{PATH}/{segment(invoice)}"
        return deleted(self._changing, path, Reference("invoice", invoice))

    def _act(self, invoice: str, action: str, key: str, given: dict[str, Json]) -> Answer:
        return self._changed(f"{PATH}/{segment(invoice)}/{action}", given, key)

    def _changed(self, path: str, given: dict[str, Json], key: str) -> Answer:
        api = self._changing
        reply = api.post(path, {**given, "expand": list(INVOICE_EXPANDED)}, key=key)
        return _told(api, current(api, reply, PATH, *INVOICE_EXPANDED))


def _as_it_is(api: Api, invoice: str) -> Answer:
    return _told(api, read(api, f"{PATH}/{segment(invoice)}", INVOICE_EXPANDED))


def _told(api: Api, reply: Reply) -> Answer:
    gathering = Gathering(api)
    gathering.put_invoice(reply.body, reply)
    return gathering.answer()


def _waits_for_customer(answer: Answer) -> bool:
    intent = answer.first(objects.PaymentIntent)
    return intent is not None and intent.status == "requires_action"


def _is_paid(answer: Answer) -> bool:
    """Tell whether an invoice is paid after all: by then Stripe may only repeat what the bank said first."""
    invoice = answer.first(objects.Invoice)
    return invoice is not None and invoice.status == "paid"
