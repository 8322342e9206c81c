"""The job behind a wake-up: work on the due rows of a queue."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import os
import threading
import time
import typing as t

from flask import Flask, current_app, has_app_context
from flask.cli import ScriptInfo

from .. import metering, webhooks
from ..origins import Actor, acting_as
from ..queue import WAKE_WINDOW
from ..state import current_state
from .time_up import ending_the_job

#: How long one job works, in seconds of real time; RQ's own time-out is three times that.
SECONDS: t.Final = 60.0

#: From how many rows on a job goes on looking for :data:`LINGER` seconds after it found the last one: where
#: rows keep coming, starting a job for each few of them costs more than the rows do.
BUSY: t.Final = 20
LINGER: t.Final = 0.5

#: What each queue's wake-up works on.
QUEUES: t.Final[c.Mapping[str, c.Callable[..., int]]] = {
    "webhooks": webhooks.work_on_due,
    metering.QUEUE: metering.work_on_due,
}


def work(queue: str) -> int:
    """Work on a queue's due rows, then hand over to a successor if the time is up.

    RQ runs this by name, in a worker that has the app's context or finds the app by ``FLASK_APP``.

    :returns: how many rows were worked on.
    """
    with ending_the_job(), app_context(), acting_as(Actor("job", f"work:{queue}")):
        let_go_of_inherited_connections()
        waker = current_state().queue
        # Before looking: a row stored from now on wakes somebody again.
        waker.awake(queue)
        began = time.monotonic()
        done = work_here(queue)
        missing = began + 2 * WAKE_WINDOW - time.monotonic()
        if missing > 0:
            # Who stored a row just before the guard went needn't have woken anybody again.
            time.sleep(missing)
            done += work_here(queue)
        quiet_since, ends = time.monotonic(), began + SECONDS
        while done >= BUSY and time.monotonic() < min(quiet_since + LINGER, ends):
            # What comes in meanwhile is worked on together.
            time.sleep(WAKE_WINDOW)
            found = work_here(queue, seconds=max(ends - time.monotonic(), 0.0))
            if found:
                done += found
                quiet_since = time.monotonic()
        if time.monotonic() >= ends:
            waker.wake(queue)
        return done


def work_here(queue: str, *, seconds: float = SECONDS) -> int:
    """Work on a queue's due rows in this process and context, for some seconds of real time."""
    return QUEUES[queue](seconds=seconds)


#: Set in a child that a worker forked, until it has let go of what it inherited.
_forked = threading.Event()
os.register_at_fork(after_in_child=_forked.set)


def let_go_of_inherited_connections() -> None:
    """Forget the connections that a forked worker shares with its parent, without closing them."""
    if _forked.is_set():
        _forked.clear()
        for engine in current_state().db.engines.values():
            engine.dispose(close=False)


@contextlib.contextmanager
def app_context() -> c.Iterator[None]:
    """Push a context of its own for a job: of the worker's app, or of the one FLASK_APP names."""
    if has_app_context():
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    else:
        app = _load_app(os.environ.get("FLASK_APP"))
    # A context of its own, so that the job's session is its own too.
    with app.app_context():
        yield


@functools.cache
def _load_app(name: str | None) -> Flask:
    """Build the app of a worker that isn't ours, once a process.

    :raises flask.cli.NoAppException: when there is none of that name, or no name and no ``app.py``.
    """
    return ScriptInfo(app_import_path=name).load_app()
