"""Idempotency keys, with the rules of Stripe (https://docs.stripe.com/api/idempotent_requests).

The first request with a key is carried out and its result kept, an error like a success. The same
request again gives that result again, as it was then; another request with the key is refused. A
request that was never carried out (malformed, too many calls) isn't kept. Keys are forgotten after 24
hours of real time.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import sqlite3
import typing as t

from ...clock import UTC, real_now, to_unix
from ...errors import CardError, IdempotencyConflict, InvalidRequest, NotFound, ProcessorError
from ..answers import Answer
from . import documents

KEPT_FOR: t.Final = 24 * 3600
LONGEST_KEY: t.Final = 255

_ERRORS: t.Final[t.Mapping[str, type[ProcessorError]]] = {
    cls.__name__: cls for cls in (CardError, InvalidRequest, NotFound, ProcessorError)
}


class Malformed(InvalidRequest):
    """The request doesn't have the form of one, so it was never carried out."""


def fingerprint(method: str, arguments: t.Mapping[str, t.Any]) -> str:
    """Return what tells two requests apart.

    :raises Malformed: for arguments that aren't JSON.
    """
    try:
        canonical = json.dumps([method, arguments], sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Malformed(
            f"The arguments of {method} must be JSON: {error}.", code="parameter_invalid"
        ) from error
    return hashlib.sha256(canonical.encode()).hexdigest()


def check(key: t.Any) -> str:
    """Return a key that can be used.

    :raises Malformed: unless it's a string of 1 to 255 characters.
    """
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
        raise Malformed(
            f"An idempotency key is a string of 1 to {LONGEST_KEY} characters.",
            code="idempotency_key_invalid",
            param="key",
        )
    return key


def recall(
    connection: sqlite3.Connection, key: str, request: str
) -> Answer | ProcessorError | None:
    """Return the kept result of a request, or ``None`` when it's new.

    :raises IdempotencyConflict: when the key was used for another request.
    """
    row = connection.execute(
        "SELECT request, result FROM keys WHERE key = ? AND stored > ?",
        (key, to_unix(real_now()) - KEPT_FOR),
    ).fetchone()
    if row is None:
        return None
    if row[0] != request:
        raise IdempotencyConflict(
            "This idempotency key was used for another request in the last 24 hours; keys can only be "
            "used again with the same arguments."
        )
    result = json.loads(row[1])
    return _read_error(result) if "error" in result else _read_answer(result)


def keep(
    connection: sqlite3.Connection, key: str, request: str, result: Answer | ProcessorError
) -> None:
    """Keep the result of a request that was carried out."""
    now = to_unix(real_now())
    connection.execute("DELETE FROM keys WHERE stored <= ?", (now - KEPT_FOR,))
    document = _write_answer(result) if isinstance(result, Answer) else _write_error(result)
    connection.execute(
        "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)",
        (key, request, json.dumps(document), now),
    )


def age(connection: sqlite3.Connection, seconds: int) -> None:
    """Make all keys older, as though that much real time had passed."""
    connection.execute("UPDATE keys SET stored = stored - ?", (seconds,))


def _write_answer(answer: Answer) -> dict[str, t.Any]:
    # An answer given again is as old as it was: nothing of it is fresher for being repeated.
    return {
        "objects": [documents.write(each) for each in answer.objects],
        "fresh_from": answer.fresh_from.timestamp(),
        "fresh_to": answer.fresh_to.timestamp(),
        "client_secret": answer.client_secret,
    }


def _read_answer(result: t.Mapping[str, t.Any]) -> Answer:
    every = (documents.read_any(each) for each in result["objects"])
    return Answer(
        objects=tuple(each for each in every if each is not None),
        fresh_from=datetime.datetime.fromtimestamp(result["fresh_from"], UTC),
        fresh_to=datetime.datetime.fromtimestamp(result["fresh_to"], UTC),
        client_secret=result["client_secret"],
    )


def _write_error(error: ProcessorError) -> dict[str, t.Any]:
    return {
        "error": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "http_status": error.http_status,
        "param": error.param,
        "decline_code": getattr(error, "decline_code", None),
        "answer": None if error.answer is None else _write_answer(error.answer),
    }


def _read_error(result: t.Mapping[str, t.Any]) -> ProcessorError:
    arguments = {name: result[name] for name in ("code", "http_status", "param")}
    cls = _ERRORS[result["error"]]
    if cls is CardError:
        arguments["decline_code"] = result["decline_code"]
    error = cls(result["message"], **arguments)
    if result["answer"] is not None:
        error.answer = _read_answer(result["answer"])
    return error
