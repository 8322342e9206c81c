"""The one table of periodic jobs. ``scheduler`` runs them on RQ, ``tick`` without it.

Each may run twice at once, and one that was missed catches up.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import logging
import typing as t

from .. import clock, ledger, models, sync, webhooks
from ..billing.mounted_sweep import expire_checkouts
from ..origins import Actor, acting_as
from ..processors.fake import FakeProcessor
from ..state import current_state
from .time_up import ending_the_job
from .work import app_context, let_go_of_inherited_connections, work_here

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class PeriodicJob:
    """Something that has to be looked at again and again.

    :ivar every: seconds of real time between two runs.
    :ivar run: does it, and returns how many things it dealt with.
    """

    name: str
    every: int
    sentence: str
    run: c.Callable[[], int]


def run_periodic(name: str) -> int:
    """Run one periodic job; RQ calls this by name."""
    with ending_the_job(), app_context(), acting_as(Actor("job", name)):
        let_go_of_inherited_connections()
        return PERIODIC[name].run()


def run_all() -> dict[str, int | None]:
    """Run everything that is due, once, each job in an app context of its own.

    :returns: how many things each dealt with; ``None`` for one that failed, which stops no other.
    """
    done: dict[str, int | None] = {}
    for name in PERIODIC:
        try:
            done[name] = run_periodic(name)
        except Exception:
            logger.exception("accrue: the periodic job %s failed", name)
            done[name] = None
    return done


def _deliver_fake_events() -> int:
    state = current_state()
    fake = state.processors.get("fake")
    if not isinstance(fake, FakeProcessor) or state.settings.webhook_path is None:
        return 0
    fake.catch_up()
    statuses = fake.deliver()
    refused = sorted({status for status in statuses if status >= 300})
    if refused:
        logger.warning("accrue: the app refused events of the Fake, with %s; they wait", refused)
    return sum(status < 300 for status in statuses)


def _sweep_webhooks() -> int:
    return work_here("webhooks")


def _report_usage() -> int:
    return work_here("usage")


def _make_checkpoint() -> int:
    # By time and not by the scheduler's memory, so that a host's cron may call it each minute.
    newest = (
        current_state()
        .db.session.query(models.LedgerCheckpoint.recorded_at)
        .order_by(models.LedgerCheckpoint.number.desc())
        .limit(1)
        .scalar()
    )
    current_state().db.session.rollback()
    if newest is not None and (clock.now() - newest).total_seconds() < _HOUR:
        return 0
    return len(ledger.make_checkpoint())


_MINUTE: t.Final = 60
_HOUR: t.Final = 60 * _MINUTE

#: By name, in the order in which ``tick`` runs them.
PERIODIC: t.Final[c.Mapping[str, PeriodicJob]] = {
    job.name: job
    for job in (
        PeriodicJob(
            "deliver_fake_events",
            _MINUTE,
            "Let happen what fell due at the Fake, and post its events.",
            _deliver_fake_events,
        ),
        PeriodicJob(
            "sweep_webhooks",
            _MINUTE,
            "Work on webhook events that nobody was woken for, or whose worker died.",
            _sweep_webhooks,
        ),
        PeriodicJob(
            "report_usage",
            _MINUTE,
            "Report usage that waits, or whose worker died.",
            _report_usage,
        ),
        PeriodicJob(
            "expire_checkouts",
            _HOUR,
            "Close mounted pages whose time is over, and withdraw what waits there for its payment.",
            expire_checkouts,
        ),
        PeriodicJob(
            "reconcile_fees",
            _HOUR,
            "Ask what charges and refunds have cost, where nothing has told it yet.",
            sync.reconcile_fees,
        ),
        PeriodicJob(
            "make_checkpoint", _HOUR, "Sign the heads of the ledger's chains.", _make_checkpoint
        ),
        PeriodicJob(
            "prune_webhooks",
            24 * _HOUR,
            "Delete webhook events past their retention.",
            webhooks.prune,
        ),
    )
}
