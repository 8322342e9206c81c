"""Lists, whole: what a customer can pay with, and all that is sold."""

from __future__ import annotations

import datetime
import typing as t

from ...errors import ProcessorUnavailable
from .. import objects
from ..base import Answer
from . import reading
from .api import Api, Params, segment
from .bodies import without_secrets

_List: t.TypeAlias = tuple[str, str, Params]


def payment_methods(api: Api, customer: str) -> Answer:
    """Return everything that a customer can pay with, oldest first.

    :raises NotFound: when there is no such customer.
    """
    path = f"/v1/customers/{segment(customer)}/payment_methods"
    return _listed(api, ("payment_method", path, {}))


def catalog(api: Api) -> Answer:
    """Return all products, then all prices, oldest first; retired ones too.

    A list of prices holds the active ones only, unless it's asked for the others.
    """
    return _listed(
        api,
        ("product", "/v1/products", {}),
        ("price", "/v1/prices", {"active": False}),
        ("price", "/v1/prices", {"active": True}),
    )


def _listed(api: Api, *lists: _List) -> Answer:
    kinds: dict[str, dict[str, objects.ProcessorObject]] = {}
    times: list[datetime.datetime] = []
    for kind, path, params in lists:
        found = kinds.setdefault(kind, {})
        for rows, page in api.pages(path, params):
            times += (page.fresh_from, page.fresh_to)
            for raw in rows:
                row = reading.read(without_secrets(raw))
                if row is None or row.kind != kind:
                    raise ProcessorUnavailable(f"Stripe listed something else than a {kind}.")
                # A price that is retired at this moment may be in both lists; the later one is right.
                found[row.processor_id] = row
    every = [row for found in kinds.values() for row in sorted(found.values(), key=_when_made)]
    return Answer(objects=tuple(every), fresh_from=min(times), fresh_to=max(times))


def _when_made(row: objects.ProcessorObject) -> tuple[bool, datetime.datetime | None, str]:
    return row.created is None, row.created, row.processor_id
