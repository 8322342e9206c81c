"""Webhook bodies, read into what they say.

What an event carries is told by its object, not by its name: ``charge.refund.updated`` carries a refund and
``payment_method.updated`` may carry a card. The name only tells what an object can't say about itself: that
it's deleted or detached, or that a payment failed.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...clock import UTC
from ...errors import InvalidRequest
from .. import objects
from ..answers import ProcessorEvent, Reference
from . import fields, reading, reading_customers, reading_entitlements, versions
from .bodies import Raw, decode, invalid, without_secrets

#: How long columns are that hold parts of an envelope.
_LONGEST: t.Final[t.Mapping[str, int]] = {"type": 100, "account": 255, "api_version": 64}

_THIN: t.Final = "v2.core.event"
#: What a thin event's type has before the name that others of the same news have.
_THIN_PREFIX: t.Final = "v1."
_PAYMENT_FAILED: t.Final = "invoice.payment_failed"
_DEAUTHORIZED: t.Final = "account.application.deauthorized"
#: What tells of a connected account: the platform's own application, what it may do, and its people.
_OF_ACCOUNTS: t.Final = frozenset({"application", "capability", "person"})
#: Reports of usage that was taken and can't be counted.
_USAGE_REFUSED: t.Final = frozenset(
    {"v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"}
)
_ENDED: t.Final = frozenset({"canceled", "incomplete_expired"})


def read_envelope(payload: bytes | str) -> ProcessorEvent:
    """Read all of a body but its object.

    :raises InvalidRequest: when it isn't an event as Stripe writes it.
    """
    return _envelope(decode(payload))


def read_event(payload: bytes | str) -> ProcessorEvent:
    """Read a body.

    There is no object where it's of a kind that isn't mirrored, doesn't exist yet (an upcoming invoice) or
    belongs to nobody. A thin event only refers to one, and one in a shape that can't be read is no more
    than referred to either.

    :raises InvalidRequest: when it isn't an event as Stripe writes it.
    """
    body = without_secrets(decode(payload))
    event = dataclasses.replace(_envelope(body), raw=body)
    if body["object"] == _THIN:
        return _referring(event, _related(body))
    raw = t.cast(Raw, body["data"]["object"])
    kind = fields.text(raw, "object") or ""
    event = dataclasses.replace(event, customer=_customer(kind, raw))
    if kind in _OF_ACCOUNTS:
        return _of_account(event, kind, raw)
    if kind == "discount":
        return _referring(event, _discounted(raw))
    if _has_no_object(kind, raw):
        return dataclasses.replace(event, usable=False, fetchable=False)
    try:
        found = reading.read(raw)
        is_whole = reading.is_whole(raw)
    except InvalidRequest:
        named = _named(kind, raw)
        if named is None:
            raise
        return _referring(event, named)
    if found is None:
        return event
    found = _after(event.type, found)
    if isinstance(found, objects.PaymentMethod) and found.customer is None:
        # What was detached can be attached to nobody again, and isn't found under its customer any more.
        customer = event.customer or _previous_customer(body)
        return dataclasses.replace(event, object=found, customer=customer, fetchable=False)
    # Under a test clock, events have the clock's times, and answers have real ones.
    simulated = raw.get("test_clock") is not None
    return dataclasses.replace(
        event,
        object=found,
        usable=event.usable and is_whole and not simulated,
        simulated=simulated,
        fetchable=kind not in reading_customers.LEGACY_KINDS,
        payment_failed=event.type == _PAYMENT_FAILED,
    )


# -- the envelope ----------------------------------------------------------------------------------


def _envelope(body: Raw) -> ProcessorEvent:
    kind = body.get("object")
    if kind not in ("event", _THIN):
        raise invalid("This isn't an event of Stripe's: its `object` isn't `event`.", "object")
    version = _limited(body, "api_version")
    if kind == "event" and not isinstance(fields.part(body, "data").get("object"), dict):
        raise invalid("This event holds no `data.object`.", "data")
    event_type = _limited(body, "type")
    if not event_type:
        raise fields.wrong("type", "a string", event_type)
    is_thin = kind == _THIN
    return ProcessorEvent(
        processor_id=fields.identifier(body),
        type=event_type,
        created=_written_time(body) if is_thin else _created(body),
        account=_limited(body, "context" if is_thin else "account"),
        livemode=fields.flag(body, "livemode"),
        api_version=version,
        usable=not is_thin and versions.is_listed(version),
        fetchable=not is_thin,
    )


def _limited(body: Raw, name: str) -> str | None:
    value = fields.text(body, name)
    limit = _LONGEST.get(name, _LONGEST["account"])
    if value is not None and len(value) > limit:
        raise invalid(f"`{name}` has more than {limit} characters.", name)
    return value or None


def _created(body: Raw) -> datetime.datetime:
    moment = fields.moment(body, "created")
    if moment is None:
        raise fields.wrong("created", "a time in Unix seconds", moment)
    return moment


def _written_time(body: Raw) -> datetime.datetime:
    """Return the ``created`` of a thin event, which is written as ISO 8601."""
    written = fields.required_text(body, "created")
    try:
        moment = datetime.datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid("`created` is no time with a zone in ISO 8601.", "created")


# -- what accounts are told by ------------------------------------------------------------------------


def _of_account(event: ProcessorEvent, kind: str, raw: Raw) -> ProcessorEvent:
    """Return an event about a connected account that shows something else than the account."""
    name = event.account if kind == "application" else _id(raw.get("account")) or event.account
    if name is None:
        return event
    if event.type == _DEAUTHORIZED:
        # Nobody can look at the account any more, so this is all there is to say of it.
        gone = objects.ConnectAccount(processor_id=name, deleted=True)
        return dataclasses.replace(event, object=gone, fetchable=False)
    return _referring(event, Reference("connect_account", name))


# -- the reference ---------------------------------------------------------------------------------


def _related(body: Raw) -> Reference | None:
    related = body.get("related_object")
    if not isinstance(related, dict):
        return None
    return reading.reference(related.get("type"), related.get("id"))


def _discounted(raw: Raw) -> Reference | None:
    """Return what a discount is of: it's told within that, and can't be fetched."""
    for kind in ("subscription", "customer"):
        found = _id(raw.get(kind))
        if found is not None:
            is_invoice_s = kind == "customer" and _id(raw.get("invoice")) is not None
            return None if is_invoice_s else reading.reference(kind, found)
    return None


def _named(kind: str, raw: Raw) -> Reference | None:
    """Return the reference to an object that can't be read; a summary is named by its customer."""
    if kind == reading_entitlements.SUMMARY:
        return Reference("entitlement_summary", t.cast(str, _id(raw.get("customer"))))
    return reading.reference(kind, raw.get("id"))


