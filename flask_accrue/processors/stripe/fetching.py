"""Fetching one object as it stands now, with what the mirror needs of it."""

from __future__ import annotations

import dataclasses
import typing as t

from ...errors import InvalidRequest, NotFound, ProcessorUnavailable
from ..answers import Answer
from ..objects import ProcessorObject
from . import fields, reading
from .api import Api, Reply, segment
from .bodies import Raw, without_secrets
from .entitlements import fetch_summary


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a kind of object is found.

    :ivar expand: what has to come along.
    :ivar brings: the field with an object that is told as one of its own, where it's a customer's.
    :ivar list: a list inside that may be cut off, the path of its rows, and the parameter that
        names the object there, unless its path does.
    """

    path: str
    expand: tuple[str, ...] = ()
    brings: str | None = None
    list: str | None = None
    rows_path: str = ""
    rows_of: str | None = None


#: By kind.
PLACES: t.Final[t.Mapping[str, Place]] = {
    "charge": Place("/v1/charges/{}", ("balance_transaction",)),
    "checkout_session": Place("/v1/checkout/sessions/{}"),
    "connect_account": Place("/v1/accounts/{}"),
    "coupon": Place("/v1/coupons/{}", ("applies_to",)),
    "credit_note": Place("/v1/credit_notes/{}"),
    "customer": Place("/v1/customers/{}"),
    "dispute": Place("/v1/disputes/{}"),
    "invoice": Place(
        "/v1/invoices/{}", ("payments",), list="lines", rows_path="/v1/invoices/{}/lines"
    ),
    "invoice_payment": Place("/v1/invoice_payments/{}"),
    "payment_intent": Place("/v1/payment_intents/{}"),
    # Cards and sources from before payment methods are found there too.
    "payment_method": Place("/v1/payment_methods/{}"),
    "price": Place("/v1/prices/{}", ("currency_options",)),
    "product": Place("/v1/products/{}"),
    "promotion_code": Place("/v1/promotion_codes/{}"),
    "refund": Place("/v1/refunds/{}", ("balance_transaction",)),
    "setup_intent": Place("/v1/setup_intents/{}", ("payment_method",), brings="payment_method"),
    "subscription": Place(
        "/v1/subscriptions/{}",
        ("discounts",),
        list="items",
        rows_path="/v1/subscription_items",
        rows_of="subscription",
    ),
    "subscription_schedule": Place("/v1/subscription_schedules/{}"),
    "tax_id": Place("/v1/tax_ids/{}"),
    "transfer": Place("/v1/transfers/{}"),
}


def fetch(api: Api, kind: str, processor_id: str, account: str | None) -> Answer:
    """Return an object as it stands now.

    :raises NotFound: when Stripe has no such object.
    :raises ProcessorError: when Stripe refuses or can't be reached.
    """
    if kind == "entitlement_summary":
        return fetch_summary(api, processor_id, account)
    place = PLACES.get(kind)
    if place is None:
        raise InvalidRequest(f"There is no kind of object called {kind!r}.", param="kind")
    reply = _reply(api, place, place.path.format(segment(processor_id)), account)
    reply = whole(api, kind, reply, processor_id, account)
    body, beside = _apart(reply.body, place.brings)
    found = reading.read(without_secrets(body))
    if found is None or (found.kind, found.processor_id) != (kind, processor_id):
        raise ProcessorUnavailable(f"Stripe answered with something else than that {kind}.")
    return Answer(
        objects=(found, *beside),
        fresh_from=reply.fresh_from,
        fresh_to=reply.fresh_to,
        client_secret=fields.text(reply.body, "client_secret"),
    )


def _apart(body: Raw, name: str | None) -> tuple[Raw, list[ProcessorObject]]:
    """Return an object with no more than the id of what it brings, and that; nothing if it's nobody's."""
    brought = body.get(name) if name is not None else None
    if name is None or not isinstance(brought, dict):
        return body, []
    read = reading.read(without_secrets(brought)) if brought.get("customer") is not None else None
    return {**body, name: brought.get("id")}, [] if read is None else [read]


def _reply(api: Api, place: Place, path: str, account: str | None) -> Reply:
    if not place.expand:
        return api.get(path, {}, account=account)
    try:
        return api.get(path, {"expand": list(place.expand)}, account=account)
    except NotFound:
        # That may be about what should come along, and taking it for the object itself would have it
        # marked as deleted.
        return api.get(path, {}, account=account)


def whole(api: Api, kind: str, reply: Reply, processor_id: str, account: str | None) -> Reply:
    """Return the reply with all rows of a list inside its object that was cut off."""
    place = PLACES[kind]
    if place.list is None or not fields.is_cut_off(reply.body, place.list):
        return reply
    params = {place.rows_of: processor_id} if place.rows_of else {}
    path = place.rows_path.format(segment(processor_id))
    return reply.with_rows(place.list, *api.list_all(path, params, account=account))
