"""Events that were given up, replaying, and throwing old ones away."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .. import clock, models
from ..clock import real_now
from ..ledger.append import append
from ..origins import Actor, Origin
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from . import tallies

_events = models.WebhookEvent
_BATCH: t.Final = 500


def select_events(
    *,
    state: str | None = None,
    type: str | None = None,
    processor: str | None = None,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
) -> t.Any:
    """Return a select of events by state, type, processor and time of receipt, oldest first."""
    statement = sa.select(_events)
    if state is not None:
        statement = statement.where(_events.state == state)
    if type is not None:
        statement = statement.where(_events.type == type)
    if processor is not None:
        statement = statement.where(_events.processor == processor)
    if since is not None:
        statement = statement.where(_events.received_at >= since)
    if until is not None:
        statement = statement.where(_events.received_at < until)
    return statement.order_by(_events.received_at, _events.id)


def replay(ids: c.Iterable[uuid.UUID], actor: Actor, *, rerun_handlers: bool = False) -> int:
    """Make events due again, through the same path as a first delivery; in batches, any number.

    Their objects are written if they are newer than what we have, else fetched. Handlers that have succeeded
    aren't run again, unless ``rerun_handlers``. Each batch leaves an entry in the ledger.

    :returns: how many were made due. One that a worker holds at this moment is left alone.
    """
    done, batch = 0, []
    for id in ids:
        batch.append(id)
        if len(batch) == _BATCH:
            done += _replay(batch, actor, rerun_handlers)
            batch = []
    if batch:
        done += _replay(batch, actor, rerun_handlers)
    if done:
        current_state().queue.wake("webhooks")
    return done


def prune(*, dry_run: bool = False) -> int:
    """Delete events past their retention: succeeded and dead ones. The ledger stays whole.

    :returns: how many were, or would be, deleted.
    """
    settings, now = current_state().settings, real_now()
    old = sa.or_(
        sa.and_(
            _events.is_succeeded,
            _events.received_at < now - datetime.timedelta(days=settings.retention_days_succeeded),
        ),
        sa.and_(
            _events.is_dead,
            _events.received_at < now - datetime.timedelta(days=settings.retention_days_dead),
        ),
    )
    session = current_state().db.session
    if dry_run:
        return session.scalar(sa.select(sa.func.count()).select_from(_events).where(old)) or 0
    pruned = 0
    while True:
        ids = session.scalars(sa.select(_events.id).where(old).limit(_BATCH)).all()
        if not ids:
            tallies.prune(datetime.timedelta(days=settings.retention_days_dead))
            session.commit()
            return pruned
        # One that is made due again meanwhile isn't old any more.
        gone = session.execute(sa.delete(_events).where(_events.id.in_(ids), old))
        # SQLite only cascades where the host switched foreign keys on.
        runs, left = models.HandlerRun, sa.select(_events.id).where(_events.id.in_(ids))
        session.execute(
            sa.delete(runs).where(
                runs.webhook_event_id.in_(ids), runs.webhook_event_id.not_in(left)
            )
        )
        session.commit()
        pruned += gone.rowcount  # type: ignore[attr-defined]


def _replay(ids: list[uuid.UUID], actor: Actor, rerun_handlers: bool) -> int:
    def work(uow: UnitOfWork) -> int:
        subject = str(ids[0])
        uow.lock_system(subject)
        free = sa.or_(_events.claimed_until.is_(None), _events.claimed_until < real_now())
        # Locked in one order, so that neither a claim nor another replay comes in between.
        rows = uow.execute(
            sa.select(_events.id, _events.processor_id)
            .where(_events.id.in_(ids), free)
            .order_by(_events.id)
            .with_for_update()
        ).all()
        if not rows:
            return 0
        found = [row.id for row in rows]
        if rerun_handlers:
            runs = models.HandlerRun
            uow.execute(
                sa.delete(runs)
                .where(runs.webhook_event_id.in_(found))
                .execution_options(synchronize_session=False)
            )
        uow.execute(
            sa.update(_events)
            .where(_events.id.in_(found))
            .values(
                state="pending",
                attempts=0,
                next_attempt_at=clock.now(),
                applied_at=None,
                finished_at=None,
                last_error=None,
                claim_token=None,
                claimed_until=None,
            )
            .execution_options(synchronize_session=False)
        )
        append(
            uow,
            "webhook.replayed",
            subject_type="webhook_event",
            subject_id=subject,
            customer=None,
            data={"events": [row.processor_id for row in rows], "rerun_handlers": rerun_handlers},
        )
        return len(found)

    return write(work, origin=Origin(actor))
