"""The Fake's outbox: events that were written, and posted only when somebody says so."""

from __future__ import annotations

import collections.abc as c
import contextvars
import dataclasses
import datetime
import json
import random
import time
import typing as t

from ...clock import UTC
from ...errors import NotFound
from .. import signing
from .store import Store

if t.TYPE_CHECKING:
    import flask

#: The header that carries the signature.
SIGNATURE_HEADER: t.Final = "Fake-Signature"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutboxEvent:
    """An event in the outbox.

    :ivar id: the event's id.
    :ivar type: in Stripe's words, such as ``invoice.paid``.
    :ivar created: when it happened on the Fake's clock, in whole seconds.
    :ivar subject: the id of the object it's about; empty for an upcoming invoice.
    :ivar body: what is posted.
    :ivar account: the connected account whose news it is, or ``None``.
    """

    id: str
    type: str
    created: datetime.datetime
    subject: str
    body: bytes = dataclasses.field(repr=False)
    account: str | None = None


Order: t.TypeAlias = (
    t.Literal["created", "reverse"]
    | int
    | random.Random
    | c.Callable[[list[OutboxEvent]], c.Iterable[OutboxEvent]]
)
Only: t.TypeAlias = str | c.Callable[[OutboxEvent], bool] | None


def events(store: Store, *, pending: bool) -> list[OutboxEvent]:
    """Return the events, oldest first; with ``pending`` those that were neither delivered nor lost."""
    where = "WHERE state = 'pending'" if pending else ""
    with store.connection() as connection:
        rows = connection.execute(
            f"SELECT id, type, created, subject, body FROM outbox {where} ORDER BY position"  # noqa: S608 - fixed text
        ).fetchall()
    return [_event(row) for row in rows]


def event(store: Store, event_id: str) -> OutboxEvent:
    """Return one event.

    :raises NotFound: when there is none with this id.
    """
    with store.connection() as connection:
        row = connection.execute(
            "SELECT id, type, created, subject, body FROM outbox WHERE id = ?", (event_id,)
        ).fetchone()
    if row is None:
        raise NotFound(f"No such event: {event_id!r}.", http_status=404, param="id")
    return _event(row)


def mark(store: Store, event_id: str, state: str) -> None:
    """Set an event's state: ``pending``, ``delivered`` or ``lost``."""
    with store.writing() as connection:
        connection.execute("UPDATE outbox SET state = ? WHERE id = ?", (state, event_id))


def select(every: list[OutboxEvent], order: Order, only: Only) -> list[OutboxEvent]:
    """Return those of the events that are asked for, in the order that is asked for."""
    if isinstance(only, str):
        chosen = [each for each in every if each.type == only]
    else:
        chosen = [each for each in every if only is None or only(each)]
    if order == "reverse":
        chosen.reverse()
    elif isinstance(order, int | random.Random):
        shuffle = random.Random(order) if isinstance(order, int) else order  # noqa: S311 - a test's
        shuffle.shuffle(chosen)
    elif order != "created":
        chosen = list(order(chosen))
    return chosen


def post(app: flask.Flask, path: str, body: bytes, secret: str) -> int:
    """Post a body, signed at this moment of real time, to an app's own endpoint; return the status.

    In a fresh context: neither the caller's database session nor anything else of its own is seen there.
    """
    signature = signing.sign(body, secret, int(time.time()))

    def request() -> int:
        response = app.test_client().post(
            path,
            base_url=_base_url(app),
            data=body,
            content_type="application/json",
            headers={SIGNATURE_HEADER: signature},
        )
        # What the app put off until after the response happens when it's closed.
        response.close()
        return response.status_code

    return contextvars.Context().run(request)


def _base_url(app: flask.Flask) -> str:
    """Return an address at which the app takes requests for its own, over HTTPS as a processor's come."""
    trusted = app.config.get("TRUSTED_HOSTS") or ["localhost"]
    return f"https://{app.config.get('SERVER_NAME') or trusted[0].lstrip('.')}"


def _event(row: tuple[str, str, int, str, str]) -> OutboxEvent:
    event_id, event_type, created, subject, body = row
    return OutboxEvent(
        id=event_id,
        type=event_type,
        created=datetime.datetime.fromtimestamp(created, UTC),
        subject=subject,
        body=body.encode(),
        account=json.loads(body).get("account"),
    )
