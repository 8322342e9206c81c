"""Finding what an operation made, when its answer was lost.

An operation writes its id into the metadata of what it makes. Stripe's search would find that in one call,
but only a minute after it was made, and in bad hours an hour after; taken for not made, it would be made
twice. Lists tell of everything at once, so what belongs to a customer or a charge is looked for in its list.

Customers belong to nobody, and their list is as long as the account is old. So only the latest are
listed, for longer than the search may lag, and the search is asked about the ones before. Connected accounts
belong to nobody either; there are fewer of them, and there's no search.
"""

from __future__ import annotations

import datetime
import typing as t

from ...clock import real_now
from ...errors import InvalidRequest, NotFound, ProcessorUnavailable
from ..answers import Answer
from . import fetching, fields
from .api import PAGE, Api, Params, segment
from .bodies import Raw

#: The key of an object's metadata that names the operation that made it.
OPERATION_KEY: t.Final = "accrue_operation"

#: How far back lists are looked through. Long before that, events have told of what was made.
LOOKED_BACK: t.Final = datetime.timedelta(days=30)
#: How long Stripe's search may not yet know a new object.
SEARCH_LAG: t.Final = datetime.timedelta(hours=2)
#: How far back customers are listed where there is no search, as for merchants in India.
UNSEARCHED: t.Final = datetime.timedelta(days=1)

_CUSTOMERS: t.Final = "/v1/customers"
_ACCOUNTS: t.Final = "/v1/accounts"


class _Place(t.NamedTuple):
    """The list of a kind, and the filter by what it belongs to, unless its path says that; ``None``: it
    belongs to nothing."""

    path: str
    owner: str | None
    others: tuple[tuple[str, str], ...] = ()


_PLACES: t.Final[t.Mapping[str, _Place]] = {
    "balance_transaction": _Place("/v1/customers/{}/balance_transactions", "customer"),
    "coupon": _Place("/v1/coupons", None),
    "credit_note": _Place("/v1/credit_notes", "invoice"),
    "invoice": _Place("/v1/invoices", "customer"),
    "invoice_item": _Place("/v1/invoiceitems", "invoice"),
    "payment_intent": _Place("/v1/payment_intents", "customer"),
    "checkout_session": _Place("/v1/checkout/sessions", "customer"),
    "promotion_code": _Place("/v1/promotion_codes", "coupon"),
    "refund": _Place("/v1/refunds", "charge"),
    "setup_intent": _Place("/v1/setup_intents", "customer"),
    "subscription": _Place("/v1/subscriptions", "customer", (("status", "all"),)),
    "transfer": _Place("/v1/transfers", "destination"),
    "subscription_schedule": _Place("/v1/subscription_schedules", "customer"),
}
_UNOWNED: t.Final = frozenset({"connect_account", "customer"})


def find(api: Api, kind: str, operation_id: str, within: str | None) -> Answer | None:
    """Return the object that an operation made, as it stands now, or ``None``.

    :raises InvalidRequest: for a kind that isn't looked for, or without what it belongs to.
    :raises ProcessorUnavailable: when Stripe can't be asked, so that it isn't known.
    """
    place = _PLACES.get(kind)
    lacks_owner = place is not None and place.owner is not None and within is None
    if kind not in _UNOWNED and (place is None or lacks_owner):
        owners = {each: _PLACES[each].owner for each in sorted(_PLACES)}
        named = ", ".join(f"{each} within its {owner}" for each, owner in owners.items() if owner)
        raise InvalidRequest(
            "Stripe is asked for a customer, coupon or connected account by its operation, or for a "
            f"{named}; not for a {kind}.",
            param="kind" if place is None else "within",
        )
    try:
        if kind == "connect_account":
            found = _listed(api, _ACCOUNTS, {}, operation_id, LOOKED_BACK)
        elif place is None:
            found = _customer(api, operation_id)
        else:
            path = place.path if within is None else place.path.format(segment(within))
            params: dict[str, t.Any] = dict(place.others)
            if path == place.path and place.owner is not None:
                params[place.owner] = within
            found = _listed(api, path, params, operation_id, LOOKED_BACK)
        if found is None:
            return None
        told_as, id = _told_as(kind, found, within)
        return fetching.fetch(api, told_as, id, None)
    except NotFound:
        return None
    except InvalidRequest as error:
        # A refusal of the search says nothing about what is searched for.
        raise ProcessorUnavailable(f"Stripe can't be asked for that {kind}: {error}") from None


def _told_as(kind: str, found: Raw, within: str | None) -> tuple[str, str]:
    """Return the kind and the id of what tells of a found object; some show on what they belong to alone."""
    shown = {"invoice_item": "invoice", "balance_transaction": "customer"}.get(kind)
    if shown is not None and within is not None:
        return shown, within
    return kind, fields.identifier(found)


def _customer(api: Api, operation_id: str) -> Raw | None:
    found = _listed(api, _CUSTOMERS, {}, operation_id, SEARCH_LAG)
    if found is not None:
        return found
    quoted = operation_id.replace("\\", "\\\\").replace('"', '\\"')
    query = f'metadata["{OPERATION_KEY}"]:"{quoted}"'
    try:
        page = api.get(f"{_CUSTOMERS}/search", {"query": query, "limit": PAGE})
    except InvalidRequest:
        return _listed(api, _CUSTOMERS, {}, operation_id, UNSEARCHED)
    return _made_by(operation_id, fields.rows(page.body, "data") or [])


def _listed(
    api: Api, path: str, params: Params, operation_id: str, back: datetime.timedelta
) -> Raw | None:
    since = int((real_now() - back).timestamp())
    for rows, _ in api.pages(path, {**params, "created": {"gte": since}}):
        found = _made_by(operation_id, rows)
        if found is not None:
            return found
    return None


def _made_by(operation_id: str, rows: list[Raw]) -> Raw | None:
    return next(
        (row for row in rows if fields.metadata(row).get(OPERATION_KEY) == operation_id), None
    )