def _referring(event: ProcessorEvent, named: Reference | None) -> ProcessorEvent:
    """Return an event that only names what it's about."""
    return dataclasses.replace(
        event,
        reference=named,
        usable=False,
        fetchable=named is not None,
        payment_failed=event.type.removeprefix(_THIN_PREFIX) == _PAYMENT_FAILED,
        refuses_usage=event.type in _USAGE_REFUSED,
    )


# -- the object ------------------------------------------------------------------------------------


def _has_no_object(kind: str, raw: Raw) -> bool:
    """Tell whether there is nothing to mirror: it doesn't exist yet, or it's nobody's."""
    if kind in ("invoice", "subscription"):
        object_id = raw.get("id")
        is_preview = isinstance(object_id, str) and object_id.startswith("upcoming_")
        return not object_id or is_preview or raw.get("customer") is None
    if kind in reading_customers.LEGACY_KINDS:
        # A card may be a connected account's, for payouts, and a source isn't anybody's at first.
        return raw.get("customer") is None
    return kind == reading_entitlements.SUMMARY and _id(raw.get("customer")) is None


def _after(event_type: str, found: objects.ProcessorObject) -> objects.ProcessorObject:
    """Return the object as it is after an event whose body shows it as it was just before."""
    if event_type in ("customer.source.deleted", "payment_method.detached"):
        if isinstance(found, objects.PaymentMethod):
            return dataclasses.replace(found, customer=None)
    elif event_type == "customer.subscription.deleted":
        if isinstance(found, objects.Subscription) and found.status not in _ENDED:
            return dataclasses.replace(found, status="canceled")
    elif event_type == "plan.deleted" or event_type.endswith(f"{found.kind}.deleted"):
        return dataclasses.replace(found, deleted=True)
    return found


def _customer(kind: str, raw: Raw) -> str | None:
    """Return whom an object of any kind is about, as far as it says so itself."""
    if kind == "customer":
        return _id(raw)
    charge = raw.get("charge")  # of a refund or a dispute
    return _id(raw.get("customer")) or (
        _id(charge.get("customer")) if isinstance(charge, dict) else None
    )


def _previous_customer(body: Raw) -> str | None:
    return _id(fields.part(body["data"], "previous_attributes").get("customer"))


def _id(value: t.Any) -> str | None:
    """Return an id if there is one: kinds that aren't mirrored are read without any demands."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if fields.is_identifier(found) else None
