"""Telling the host's own log what an operator does."""

from __future__ import annotations

import logging
import typing as t

from ..clock import real_now
from ..state import current_state
from .operators import Operator

logger = logging.getLogger(__name__)


def tell_host(operator: Operator, **entry: t.Any) -> None:
    """Pass an entry to the auth adapter's ``log_audit``, with the operator's id and the real time.

    What is told of has happened, so a log that fails is only complained about.
    """
    told = {"operator": operator.id, "at": real_now(), **entry}
    try:
        current_state().auth.log_audit(operator.user, told)
    except Exception:
        logger.exception("accrue: the host's audit log failed for %s", told.get("action"))
