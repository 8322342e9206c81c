"""The time-out of an RQ job, so that it ends the job whatever is being done.

RQ raises it out of a signal, as an ``Exception``. Whoever works through rows takes that for a failure of the
row at hand, and goes on; and so does a host's handler that catches everything.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import signal
import threading
import types
import typing as t

from rq.timeouts import BaseDeathPenalty, BaseTimeoutException


class _TimeIsUp(BaseException):
    """RQ's time-out on its way out of the job."""


@contextlib.contextmanager
def ending_the_job() -> c.Iterator[None]:
    """Let RQ's time-out pass everything that catches errors.

    What was claimed stays so, and is claimed again once its lease has run out.

    :raises rq.timeouts.BaseTimeoutException: as RQ expects it, when the time is up.
    """
    raises = _rq_s_handler()
    if raises is None:
        yield
        return

    def pass_everything(number: int, frame: types.FrameType | None) -> None:
        try:
            raises(number, frame)
        except BaseTimeoutException as error:
            raise _TimeIsUp(error) from None

    signal.signal(signal.SIGALRM, pass_everything)
    try:
        yield
    except _TimeIsUp as up:
        raise up.args[0] from None
    finally:
        signal.signal(signal.SIGALRM, raises)


def _rq_s_handler() -> t.Any:
    """Return what raises RQ's time-out in this thread, or ``None`` where that isn't done by a signal."""
    if threading.current_thread() is not threading.main_thread():
        return None
    handler: t.Any = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    return handler if isinstance(getattr(handler, "__self__", None), BaseDeathPenalty) else None
