"""Recorded answers of Stripe's API, and the webhook events that they imply.

The recordings are not part of the project: ``ACCRUE_RECORDINGS`` names the folder that holds them,
one JSON file a case (``api_version``, and ``calls`` with ``method``, ``path``, ``status`` and
``body``). Without it the tests that need them are skipped, and say so:

.. code-block:: python

    @recorded_cases()
    def test_a_recorded_case_ends_in_the_rows_it_was_recorded_from(case: RecordedCase) -> None:
        for event in case.events():
            post(event.payload, event.signature("whsec_test"))
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.oracles.stripe_contract import Contract, installed_contract
from tests.oracles.stripe_objects import parts_of
from tests.oracles.webhook_sender import body_of, signed, webhook_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.sdk_annotations import Schema

__all__ = ["RecordedCase", "RecordedEvent", "implied_event", "recorded_cases", "signed"]

Json = dict[str, Any]

VARIABLE = "ACCRUE_RECORDINGS"

INTENT_EVENTS = {
    "succeeded": "succeeded",
    "requires_action": "requires_action",
    "requires_capture": "amount_capturable_updated",
    "processing": "processing",
    "canceled": "canceled",
}
INVOICE_EVENTS = {
    "paid": "paid",
    "open": "finalized",
    "void": "voided",
    "uncollectible": "marked_uncollectible",
}


@dataclasses.dataclass(frozen=True)
class RecordedEvent:
    """One event, and the bytes in which it is delivered."""

    body: Json

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def created(self) -> int:
        """When it happened, in seconds since the epoch."""
        return int(self.body["created"])

    @property
    def object(self) -> Json:
        obj: Json = self.body["data"]["object"]
        return obj

    @property
    def payload(self) -> bytes:
        return body_of(self.body)

    def signature(self, secret: str, at: float | None = None) -> str:
        """Return the ``Stripe-Signature`` for an endpoint's secret.

        :param at: seconds since the epoch; by default now, whenever the event was created, since
            a signature tells when an event is delivered.
        """
        return signed(self.payload, secret, time.time() if at is None else at)


@dataclasses.dataclass(frozen=True)
class RecordedCase:
    """One recorded story: its objects in the order in which they were answered."""

    name: str
    api_version: str
    objects: list[Json]

    @classmethod
    def read(cls, file: Path) -> RecordedCase:
        """Read a recording: lists give their rows, errors nothing."""
        recording = json.loads(file.read_text(encoding="utf-8"))
        objects: list[Json] = []
        for call in recording["calls"]:
            body = call["body"]
            if call["status"] < 400:
                objects += body["data"] if body.get("object") == "list" else [body]
        return cls(file.stem, dated_version(recording["api_version"]), objects)

    def final_objects(self) -> list[Json]:
        """Return each object once, as it was recorded last, and what stands only inside others.

        This is what a server is primed with to tell the present state. An object inside another
        comes first, so that the same one recorded by itself replaces it.
        """
        final: dict[tuple[str, str], Json] = {}
        inside = [part for obj in self.objects for part in parts_of(obj)]
        for obj in [*inside, *self.objects]:
            final[obj["object"], obj["id"]] = obj
        return [copy.deepcopy(obj) for obj in final.values()]

    def events(
        self,
        *,
        one_second_apart: bool = True,
        start: int | None = None,
        unexpanded: bool = False,
    ) -> list[RecordedEvent]:
        """Return the events that the objects and their states imply, in recorded order.

        :param one_second_apart: false creates all in one second, as Stripe often does.
        :param start: the first event's ``created``, in seconds since the epoch; by default just
            after the last object was created, since no event is older than its object.
        :param unexpanded: put ids where the recorded calls had asked for whole objects, because a
            real event never holds those. By default bodies are as recorded.
        """
        if start is None:
            start = max((obj.get("created") or 0 for obj in self.objects), default=0) + 1
        seen: set[tuple[str, str]] = set()
        events = []
        for index, obj in enumerate(self.objects):
            name = (obj["object"], obj["id"])
            kind = implied_event(obj, first=name not in seen)
            seen.add(name)
            if kind is not None:
                event = webhook_event(
                    kind,
                    unexpanded_copy(obj) if unexpanded else copy.deepcopy(obj),
                    api_version=self.api_version,
                    created=start + (index if one_second_apart else 0),
                    event_id=event_id(self.name, index),
                )
                events.append(RecordedEvent(event))
        return events


def recorded_cases(*names: str) -> pytest.MarkDecorator:
    """Parametrize a test with ``case``: the recorded cases of those names, or all of them."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        reason = f"{VARIABLE} names no folder of recorded answers"
        skipped = pytest.param(None, marks=pytest.mark.skip(reason=reason), id="not-given")
        return pytest.mark.parametrize("case", [skipped])
    cases = [RecordedCase.read(file) for file in sorted(Path(folder).glob("*.json"))]
    absent = set(names) - {case.name for case in cases}
    if absent or not cases:
        raise FileNotFoundError(f"{VARIABLE}={folder} holds no {', '.join(absent) or '*.json'}.")
    wanted = [case for case in cases if not names or case.name in names]
    return pytest.mark.parametrize("case", wanted, ids=[case.name for case in wanted])


