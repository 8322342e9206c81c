"""Calls that lower a bill after it was finalized."""

from __future__ import annotations

import typing as t

from .. import objects
from ..answers import Answer, Json
from ..contract import CreditNoteCalls
from .api import Api, Reply, segment
from .calls import StripeCalls
from .gathering import Gathering, current, if_possible, read
from .invoices import INVOICE_EXPANDED
from .invoices import PATH as INVOICES

PATH: t.Final = "/v1/credit_notes"


class StripeCreditNotes(StripeCalls, CreditNoteCalls):
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
        """Lower an open bill, or give back some of a paid one.

        The answer also holds the refunds that were made or named, and the customer if its balance changed.
        """
        api = self._changing
        given: dict[str, Json] = {
            "invoice": invoice,
            "amount": amount,
            "refund_amount": refund_amount,
            "credit_amount": credit_amount,
            "out_of_band_amount": out_of_band_amount,
            "reason": reason,
            "memo": memo,
            "email_type": "credit_note" if email else "none",
            "metadata": metadata,
        }
        if lines is not None:
            given["lines"] = [_line(each) for each in lines]
        if refunds:
            given["refunds"] = [
                {"type": "refund", "refund": each["refund"], "amount_refunded": each["amount"]}
                for each in refunds
            ]
        reply = api.post(PATH, given, key=key)
        return _told(api, reply, with_customer=bool(credit_amount))

    def void_credit_note(self, credit_note: str, *, key: str) -> Answer:
        """Withdraw the credit note of a bill that is still open."""
        api = self._changing
        reply = api.post(f"{PATH}/{segment(credit_note)}/void", {}, key=key)
        return _told(api, reply)


def _line(wanted: dict[str, Json]) -> dict[str, Json]:
    told = {name: wanted[name] for name in ("quantity", "amount") if wanted.get(name) is not None}
    return {"type": "invoice_line_item", "invoice_line_item": wanted["line"], **told}


def _told(api: Api, reply: Reply, *, with_customer: bool = False) -> Answer:
    reply = current(api, reply, PATH)
    gathering = Gathering(api)
    note = t.cast(objects.CreditNote, gathering.put("credit_note", reply.body, reply))
    found = read(api, f"{INVOICES}/{segment(note.invoice)}", INVOICE_EXPANDED)
    gathering.put_invoice(found.body, found)
    wanted = [("refund", "/v1/refunds", each) for each in note.refunds]
    if with_customer:
        wanted.append(("customer", "/v1/customers", note.customer))
    for kind, path, id in wanted:
        with if_possible():
            further = read(api, f"{path}/{segment(id)}", ())
            gathering.put(kind, further.body, further)
    return gathering.answer()
