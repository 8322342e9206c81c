"""Links and settings of the processor's own pages: made once for an operation, and kept nowhere here."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import models, operations
from ..errors import ProcessorUnavailable
from ..origins import Origin, current_actor
from ..processors import Answer
from ..stored_errors import error_from_json
from ..unit_of_work import UnitOfWork, settle_session, write
from .perform import Plan, begin, letting_go


def make_once(
    plan: Plan[t.Any],
    operation_id: str,
    *,
    note: c.Callable[[UnitOfWork], None] | None = None,
) -> Answer:
    """Let the processor make what isn't mirrored, and give the same for the same operation.

    It's asked again with the same key: for a day it gives the same answer to that.

    :param note: writes that it was made, with the end of the operation; once.
    :raises IdempotencyConflict: when the operation id was used with other arguments.
    :raises ProcessorError: when the processor refuses or can't be reached.
    """
    row, is_first = begin_once(plan, operation_id)
    id, token, sent_at, request = row.id, row.lease_token, row.sent_at, row.request
    if is_first:
        operations.note_sent(id, token)
    else:
        settle_session()
    method = getattr(plan.processor, request["method"])
    if not is_first:
        return t.cast(Answer, method(**request["arguments"], key=id))
    with letting_go(plan, id, token, sent_at):
        answer: Answer = method(**request["arguments"], key=id)
        if not answer.objects:
            raise ProcessorUnavailable("The processor answered without what it was asked for.")
    end_once(id, token, note)
    return answer


def begin_once(plan: Plan[t.Any], operation_id: str) -> tuple[models.Operation, bool]:
    """Begin an operation, and tell whether it has still to be carried out.

    :raises IdempotencyConflict: when the operation id was used with other arguments.
    :raises AccrueError: what the processor has refused before.
    """
    row, begun = begin(plan, operation_id)
    is_first = begun is not operations.Begun.FINISHED
    if not is_first and row.error is not None:
        raise error_from_json(row.error, None)
    return row, is_first


def end_once(operation_id: str, token: t.Any, note: c.Callable[[UnitOfWork], None] | None) -> None:
    """Close an operation, and write what is to be known of it."""

    def work(uow: UnitOfWork) -> None:
        if note is not None:
            note(uow)
        operations.finish(uow.session, operation_id, token, state="done")

    write(work, origin=Origin(current_actor(), operation_id=operation_id))