def dated_version(recorded: str) -> str:
    """Return the API version in a recording's own words, such as "2020-03-02 or older"."""
    found = re.match(r"\d{4}-\d{2}-\d{2}(\.\w+)?", recorded)
    if found is None:
        raise ValueError(f"A recording tells its API version by a date, not {recorded!r}.")
    return found[0]


def event_id(case: str, index: int) -> str:
    """Return the id of a case's event: the same in each run, another for each event."""
    return "evt_" + hashlib.sha256(f"{case}/{index}".encode()).hexdigest()[:24]


def implied_event(obj: Json, *, first: bool) -> str | None:
    """Return the type of the event that an object in its state implies, None for no event.

    :param first: the object wasn't seen before in its story.
    """
    kind, status = str(obj["object"]), obj.get("status")
    changed = "created" if first else "updated"
    match kind:
        case "customer" if obj.get("deleted"):
            return "customer.deleted"
        case "payment_method" if not obj.get("customer"):
            return "payment_method.detached"
        case "payment_method" if first:
            return "payment_method.attached"
        case "subscription":
            ended = status in ("canceled", "incomplete_expired")
            return f"customer.subscription.{'deleted' if ended else changed}"
        case "payment_intent" | "setup_intent":
            return f"{kind}.{intent_event(obj)}"
        case "charge":
            return f"charge.{charge_event(obj, first)}"
        case "invoice":
            return f"invoice.{INVOICE_EVENTS.get(str(status), 'created') if first else 'updated'}"
        case "invoice_payment":
            return "invoice_payment.paid" if status == "paid" else None
    return f"{kind}.{changed}"


def intent_event(intent: Json) -> str:
    """Return what happened to a payment or setup intent; there is no event for a mere update."""
    if intent["status"] in INTENT_EVENTS:
        return INTENT_EVENTS[intent["status"]]
    if intent.get("last_payment_error"):
        return "payment_failed"
    return "setup_failed" if intent.get("last_setup_error") else "created"


def charge_event(charge: Json, first: bool) -> str:
    if charge.get("amount_refunded"):
        return "refunded"
    return str(charge["status"]) if first else "updated"


def unexpanded_copy(obj: Json, contract: Contract | None = None) -> Json:
    """Return a copy of an object with ids where it holds objects that only ``expand`` puts there."""
    contract = contract or installed_contract()
    kind = obj.get("object")
    schema = contract.schemas.get(kind) if isinstance(kind, str) else None
    collapsed: Json = _collapse(obj, schema or {}, contract)
    return collapsed


def _collapse(node: Any, schema: Schema, contract: Contract) -> Any:
    if isinstance(node, list):
        rows = next((found for found in _arrays(schema, contract)), {})
        return [_collapse(row, rows.get("items", {}), contract) for row in node]
    if not isinstance(node, dict):
        return node
    if "x-expansionResources" in schema and node.get("id") and node.get("object"):
        return node["id"]
    fields = contract.resource(schema)[1].get("properties", {}) if schema else {}
    return {name: _collapse(value, fields.get(name, {}), contract) for name, value in node.items()}


def _arrays(schema: Schema, contract: Contract) -> Iterator[Schema]:
    return (found for found in contract.branches(schema) if found.get("type") == "array")
