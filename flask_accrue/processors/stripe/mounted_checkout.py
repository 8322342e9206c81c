"""Calls for mounted pages of a checkout: Stripe knows nothing of the page, and bills what it sells.

What is bought once is an invoice of its own, since only that knows discounts, tax and the customer's balance.
"""

from __future__ import annotations

import datetime
import hashlib
import typing as t

from ...errors import InvalidRequest
from .. import objects
from ..answers import Answer, Json
from ..checkout_amounts import amounts_of, priced_or_unplaced
from ..contract import CheckoutCalls
from .api import Reply, segment
from .calls import StripeCalls
from .gathering import Gathering, current, identifier, if_possible
from .invoices import INVOICE_EXPANDED

_INVOICES: t.Final = "/v1/invoices"
_ITEMS: t.Final = "/v1/invoiceitems"
#: How the ids of sessions begin of which Stripe knows nothing.
_OWN: t.Final = "cs_mounted_"
_OPEN_FOR: t.Final = datetime.timedelta(hours=24)


class StripeMountedCheckout(StripeCalls, CheckoutCalls):
    """Calls for mounted pages of a checkout."""

    def price_checkout(
        self,
        customer: str,
        *,
        mode: str,
        items: list[dict[str, Json]],
        options: dict[str, Json],
    ) -> Answer:
        """Ask for the invoice that it would be.

        Of single payments that is one of these items alone: Stripe previews what it's given items for, not
        what a customer would be billed next. It doesn't say whether items that somebody wrote for the next
        invoice, in its dashboard say, are in that preview. :meth:`bill_checkout` leaves them out.

        :raises InvalidRequest: with the code ``customer_tax_location_invalid`` when its tax can't be reckoned
            since nobody knows where the customer is; for codes that can't be redeemed, and the like.
        """
        sold = [dict(item) for item in items]
        given: dict[str, Json] = {"customer": customer}
        if mode == "subscription":
            given["subscription_details"] = {"items": sold}
            if options.get("trial_end"):
                given["subscription_details"]["trial_end"] = options["trial_end"]
        else:
            given["invoice_items"] = sold
        discounts = [
            {name: options[name]} for name in ("coupon", "promotion_code") if options.get(name)
        ]
        if discounts:
            given["discounts"] = discounts
        if options.get("automatic_tax"):
            given["automatic_tax"] = {"enabled": True}
        api = self._changing
        reply = api.ask(f"{_INVOICES}/create_preview", given)
        gathering = Gathering(api)
        found = gathering.put("invoice", {"id": "upcoming", **reply.body}, reply)
        if t.cast(objects.Invoice, found).automatic_tax_status == "requires_location_inputs":
            raise InvalidRequest(
                "The tax can't be reckoned: nobody knows where the customer is. Tell it with "
                "billing.update_customer_tax_location(), or use Stripe's own page, which asks for it.",
                code="customer_tax_location_invalid",
                param="automatic_tax",
            )
        return gathering.answer()

    def bill_checkout(
        self,
        customer: str,
        *,
        items: list[dict[str, Json]],
        currency: str,
        discounts: list[dict[str, str]],
        automatic_tax: bool,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Draft an invoice, add what is bought and finalize it. Each step has a key of its own: sent again,
        it goes on where it was. The answer also holds the payment intent that pays it.

        :raises InvalidRequest: for what can't be sold like that; the draft is deleted then.
        """
        api = self._changing
        given: dict[str, Json] = {
            "customer": customer,
            "currency": currency,
            "collection_method": "charge_automatically",
            # Nobody but the page's customer has it finalized or paid.
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
            "description": description,
            "metadata": metadata,
        }
        if discounts:
            given["discounts"] = [dict(each) for each in discounts]
        if automatic_tax:
            given["automatic_tax"] = {"enabled": True}
        invoice = identifier(api.post(_INVOICES, given, key=key))
        try:
            for number, item in enumerate(items):
                line = {
                    "customer": customer,
                    "invoice": invoice,
                    "pricing": {"price": item["price"]},
                    "quantity": item.get("quantity"),
                }
                api.post(_ITEMS, line, key=f"{key}:{number}")
            reply = api.post(
                f"{_INVOICES}/{segment(invoice)}/finalize",
                {"auto_advance": False, "expand": list(INVOICE_EXPANDED)},
                key=f"{key}:finalize",
            )
        except InvalidRequest:
            with if_possible():
                api.delete(f"{_INVOICES}/{segment(invoice)}", {})
            raise
        reply = current(api, reply, _INVOICES, *INVOICE_EXPANDED)
        gathering = Gathering(api)
        gathering.put_invoice(reply.body, reply)
        return gathering.answer()

    def _mounted_session(
        self,
        customer: str,
        mode: str,
        items: list[dict[str, Json]],
        options: dict[str, Json],
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Return a session for a mounted page: Stripe says what is due, and no more. Made again with the same
        key it's the same one."""
        needs_address = False
        if mode == "setup":
            # Nothing is reckoned; that there is such a customer is all that Stripe can say.
            found: Answer | Reply = self._changing.get(f"/v1/customers/{segment(customer)}", {})
            invoice = None
        else:
            found, needs_address = priced_or_unplaced(
                lambda options: self.price_checkout(
                    customer, mode=mode, items=items, options=options
                ),
                options,
            )
            invoice = t.cast(objects.Invoice, found.main)
        wanted = options.get("currency")
        if invoice is not None and wanted not in (None, invoice.currency):
            raise InvalidRequest(
                f"This would be paid in {invoice.currency.upper()}, not in {str(wanted).upper()}: with "
                "Stripe a mounted page sells in the prices' own currency.",
                code="currency_mismatch",
                param="currency",
            )
        ends = options.get("expires_at")
        made = objects.CheckoutSession(
            processor_id=_OWN + hashlib.sha256(key.encode()).hexdigest()[:32],
            created=found.fresh_from,
            customer=customer,
            mode=mode,
            status="open",
            payment_status="no_payment_required" if mode == "setup" else "unpaid",
            currency=wanted if invoice is None else invoice.currency,
            amount_total=None if invoice is None else invoice.amount_due,
            client_reference_id=options.get("client_reference_id"),
            expires_at=found.fresh_from + _OPEN_FOR
            if ends is None
            else datetime.datetime.fromtimestamp(ends, datetime.UTC),
            metadata=metadata,
            raw={}
            if invoice is None
            else {**amounts_of(invoice, needs_address), **_taken_off_by(options)},
        )
        return Answer(objects=(made,), fresh_from=found.fresh_from, fresh_to=found.fresh_to)


def _taken_off_by(options: dict[str, Json]) -> dict[str, Json]:
    return {name: options[name] for name in ("coupon", "promotion_code") if options.get(name)}
