"""Watching the work: named moments, and the trace that a ledger entry belongs to."""

from __future__ import annotations

import collections.abc as c
import contextlib
import importlib
import typing as t

trace: t.Any = None
with contextlib.suppress(ImportError):
    trace = importlib.import_module("opentelemetry.trace")

_observers: list[c.Callable[[str], None]] = []


def observe(observer: c.Callable[[str], None]) -> None:
    """Call ``observer`` with the name of each moment that the work of this process reaches.

    The moments are those at which a crash would hurt most: ``operation.begun``, ``operation.frozen``,
    ``operation.before_call``, ``operation.after_call``, ``write.locked``, ``write.before_commit``,
    ``write.committed``, ``webhook.claimed``, ``webhook.fetched``, ``webhook.mirrored``, ``webhook.handler``,
    ``usage.stored``, ``usage.claimed``, ``usage.before_call``, ``usage.after_call``, ``sync.page``.
    """
    _observers.append(observer)


def reached(moment: str) -> None:
    """Say that the work has come to a named moment."""
    for observer in _observers:
        observer(moment)


def current_trace_id() -> str | None:
    """Return the id of OpenTelemetry's current trace, or ``None`` without one."""
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
