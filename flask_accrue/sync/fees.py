"""What charges and refunds have cost, where nothing has told it yet.

Bodies of events leave it out, and answers have it only once the processor has booked the money.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import logging
import typing as t

import sqlalchemy as sa

from .. import clock, models
from ..errors import NotFound, ProcessorError, UnsupportedByProcessor
from ..mirror import Source
from ..origins import Origin, current_actor
from ..processors import Answer, Processor
from ..state import current_state
from ..unit_of_work import UnitOfWork, settle_session, write
from .writing import Batch, Tally, payers_of, write_batch

logger = logging.getLogger(__name__)

#: How long it's asked for. By then a fee that isn't told is one in another currency than the charge's.
ASKED_FOR: t.Final = datetime.timedelta(days=7)
#: How old what is known has to be before it's asked for again.
AGAIN_AFTER: t.Final = datetime.timedelta(hours=12)

#: How long a run goes on, in real time; what is left then is for the next one.
LASTS: t.Final = datetime.timedelta(minutes=2)

#: Up to how many are asked for one by one; for more, lists are gone through, a hundred a page.
_SINGLY: t.Final = 20
#: How many are looked for at a time.
_MOST: t.Final = 10_000

_Kind: t.TypeAlias = t.Literal["charge", "refund"]
_MODELS: t.Final[t.Mapping[_Kind, t.Any]] = {"charge": models.Charge, "refund": models.Refund}


def reconcile_fees() -> int:
    """Ask for the fees of the last week's charges and refunds that nothing has told yet, and return how many
    are known now.

    Each is asked for twice a day at most, and for two minutes at a time. The ledger tells of a fee as of any
    other change.
    """
    settle_session()
    known, began = 0, clock.real_now()
    for kind in _MODELS:
        for (processor, account), wanted in _without_fee(kind).items():
            gateway = current_state().processors.get(processor)
            if gateway is None:
                continue
            try:
                gateway = gateway.of_account(account)
                for answer in _told(gateway, kind, wanted):
                    known += _write(gateway, kind, answer, wanted)
                    if clock.real_now() - began > LASTS:
                        return known
            except (ProcessorError, UnsupportedByProcessor) as error:
                # Of another account it may be told all the same; this one is asked again the next time.
                logger.warning("accrue: fees of %s couldn't be asked for: %s", processor, error)
    return known


_Wanted: t.TypeAlias = dict[str, datetime.datetime]


def _without_fee(kind: _Kind) -> dict[tuple[str, str | None], _Wanted]:
    """Return, for each account of a processor, what to ask for and when each was made, oldest first."""
    model, customers = _MODELS[kind], models.Customer
    now, session = clock.now(), current_state().db.session
    which = [
        model.is_succeeded,
        model.fee.is_(None),
        model.created >= now - ASKED_FOR,
        sa.or_(model.fresh_to.is_(None), model.fresh_to < now - AGAIN_AFTER),
    ]
    if kind == "charge":
        which.append(model.captured)
    rows = session.execute(
        sa.select(model.processor, customers.account, model.processor_id, model.created)
        .join(customers, customers.id == model.customer_id)
        .where(*which)
        .order_by(model.created, model.id)
        .limit(_MOST)
    ).all()
    session.rollback()
    found: dict[tuple[str, str | None], _Wanted] = {}
    for processor, account, processor_id, created in rows:
        found.setdefault((processor, account), {})[processor_id] = created
    return found


def _told(gateway: Processor, kind: _Kind, wanted: _Wanted) -> c.Iterator[Answer]:
    """Yield answers that hold what is wanted, among others."""
    if len(wanted) <= _SINGLY:
        for processor_id in wanted:
            try:
                yield gateway.fetch(kind, processor_id)
            except NotFound:
                continue
        return
    made = list(wanted.values())
    oldest, newest = made[0], made[-1]
    after: str | None = None
    while True:
        page = gateway.page(kind, after=after, until=newest)
        yield page.answer
        after, seen = page.after, [each.created for each in page.answer.objects if each.created]
        # The newest come first.
        if after is None or (seen and min(seen) < oldest):
            return


def _write(gateway: Processor, kind: _Kind, answer: Answer, wanted: _Wanted) -> int:
    """Write what is wanted of an answer, and return of how many the fee is known by it.

    What was written since the call is left for the next time.
    """
    found = [each for each in answer.objects if each.processor_id in wanted]
    if not found:
        return 0
    model, session = _MODELS[kind], current_state().db.session
    source = Source.of_answer(answer)
    batch = Batch(gateway, found, source, payers_of(gateway, found))
    names = [each.processor_id for each in found]
    of_these = [model.processor == gateway.name, model.processor_id.in_(names)]

    def work(uow: UnitOfWork) -> None:
        write_batch(uow, batch, Tally())
        uow.session.flush()
        # A row that is as it was isn't written, and would be asked for again at once.
        unchanged = [model.fee.is_(None), model.fresh_to < source.fresh_from]
        fresh = {"fresh_from": source.fresh_from, "fresh_to": source.fresh_to}
        uow.execute(sa.update(model).where(*of_these, *unchanged).values(fresh))

    write(work, origin=Origin(current_actor()))
    known = session.scalar(
        sa.select(sa.func.count()).select_from(model).where(*of_these, model.fee.is_not(None))
    )
    session.rollback()
    return int(known or 0)
