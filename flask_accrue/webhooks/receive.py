"""The endpoint: verify, store, commit, wake a worker, acknowledge."""

from __future__ import annotations

import functools
import logging
import typing as t

import sqlalchemy as sa
from flask import Blueprint, Flask, Request, Response, abort, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from .. import models
from ..clock import real_now
from ..errors import InvalidRequest, SignatureError
from ..ids import new_id
from ..processors import Processor, ProcessorEvent
from ..queue import SECONDS_AFTER_RESPONSE
from ..retry import loggable
from ..state import AccrueState, current_state
from . import process, tallies

logger = logging.getLogger(__name__)

#: The largest body that is read, in bytes.
LARGEST: t.Final = 1024 * 1024


def blueprint(state: AccrueState) -> Blueprint:
    """Return the blueprint that receives webhooks. It has no session, no log-in and no CSRF."""
    made = Blueprint("accrue_webhooks", __name__, url_prefix=state.settings.webhook_path)
    made.add_url_rule("/<processor>", view_func=receive, methods=["POST"])
    made.add_url_rule("/<processor>/<endpoint>", view_func=receive, methods=["POST"])
    made.url_value_preprocessor(_exempt_from_csrf)
    return made


def receive(processor: str, endpoint: str = "") -> Response:
    """Store an event that is really from its processor, once.

    200: stored, or stored before, or of the other mode, which is only counted. 400: not from the
    processor, whatever the reason; nothing is stored. 413: over 1 MB.
    """
    # What is local to the request is looked up once: each time costs as much as comparing a signature.
    state, asked = current_state(), request._get_current_object()  # type: ignore[attr-defined]
    gateway, event, payload = _verified(state, processor, endpoint, asked)
    if gateway.livemode is not None and event.livemode != gateway.livemode:
        logger.info(
            "accrue: %s sent an event of the other mode (%s); not stored",
            processor,
            "live" if event.livemode else "test",
        )
        tallies.count(state, gateway.name, endpoint, tallies.OTHER_MODE)
        return Response(status=200)
    stored = _store(state, gateway, endpoint, event, payload)
    response = Response(status=200)
    if stored:
        state.queue.wake(process.QUEUE)
        if state.queue.in_process:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            response.call_on_close(functools.partial(_work_after_response, app))
    return response


def _body(asked: Request) -> bytes:
    # One more than is taken: a body without a length, in chunks, is cut off there and not refused.
    asked.max_content_length = LARGEST + 1
    try:
        payload = asked.get_data(cache=False)
    except RequestEntityTooLarge:
        abort(413)
    if len(payload) > LARGEST:
        abort(413)
    return payload


def _verified(
    state: AccrueState, processor: str, endpoint: str, asked: Request
) -> tuple[Processor, ProcessorEvent, str]:
    """Return the processor, its event and the body as text, or refuse in the same words whatever is
    wrong."""
    payload = _body(asked)
    gateway = state.processors.get(processor)
    name = f"{processor}/{endpoint}" if endpoint else processor
    secrets = state.settings.webhook_secrets.get(name, ())
    if gateway is None:
        _refuse(name, "no such endpoint")
    try:
        headers = t.cast("t.Mapping[str, str]", asked.headers)
        gateway.verify_webhook(payload, headers, secrets, real_now(), endpoint=endpoint)
        # Decoded here, because a JSON decoder that's given bytes also takes other encodings.
        text = payload.decode()
        event = gateway.read_envelope(text)
        stored = gateway.storable(text)
    except (SignatureError, InvalidRequest, UnicodeDecodeError) as error:
        _refuse(name, type(error).__name__)
    if not _fits(event):
        _refuse(name, "an id or a type that no column holds")
    return gateway, event, stored


#: What of an envelope goes into columns of its own, with how long they are.
_LENGTHS: t.Final[t.Mapping[str, int]] = {
    name: t.cast(sa.String, models.WebhookEvent.__table__.c[name].type).length or 0
    for name in ("processor_id", "type", "account", "api_version")
}


def _fits(event: ProcessorEvent) -> bool:
    """Tell whether every database can hold what an envelope says; a processor doesn't have to."""
    if not event.processor_id or not event.type:
        return False
    said = ((getattr(event, name), length) for name, length in _LENGTHS.items())
    return all(
        value is None or (len(value) <= length and value.isprintable()) for value, length in said
    )


def _refuse(name: str, why: str) -> t.NoReturn:
    logger.warning("accrue: a webhook for %r was refused: %s", name[:80], why)
    abort(Response("Bad request\n", status=400, mimetype="text/plain"))


def _store(
    state: AccrueState, gateway: Processor, endpoint: str, event: ProcessorEvent, payload: str
) -> bool:
    """Insert the event unless it's there; tell whether it's new."""
    # Without asking a session, which would have to be made for it.
    engine = state.db.engines[state.settings.bind_key]
    now = real_now()
    with engine.begin() as connection:
        result = connection.execute(
            _insert(engine.dialect.name),
            {
                "id": new_id(),
                "created_at": now,
                "updated_at": now,
                "received_at": now,
                "processor": gateway.name,
                "endpoint": endpoint,
                "processor_id": event.processor_id,
                "type": event.type,
                "account": event.account,
                "livemode": event.livemode,
                "api_version": event.api_version,
                "occurred_at": event.created,
                "payload": payload,
                "state": "pending",
                "attempts": 0,
                "next_attempt_at": state.clock.now(),
            },
        )
        return result.rowcount == 1


@functools.cache
def _insert(dialect: str) -> t.Any:
    # SQLAlchemy only keeps an INSERT's row count when it's asked to.
    statement = models.insert_unless_there(models.WebhookEvent, dialect)
    return statement.execution_options(preserve_rowcount=True)


def _work_after_response(app: Flask) -> None:
    """Work on what is due, with nothing of the request left."""
    with app.app_context():
        try:
            process.work_on_due(seconds=SECONDS_AFTER_RESPONSE)
        except Exception as error:
            # The response is out, and the row is stored: whoever looks next will find it.
            logger.exception(
                "accrue: working on webhooks after the response failed", exc_info=loggable(error)
            )


def _exempt_from_csrf(endpoint: str | None, values: dict[str, t.Any] | None) -> None:
    # Runs before Flask-WTF's check and at each request, so it doesn't matter which of the two
    # extensions was set up first.
    csrf = current_app.extensions.get("csrf")
    if csrf is not None and request.blueprint is not None:
        csrf.exempt(current_app.blueprints[request.blueprint])
