"""Webhook events: what came, what became of it, and bringing back what failed."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t

from sqlalchemy import orm

from ... import models, webhooks
from ...models.beginnings import begins_with
from ..actions import Action, Asked, Confirmation
from ..after_response import work_after_response
from ..cells import Badge, Code, Link, Noted, Value
from ..filters import Choice, Exactly, Search, period
from ..resource import Column, Detail, FixedTab, Resource, Scope, TextTab, TimelineTab
from ..wording import OUTCOMES, customer_text, webhook_badge, webhook_notices
from .subscriptions import processor_filter

_events = models.WebhookEvent

_HIDDEN: t.Final = "(hidden)"


def body_text(payload: str) -> str:
    """Lay a body out to be read; what isn't JSON stays as it came. Secrets in it aren't shown."""
    try:
        return json.dumps(_without_secrets(json.loads(payload)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return payload


def _without_secrets(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {
            key: _HIDDEN if "secret" in key and isinstance(item, str) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


def _customer(row: models.WebhookEvent) -> Value:
    if row.customer is None:
        return None
    return Link(customer_text(row.customer) or "", "customers", row.customer_id)


def _facts(row: models.WebhookEvent) -> list[tuple[str, Value]]:
    return [
        ("Processor", row.processor + (f", endpoint {row.endpoint}" if row.endpoint else "")),
        ("Event id", Code(row.processor_id)),
        ("Happened", row.occurred_at),
        ("Received", row.received_at),
        ("Attempts", row.attempts),
        ("Next attempt", row.next_attempt_at if row.is_waiting else None),
        ("Finished", row.finished_at),
        ("Outcome", _outcome(row)),
        (
            "Customer",
            _customer(row),
        ),
        ("Mode", "Live" if row.livemode else "Test"),
        ("API version", row.api_version),
        ("Account", row.account),
    ]


def _outcome(row: models.WebhookEvent) -> Value:
    if row.outcome is None:
        return None
    return Noted(OUTCOMES.get(row.outcome, row.outcome), row.reason)


def _runs(row: models.WebhookEvent) -> list[tuple[Value, ...]]:
    return [
        (
            Code(run.handler),
            Badge("Succeeded", "good")
            if run.is_succeeded
            else Badge("Failed", "bad")
            if run.last_error
            else Badge("Waiting", "info"),
            run.attempts,
            run.finished_at,
            run.last_error,
        )
        for run in row.handler_runs
    ]


def _confirm_replay(rows: c.Sequence[models.WebhookEvent]) -> Confirmation:
    count = f"{len(rows)} events" if len(rows) > 1 else f"“{rows[0].type}”"
    return Confirmation(
        f"Replay {count}?",
        "They take the same path as when they first came: what they say is written if it is news, "
        "and handlers that failed run again. Handlers that have succeeded don't.",
        "Replay",
    )


def _replay(rows: c.Sequence[models.WebhookEvent], asked: Asked) -> str:
    wanted = len(rows)
    made_due = webhooks.replay([row.id for row in rows], asked.actor)
    work_after_response("webhooks")
    if made_due == wanted:
        return "The event is due again." if wanted == 1 else f"{wanted} events are due again."
    busy = wanted - made_due
    return f"{made_due} due again. A worker has {busy} in hand just now; it was left alone."


WEBHOOKS: t.Final[Resource[models.WebhookEvent]] = Resource(
    name="webhooks",
    title="Webhooks",
    singular="webhook event",
    group="Operations",
    icon="webhooks",
    model=_events,
    scope=Scope.BY_CUSTOMER,
    moment=_events.received_at,
    # Bodies are long, and a list shows none.
    options=(orm.joinedload(_events.customer), orm.defer(_events.payload, raiseload=True)),
    columns=(
        Column(
            label="Event",
            cell=lambda row: Noted(Link(row.type, "webhooks", row.id), row.processor_id),
        ),
        Column(label="State", kind="status", cell=webhook_badge),
        Column(
            label="Outcome",
            cell=lambda row: Noted(row.outcome.capitalize(), row.reason) if row.outcome else None,
        ),
        Column(
            label="Customer",
            cell=_customer,
        ),
        Column(label="Attempts", kind="number", cell=lambda row: row.attempts),
        Column(label="Received", kind="time", cell=lambda row: row.received_at),
        Column(
            label="Event id",
            kind="code",
            cell=lambda row: Code(row.processor_id),
            exported_only=True,
        ),
    ),
    filters=(
        Search(
            name="q",
            label="Event id begins with",
            where=lambda text: begins_with(_events.processor_id, text),
        ),
        Choice(
            name="state",
            label="State",
            options={
                "dead": ("Dead", lambda: _events.is_dead),
                "waiting": ("Waiting or retrying", lambda: _events.is_waiting),
                "succeeded": ("Succeeded", lambda: _events.is_succeeded),
            },
        ),
        Choice(
            name="outcome",
            label="Outcome",
            options={"ignored": ("Ignored", lambda: _events.is_ignored)},
        ),
        Exactly(name="type", label="Type", column=_events.type),
        processor_filter(_events),
        *period(_events.received_at),
    ),
    detail=Detail(
        title=lambda row: row.type,
        badge=webhook_badge,
        notices=webhook_notices,
        facts=_facts,
        options=(orm.joinedload(_events.customer), orm.selectinload(_events.handler_runs)),
        tabs=(
            TextTab(
                name="body", label="Body", texts=lambda row: [("Body", body_text(row.payload))]
            ),
            FixedTab(
                name="handlers",
                label="Handlers",
                columns=(
                    ("Handler", "code"),
                    ("State", "status"),
                    ("Attempts", "number"),
                    ("Finished", "time"),
                    ("Last error", "text"),
                ),
                rows=_runs,
                empty=("No handlers.", "The app has none for this type of event."),
            ),
            TimelineTab(
                name="effects",
                label="What it changed",
                where=lambda row: models.LedgerEntry.cause_webhook_id == row.id,
            ),
        ),
    ),
    actions=(
        Action(
            name="replay",
            label="Replay",
            offered=lambda row: True,
            confirm=_confirm_replay,
            perform=_replay,
            many=True,
        ),
    ),
    empty=("No webhooks yet.", "Point the processor at this app's webhook address."),
)
