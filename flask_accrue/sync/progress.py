"""How far a run is, kept in the transaction that writes what it has come to."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .. import models
from ..clock import real_now
from ..errors import InvalidState
from ..state import current_state
from ..unit_of_work import UnitOfWork
from .report import Report

#: How long after its last page a run may be gone on with.
_GOES_ON_FOR: t.Final = datetime.timedelta(days=1)

_runs = models.SyncRun


@dataclasses.dataclass
class Progress:
    """The place a run has come to, and whether that is kept.

    :ivar run_id: of its row, or ``None`` for one that only looks, which keeps nothing.
    :ivar after: what the next page of the kind that it's at is asked for with.
    :ivar until: when the last object of the page before was made.
    """

    report: Report
    run_id: uuid.UUID | None = None
    token: uuid.UUID = dataclasses.field(default_factory=uuid.uuid4)
    done: list[str] = dataclasses.field(default_factory=list)
    kind: str | None = None
    after: str | None = None
    until: datetime.datetime | None = None

    def begin(self, kind: str) -> None:
        """Turn to a kind, from its beginning unless the run was at it already."""
        if self.kind != kind:
            self.kind, self.after, self.until = kind, None, None

    def keep(
        self,
        uow: UnitOfWork,
        report: Report,
        after: str | None,
        until: datetime.datetime | None = None,
    ) -> None:
        """Note in this transaction that a page is done, and what the next one is ``after``.

        :raises InvalidState: when another process has taken the run over.
        """
        if self.run_id is not None:
            progress = {
                "done": self.done,
                "kind": self.kind,
                "after": after,
                "until": None if until is None else until.isoformat(),
            }
            self._update(uow.execute, progress=progress, counts=report.counts)

    def finish_kind(self) -> None:
        """Note that all pages of the kind are done."""
        assert self.kind is not None
        self.done.append(self.kind)
        self.kind = self.after = self.until = None
        if self.run_id is not None:
            session = current_state().db.session()
            progress = {"done": self.done, "kind": None, "after": None, "until": None}
            self._update(_execute, progress=progress, counts=self.report.counts)
            session.commit()

    def finish(self) -> None:
        """Note that the run is at its end."""
        if self.run_id is not None:
            self._update(_execute, state="finished", finished_at=real_now())
            current_state().db.session().commit()

    def _update(self, execute: c.Callable[[t.Any], t.Any], **values: t.Any) -> None:
        table = t.cast("sa.Table", _runs.__table__)
        which = (table.c.id == self.run_id, table.c.token == self.token)
        if execute(sa.update(table).where(*which).values(**values)).rowcount != 1:
            raise InvalidState(
                "Another process carries on this run of sync, so this one ends.",
                code="sync_taken_over",
            )


def begin(processor: str, asked: dict[str, t.Any], *, anew: bool) -> Progress:
    """Begin a run, or take over the last one that was asked for the same and has no end.

    One that was interrupted days ago isn't gone on with: who came since is on pages that it has behind it.
    """
    session = current_state().db.session()
    found = None
    for row in session.scalars(
        sa.select(_runs)
        .where(_runs.processor == processor, _runs.state == "running")
        .order_by(_runs.created_at.desc(), _runs.id.desc())
    ):
        if row.asked == asked:
            found = row
            break
    token = uuid.uuid4()
    if found is not None and (anew or found.updated_at < real_now() - _GOES_ON_FOR):
        found.state = "abandoned"
        found = None
    if found is None:
        found = _runs(processor=processor, asked=asked, token=token, progress={}, counts={})
        session.add(found)
    found.token = token
    session.flush()
    at: dict[str, t.Any] = found.progress
    until = at.get("until")
    progress = Progress(
        Report(counts=found.counts, resumed=bool(at)),
        found.id,
        token,
        list(at.get("done", ())),
        at.get("kind"),
        at.get("after"),
        None if until is None else datetime.datetime.fromisoformat(until),
    )
    session.commit()
    return progress


def _execute(statement: t.Any) -> t.Any:
    bind = {"mapper": _runs.__mapper__}
    return current_state().db.session.execute(statement, bind_arguments=bind)
