"""Lists, whole: what a customer can pay with, and all that is sold."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...errors import InvalidRequest, ProcessorUnavailable, UnsupportedByProcessor
from .. import objects
from ..answers import Answer, Page
from . import fetching, fields, reading
from .api import PAGE, Api, Params, Reply, segment
from .bodies import without_secrets

_List: t.TypeAlias = tuple[str, str, Params]

#: What can be listed without saying of which customer.
_LISTED: t.Final = frozenset(
    "product price coupon promotion_code customer subscription subscription_schedule invoice credit_note "
    "payment_intent charge refund dispute checkout_session connect_account transfer".split()
)
#: What has to be asked for so that a list leaves nothing out: one list, or several.
_WHICH: t.Final[t.Mapping[str, tuple[Params, ...]]] = {
    "price": ({"active": False}, {"active": True}),
    "subscription": ({"status": "all"},),
}


def payment_methods(api: Api, customer: str) -> Answer:
    """Return everything that a customer can pay with, oldest first.

    :raises NotFound: when there is no such customer.
    """
    path = f"/v1/customers/{segment(customer)}/payment_methods"
    return _listed(api, ("payment_method", path, {}))


def tax_ids(api: Api, customer: str) -> Answer:
    """Return a customer's numbers at tax offices, oldest first.

    :raises NotFound: when there is no such customer.
    """
    return _listed(api, ("tax_id", f"/v1/customers/{segment(customer)}/tax_ids", {}))


def catalog(api: Api) -> Answer:
    """Return all products, then all prices, oldest first; retired ones too.

    A list of prices holds the active ones only, unless it's asked for the others.
    """
    return _listed(api, *_lists("product"), *_lists("price"))


def page(
    api: Api,
    kind: str,
    after: str | None,
    email: str | None,
    until: datetime.datetime | None = None,
) -> Page:
    """Return a page of all objects of a kind; the part before the colon of ``after`` counts the lists.

    :raises UnsupportedByProcessor: for a kind that Stripe has no list of.
    """
    lists = _lists(kind) if kind in _LISTED else []
    if not lists:
        raise UnsupportedByProcessor(f"Stripe can't list every {kind}.")
    number, _, last = (after or "0:").partition(":")
    _, path, params = lists[int(number)]
    if email is not None:
        params = {**params, "email": email}
    if until is not None:
        params = {**params, "created": {"lte": int(until.timestamp())}}
    rows, reply = next(api.pages(path, params, after=last or None))
    found, until = [], reply.fresh_to
    for raw in rows:
        of = Reply(raw, reply.fresh_from, reply.fresh_to, may_hold_secrets=reply.may_hold_secrets)
        held = fetching.whole(api, kind, of, fields.identifier(raw), None)
        found.append(_read(kind, held))
        until = max(until, held.fresh_to)
    following = None
    if rows and fields.flag(reply.body, "has_more"):
        following = f"{number}:{found[-1].processor_id}"
    elif int(number) + 1 < len(lists):
        following = f"{int(number) + 1}:"
    answer = Answer(objects=tuple(found), fresh_from=reply.fresh_from, fresh_to=until)
    return Page(answer=answer, after=following)


def with_other_spellings(api: Api, listed: Answer, email: str) -> Answer:
    """Return the customers with an address, those of which the list by address has left out, too.

    Stripe's list goes by capitals, and its search, which is a minute late, doesn't.

    :raises UnsupportedByProcessor: where Stripe has no search, as for merchants in India.
    """
    quoted = email.replace("\\", "\\\\").replace('"', '\\"')
    try:
        told = api.get("/v1/customers/search", {"query": f'email:"{quoted}"', "limit": PAGE})
    except InvalidRequest as error:
        raise UnsupportedByProcessor(
            f"Stripe's search can't tell who has an e-mail address: {error}"
        ) from error
    found = {each.processor_id: each for each in listed.objects}
    for raw in fields.rows(told.body, "data") or []:
        read = _read("customer", dataclasses.replace(told, body=raw))
        assert isinstance(read, objects.Customer)
        if (read.email or "").lower() == email.lower():
            found.setdefault(read.processor_id, read)
    times = (listed.fresh_from, told.fresh_from), (listed.fresh_to, told.fresh_to)
    return Answer(objects=tuple(found.values()), fresh_from=min(times[0]), fresh_to=max(times[1]))


def _lists(kind: str) -> list[_List]:
    """Return the lists that hold every object of a kind, each told as :func:`fetching.fetch` would."""
    place = fetching.PLACES[kind]
    expanded = {"expand": [f"data.{each}" for each in place.expand]} if place.expand else {}
    path = place.path.removesuffix("/{}")
    return [(kind, path, {**expanded, **which}) for which in _WHICH.get(kind, ({},))]


def _listed(api: Api, *lists: _List) -> Answer:
    kinds: dict[str, dict[str, objects.ProcessorObject]] = {}
    times: list[datetime.datetime] = []
    for kind, path, params in lists:
        found = kinds.setdefault(kind, {})
        for rows, page in api.pages(path, params):
            times += (page.fresh_from, page.fresh_to)
            for raw in rows:
                row = _read(kind, dataclasses.replace(page, body=raw))
                # A price that is retired at this moment may be in both lists; the later one is right.
                found[row.processor_id] = row
    every = [row for found in kinds.values() for row in sorted(found.values(), key=_when_made)]
    return Answer(objects=tuple(every), fresh_from=min(times), fresh_to=max(times))


def _read(kind: str, told: Reply) -> objects.ProcessorObject:
    try:
        row = reading.read(without_secrets(told.body) if told.may_hold_secrets else told.body)
    except InvalidRequest as error:
        # Of a hundred on a page, it has to be said which.
        raise InvalidRequest(
            f"Stripe's {kind} {told.body.get('id')}: {error.message}",
            code=error.code,
            param=error.param,
        ) from error
    if row is None or row.kind != kind:
        raise ProcessorUnavailable(f"Stripe listed something else than a {kind}.")
    return row


def _when_made(row: objects.ProcessorObject) -> tuple[bool, datetime.datetime | None, str]:
    return row.created is None, row.created, row.processor_id
