"""Webhook bodies of the Fake, read into the typed objects they describe.

A body is ``{"id", "type", "created", "livemode", "customer", "object", "previous"}``: ``customer`` is the
id of the one it's about, ``object`` a document as :mod:`.documents` writes it, and ``previous`` what the
fields that changed were before. What happened in a connected account has an ``account`` besides.
"""

from __future__ import annotations

import datetime
import json
import typing as t

from ...clock import UTC
from ...errors import InvalidRequest
from .. import objects
from ..answers import ProcessorEvent, Reference
from . import documents


def read_event(payload: bytes | str) -> ProcessorEvent:
    """Read a body.

    :raises InvalidRequest: when it isn't an event as the Fake writes it.
    """
    try:
        body = json.loads(payload)
        event_id, event_type, document = body["id"], body["type"], body["object"]
        created = datetime.datetime.fromtimestamp(body["created"], UTC)
        livemode = body["livemode"]
        kind = document["kind"]
        customer, account = body.get("customer"), body.get("account")
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise _not_an_event() from error
    if not isinstance(event_id, str) or not isinstance(event_type, str):
        raise _not_an_event()
    known = objects.KINDS.get(kind) if isinstance(kind, str) else None
    if kind == objects.Discount.kind:
        return _of_discount(body, created)
    # The next invoice doesn't exist yet: it has no id, and there's nothing to fetch or to keep.
    exists = bool(document.get("processor_id"))
    return ProcessorEvent(
        processor_id=event_id,
        type=event_type,
        created=created,
        account=account if isinstance(account, str) else None,
        livemode=bool(livemode),
        object=None if known is None else documents.read(known, document),
        usable=exists,
        fetchable=exists,
        customer=customer if isinstance(customer, str) else None,
        payment_failed=event_type == "invoice.payment_failed",
        raw=body,
    )


def _of_discount(body: dict[str, t.Any], created: datetime.datetime) -> ProcessorEvent:
    """Return an event that refers to what the discount is of, since it's told within that."""
    discount = documents.read(objects.Discount, body["object"])
    of = Reference("customer", str(discount.customer))
    if discount.subscription is not None:
        of = Reference("subscription", discount.subscription)
    return ProcessorEvent(
        processor_id=body["id"],
        type=body["type"],
        created=created,
        livemode=bool(body["livemode"]),
        reference=of,
        usable=False,
        customer=discount.customer,
        raw=body,
    )


def _not_an_event() -> InvalidRequest:
    return InvalidRequest("This isn't an event as the Fake writes it.", code="event_invalid")
