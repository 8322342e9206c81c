"""Faults on demand: what goes wrong with the next calls, whoever makes them."""

from __future__ import annotations

import json
import sqlite3
import typing as t

from ...errors import (
    AuthenticationError,
    InvalidRequest,
    OperationInProgress,
    ProcessorUnavailable,
    RateLimited,
)
from . import cards

#: ``decline`` is the bank's; the others are the line's or the processor's.
FAULTS: t.Final = (
    "rate_limited",
    "unavailable",
    "timeout",
    "connection_reset",
    "authentication",
    "in_progress",
    "decline",
)
#: Faults that may also strike once the call has done its work.
AFTER: t.Final = frozenset({"unavailable", "timeout", "connection_reset"})

_SAYS: t.Final = {
    "unavailable": "The processor answered 503.",
    "timeout": "The processor didn't answer in time.",
    "connection_reset": "The connection to the processor was reset.",
}


class Fault(t.NamedTuple):
    """A fault that strikes this call."""

    position: int
    name: str
    moment: str
    details: t.Mapping[str, t.Any]

    def error(self) -> Exception:
        """Return what the caller gets to see."""
        if self.name == "rate_limited":
            return RateLimited("Too many calls.", retry_after=self.details.get("retry_after"))
        if self.name == "authentication":
            return AuthenticationError("The processor refused the key.", http_status=401)
        if self.name == "in_progress":
            return OperationInProgress(
                "Another request with this idempotency key is being carried out."
            )
        status = 503 if self.name == "unavailable" else None
        return ProcessorUnavailable(_SAYS[self.name], http_status=status)

    @property
    def declines(self) -> tuple[str, str | None]:
        """The code and decline code with which the bank refuses."""
        return cards.decline(self.details.get("decline_code") or "generic_decline")


def add(
    connection: sqlite3.Connection,
    method: str | None,
    fault: str,
    *,
    times: int,
    when: str,
    details: t.Mapping[str, t.Any],
) -> None:
    """Let a fault strike the next ``times`` calls of a method, or of any.

    :raises InvalidRequest: for a fault that there isn't, or that can't strike then.
    """
    if fault not in FAULTS:
        raise InvalidRequest(
            f"A fault is one of {', '.join(FAULTS)}, not {fault!r}.", param="fault"
        )
    if when not in ("before", "after") or (when == "after" and fault not in AFTER):
        raise InvalidRequest(
            f"{fault!r} strikes before the call acts"
            + (" or after it." if fault in AFTER else f", not {when!r}."),
            param="when",
        )
    connection.execute(
        "INSERT INTO faults (method, fault, moment, details, times) VALUES (?, ?, ?, ?, ?)",
        (method, fault, when, json.dumps(dict(details)), times),
    )


def take(connection: sqlite3.Connection, method: str) -> Fault | None:
    """Return the fault of the line or the processor that strikes this call, and count it."""
    fault = _first(connection, method, decline=False)
    if fault is not None:
        spend(connection, fault)
    return fault


def waiting_decline(connection: sqlite3.Connection, method: str) -> Fault | None:
    """Return the bank's refusal that waits for this call; :func:`spend` it if the bank was asked."""
    return _first(connection, method, decline=True)


def spend(connection: sqlite3.Connection, fault: Fault) -> None:
    """Count that a fault has struck."""
    connection.execute("UPDATE faults SET times = times - 1 WHERE position = ?", (fault.position,))
    connection.execute("DELETE FROM faults WHERE times <= 0")


def any_left(connection: sqlite3.Connection) -> bool:
    """Tell whether a fault waits for a call."""
    return connection.execute("SELECT 1 FROM faults LIMIT 1").fetchone() is not None


def _first(connection: sqlite3.Connection, method: str, *, decline: bool) -> Fault | None:
    row = connection.execute(
        "SELECT position, fault, moment, details FROM faults "
        "WHERE (method IS NULL OR method = ?) AND (fault = 'decline') = ? "
        "ORDER BY position LIMIT 1",
        (method, decline),
    ).fetchone()
    return None if row is None else Fault(row[0], row[1], row[2], json.loads(row[3]))
