"""Calls that charge a card, and give back."""

from __future__ import annotations

import typing as t

from ..answers import Answer, Json
from ..contract import ChargeCalls
from . import fields
from .api import Api, segment
from .gathering import Gathering, current, if_possible, read, taken_out
from .paying import INTENTS, ask_bank
from .payment_intents import StripePaymentIntents

_INVOICES: t.Final = "/v1/invoices"
_REFUNDS: t.Final = "/v1/refunds"

# What it cost, and what is left of the charge, and what that one cost.
_REFUND_EXPANDED: t.Final = ("balance_transaction", "charge.balance_transaction")
_INVOICE_EXPANDED: t.Final = ("payments", "parent.subscription_details.subscription")


class StripeCharges(StripePaymentIntents, ChargeCalls):
    """Calls that charge a card, and give back."""

    def create_charge(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
        statement_descriptor: str | None = None,
    ) -> Answer:
        """Charge a card now. The answer holds the payment intent, then its charge if the bank was asked.

        Ways to pay that lead the customer to another site are left out: nobody waits to be led there.

        :raises CardError: when the bank refuses; ``answer`` holds the same.
        """
        return self.create_payment_intent(
            customer,
            amount=amount,
            currency=currency,
            capture_method="automatic",
            payment_method=payment_method,
            confirm=True,
            setup_future_usage=None,
            description=description,
            statement_descriptor=statement_descriptor,
            metadata=metadata,
            key=key,
        )

    def confirm_payment(
        self, payment_intent: str, *, payment_method: str | None, key: str
    ) -> Answer:
        """Carry on with a payment. The answer holds the intent, its charge, and the invoice and subscription
        that hang on it.

        :raises CardError: when the bank refuses; ``answer`` holds the same.
        """
        api = self._changing
        return ask_bank(
            api,
            f"{INTENTS}/{segment(payment_intent)}/confirm",
            {"payment_method": payment_method},
            key=key,
            intent=payment_intent,
            beside=lambda gathering: _put_its_invoice(api, gathering, payment_intent),
        )

    def create_refund(
        self,
        charge: str,
        *,
        amount: int | None,
        reason: str | None,
        metadata: dict[str, str],
        key: str,
        reverse_transfer: bool = False,
        refund_application_fee: bool = False,
    ) -> Answer:
        """Give back a part of a charge, or all that is left. The answer holds the refund, then the charge,
        then the transfer that was taken back with it.
        """
        api = self._changing
        expanded = (*_REFUND_EXPANDED, *(["charge.transfer"] if reverse_transfer else []))
        given: dict[str, Json] = {
            "charge": charge,
            "amount": amount,
            "reason": reason,
            "metadata": metadata,
            "expand": list(expanded),
        }
        if reverse_transfer:
            given["reverse_transfer"] = True
        if refund_application_fee:
            given["refund_application_fee"] = True
        reply = current(api, api.post(_REFUNDS, given, key=key), _REFUNDS, *expanded)
        taken_back = taken_out(reply.body, "charge", "transfer")
        given_back = taken_out(reply.body, "charge")
        gathering = Gathering(api)
        gathering.put("refund", reply.body, reply)
        if given_back is not None:
            gathering.put("charge", given_back, reply)
        if taken_back is not None:
            gathering.put("transfer", taken_back, reply)
        return gathering.answer()


def _put_its_invoice(api: Api, gathering: Gathering, payment_intent: str) -> None:
    """Put in the invoice that a payment intent pays, and that one's subscription.

    The intent doesn't say which it is, but invoice payments do. Events tell of both, too, so it's no harm
    when they can't be read.
    """
    wanted = {
        "payment": {"type": "payment_intent", "payment_intent": payment_intent},
        "limit": 1,
    }
    with if_possible():
        payments = fields.rows(api.get("/v1/invoice_payments", wanted).body, "data") or []
        for payment in payments[:1]:
            invoice = fields.required_reference(payment, "invoice")
            found = read(api, f"{_INVOICES}/{segment(invoice)}", _INVOICE_EXPANDED)
            gathering.put_invoice(found.body, found)
