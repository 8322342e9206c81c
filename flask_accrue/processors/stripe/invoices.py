"""Calls about invoices."""

from __future__ import annotations

import typing as t

from ...errors import CardError
from .. import objects
from ..answers import Answer
from ..contract import InvoiceCalls
from .api import segment
from .calls import StripeCalls
from .gathering import Gathering, current, if_possible, read

_INVOICES: t.Final = "/v1/invoices"
_INTENTS: t.Final = "/v1/payment_intents"
_REFUNDS: t.Final = "/v1/refunds"

_INVOICE_EXPANDED: t.Final = ("payments", "parent.subscription_details.subscription")


class StripeInvoices(StripeCalls, InvoiceCalls):
    """Calls about invoices."""

    def pay_invoice(self, invoice: str, *, payment_method: str | None, key: str) -> Answer:
        """Try to collect an open invoice now; the answer also holds the payment intent, the charge and the
        subscription.

        Stripe refuses where the customer has to confirm the payment, which is no refusal here.

        :raises CardError: when the bank refuses; ``answer`` holds the same.
        """
        api = self._changing
        path = f"{_INVOICES}/{segment(invoice)}"
        given = {"payment_method": payment_method, "expand": list(_INVOICE_EXPANDED)}
        gathering = Gathering(api)
        try:
            reply = api.post(f"{path}/pay", given, key=key)
        except CardError as error:
            with if_possible():
                found = read(api, path, _INVOICE_EXPANDED)
                gathering.put_invoice(found.body, found)
            answer = error.answer = gathering.so_far() or error.answer
            if answer is not None and (_is_paid(answer) or _waits_for_customer(answer)):
                return t.cast(Answer, answer)
            raise
        reply = current(api, reply, _INVOICES, *_INVOICE_EXPANDED)
        gathering.put_invoice(reply.body, reply)
        return gathering.answer()


def _waits_for_customer(answer: Answer) -> bool:
    intent = answer.first(objects.PaymentIntent)
    return intent is not None and intent.status == "requires_action"


def _is_paid(answer: Answer) -> bool:
    """Tell whether an invoice is paid after all: by then Stripe may only repeat what the bank said first."""
    invoice = answer.first(objects.Invoice)
    return invoice is not None and invoice.status == "paid"
