"""Calls that make, change and end subscriptions."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import InvalidRequest, NotFound
from ..answers import Answer, Json
from ..contract import SubscriptionCalls
from . import fields
from .api import Api, Reply, segment
from .bodies import Raw
from .calls import StripeCalls
from .customers import check_known, emptied
from .gathering import Gathering, current, taken_out, unclear

PATH: t.Final = "/v1/subscriptions"

#: What a subscription comes with. The payment intent of its invoice is too deep to come along.
EXPANDED: t.Final = ("latest_invoice.payments", "discounts")

_DAYS_UNTIL_DUE: t.Final = 30

# What is sent as it is given, and what it's called at Stripe.
_PLAIN: t.Final[t.Mapping[str, str]] = {
    "proration": "proration_behavior",
    "proration_date": "proration_date",
    "trial_end": "trial_end",
    "payment_behavior": "payment_behavior",
    "default_payment_method": "default_payment_method",
    "metadata": "metadata",
}
_PREVIEWED: t.Final = frozenset(
    {"items", "proration", "proration_date", "cancel_at_period_end", "cancel_at", "discounts"}
)
_CHANGEABLE: t.Final = frozenset(_PLAIN) | {
    "items",
    "cancel_at_period_end",
    "cancel_at",
    "pause",
    "resume",
    "discounts",
    "automatic_tax",
}


class StripeSubscriptions(StripeCalls, SubscriptionCalls):
    """Calls that make, change and end subscriptions."""

    def create_subscription(
        self,
        customer: str,
        *,
        items: list[dict[str, Json]],
        trial_end: int | None,
        payment_method: str | None,
        collection_method: str,
        billing_cycle_anchor: int | None,
        metadata: dict[str, str],
        discounts: list[dict[str, str]] | None = None,
        automatic_tax: bool = False,
        cancel_at: int | None = None,
        currency: str | None = None,
        days_until_due: int | None = None,
        key: str,
    ) -> Answer:
        """Subscribe a customer; the answer also holds the first invoice, its intent and its charge.

        The card is charged at once. When that fails, or the customer has to confirm it, the subscription is
        made all the same (``allow_incomplete``), and is ``incomplete`` until the invoice is paid.
        """
        api = self._changing
        given: dict[str, Json] = {
            "customer": customer,
            "items": [dict(item) for item in items],
            "trial_end": trial_end,
            "default_payment_method": payment_method,
            "collection_method": collection_method,
            "billing_cycle_anchor": billing_cycle_anchor,
            "payment_behavior": "allow_incomplete",
            "metadata": metadata,
            "discounts": discounts or None,
            "currency": currency,
            "expand": list(EXPANDED),
        }
        if collection_method == "send_invoice":
            given["days_until_due"] = days_to_pay(days_until_due)
        if automatic_tax:
            given["automatic_tax"] = {"enabled": True}
        if cancel_at is not None:
            # Otherwise Stripe would take off the part of a period after the end.
            given |= {"cancel_at": cancel_at, "proration_behavior": "none"}
        return _told(api, api.post(PATH, given, key=key), at_birth=True)

    def update_subscription(
        self, subscription: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a subscription, and send nothing but what changes.

        :raises InvalidRequest: for what can't be changed.
        :raises CardError: with ``error_if_incomplete``, when the change can't be paid.
        """
        api = self._changing
        check_known(changes, _CHANGEABLE, "subscription")
        given: dict[str, Json] = {
            there: emptied(changes[here]) for here, there in _PLAIN.items() if here in changes
        }
        if "items" in changes:
            given["items"] = [dict(item) for item in changes["items"]]
        if "pause" in changes:
            given["pause_collection"] = emptied(changes["pause"])
        if "discounts" in changes:
            given["discounts"] = _discounts(changes["discounts"])
        if "automatic_tax" in changes:
            given["automatic_tax"] = {"enabled": changes["automatic_tax"]}
        given |= _end(changes)
        path = f"{PATH}/{segment(subscription)}"
        if changes.get("resume"):
            path += "/resume"
        return _told(api, api.post(path, {**given, "expand": list(EXPANDED)}, key=key))

    def preview_invoice(self, subscription: str, changes: dict[str, Json]) -> Answer:
        """Tell what a subscription would be billed next, and change nothing.

        :raises InvalidRequest: for what can't be previewed, or when nothing more will be billed.
        """
        api = self._changing
        check_known(changes, _PREVIEWED, "preview")
        details: dict[str, Json] = {
            there: changes[here] for here, there in _PLAIN.items() if here in changes
        }
        if "items" in changes:
            details["items"] = [dict(item) for item in changes["items"]]
        details |= _end(changes)
        given = {"subscription": subscription} | (
            {"subscription_details": details} if details else {}
        )
        if "discounts" in changes:
            given["discounts"] = _discounts(changes["discounts"])
        reply = api.ask("/v1/invoices/create_preview", given)
        gathering = Gathering(api)
        gathering.put("invoice", {"id": "upcoming", **reply.body}, reply)
        return gathering.answer()

    def cancel_subscription(
        self, subscription: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a subscription now; of one that has ended, tell how it stands.

        Stripe keeps no answer for that, and no longer finds what has ended: a try whose answer was lost would
        otherwise end in an error.

        :raises NotFound: when there never was one.
        """
        api = self._changing
        path = f"{PATH}/{segment(subscription)}"
        wanted = {"invoice_now": invoice_now, "prorate": prorate}
        given: dict[str, Json] = {name: True for name, asked in wanted.items() if asked}
        try:
            reply = api.delete(path, {**given, "expand": list(EXPANDED)})
        except NotFound:
            reply = api.get(path, {"expand": list(EXPANDED)})
            if fields.moment(reply.body, "ended_at") is None:
                raise
        return _told(api, reply)


def _discounts(wanted: Json) -> Json:
    """Return all discounts that it's to have: an empty list would leave it those that it has."""
    return [dict(each) for each in wanted] if wanted else ""


def _end(changes: c.Mapping[str, Json]) -> dict[str, Json]:
    """Return when it's to end. Stripe takes one way of saying so: a time takes the place of the period's
    end and the other way round, and taking back either leaves none."""
    if changes.get("cancel_at") is not None:
        return {"cancel_at": changes["cancel_at"]}
    if "cancel_at_period_end" in changes:
        return {"cancel_at_period_end": changes["cancel_at_period_end"]}
    return {"cancel_at": ""} if "cancel_at" in changes else {}


def days_to_pay(said: int | None) -> int:
    """Return within how many days an invoice that is sent is to be paid; Stripe wants to be told."""
    return _DAYS_UNTIL_DUE if said is None else said


def _told(api: Api, reply: Reply, *, at_birth: bool = False) -> Answer:
    now = current(api, reply, PATH, *EXPANDED)
    invoice = taken_out(now.body, "latest_invoice")
    gathering = Gathering(api)
    gathering.put("subscription", now.body, now)
    try:
        is_told = invoice is not None and (at_birth or _was_billed(now.body, invoice, reply))
    except InvalidRequest as error:
        raise unclear(error) from None
    if invoice is not None and is_told:
        gathering.put_invoice(invoice, now)
    return gathering.answer()


def _was_billed(subscription: Raw, invoice: Raw, reply: Reply) -> bool:
    """Tell whether the latest invoice is for this change: an older one's failed payment isn't news.

    It was made while the call lasted. That can't be told of what Stripe repeats, nor under a test clock,
    whose times are its own; then the latest invoice for a change is it.
    """
    if reply.replayed or subscription.get("test_clock") is not None:
        return fields.text(invoice, "billing_reason") == "subscription_update"
    made = fields.moment(invoice, "created")
    return made is not None and made >= reply.fresh_from
