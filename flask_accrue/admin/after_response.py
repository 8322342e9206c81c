"""Letting due rows be worked on once the response is out, where no worker does it."""

from __future__ import annotations

import logging
import typing as t

from flask import after_this_request, current_app
from werkzeug.wrappers import Response

from .. import jobs
from ..queue import SECONDS_AFTER_RESPONSE
from ..state import current_state

logger = logging.getLogger(__name__)

R = t.TypeVar("R", bound=Response)


def work_after_response(queue: str) -> None:
    """Work on a queue's due rows after this response, unless a worker of its own does."""
    if not current_state().queue.in_process:
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def work() -> None:
        with app.app_context():
            try:
                jobs.work_here(queue, seconds=SECONDS_AFTER_RESPONSE)
            except Exception:
                # The rows are still due: whoever looks next will find them.
                logger.exception("accrue: working on %s after the response failed", queue)

    @after_this_request
    def begin_when_it_is_out(response: R) -> R:
        response.call_on_close(work)
        return response
