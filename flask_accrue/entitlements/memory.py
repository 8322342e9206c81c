"""What a request has read about owners: kept in its WSGI environment, and nowhere else.

What is kept are rows, not answers: grace and ends are weighed at each check, by the clock of that moment.
"""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

from flask import has_request_context, request

from ..account_scope import current_account
from ..state import current_state
from .holdings import Holding, read_holdings

#: How long rows are kept, in seconds of real time: much longer than a page takes, and short enough for
#: a connection that stays open.
KEPT_FOR: t.Final = 60.0

_KEY: t.Final = "accrue.entitlements"


class _Kept(t.NamedTuple):
    """Rows, when and after which write they were read, and whose they are.

    ``written`` also tells apps apart that are mounted into one another and pass one environment on.
    The owner is held because a session forgets objects that nobody holds: an owner loader would
    ask the database for it again at the next check.
    """

    holdings: list[Holding] | None
    read_at: float
    written: tuple[object, object]
    owner: object


def holdings_of(reference: tuple[str, str], owner: object) -> c.Sequence[Holding] | None:
    """Return what an owner holds, read at most once a request; ``None`` when that isn't known."""
    if not has_request_context():
        return read_holdings(*reference)
    state = current_state()
    kept: dict[t.Any, _Kept] = request.environ.setdefault(_KEY, {})
    name = (current_account(), *reference)
    known = kept.get(name)
    now = time.monotonic()
    written = state.last_write.seen()
    if known is None or known.written != written or now - known.read_at > KEPT_FOR:
        # That was taken before reading: what's written meanwhile may be missing from the rows.
        known = kept[name] = _Kept(read_holdings(*reference), now, written, owner)
    return known.holdings


def forget() -> None:
    """Drop what the requests of this thread have read, because a row was written.

    Of all that are being answered in it and not only the current one: a request made within another shares
    its session, not its environment.
    """
    current_state().last_write.note()
