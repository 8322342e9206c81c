"""Asking a bank for money: the call, and what there is of the payment, whichever way it went."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import CardError
from .. import objects
from ..answers import Answer, Json
from .api import Api
from .gathering import INTENT_EXPANDED, Gathering, current, if_possible, taken_out

INTENTS: t.Final = "/v1/payment_intents"


def ask_bank(
    api: Api,
    path: str,
    given: dict[str, Json],
    *,
    key: str,
    intent: str | None = None,
    expanded: tuple[str, ...] = INTENT_EXPANDED,
    beside: c.Callable[[Gathering], None] = lambda gathering: None,
) -> Answer:
    """Make or confirm a payment intent. The answer holds it as it stands, then its charge if the bank was
    asked, and the transfer that the charge made where that was expanded.

    :param intent: which it is, where it's there already.
    :param beside: puts in what else the answer is to hold.
    :raises CardError: when the bank refuses; ``answer`` holds the same.
    """
    gathering = Gathering(api)
    try:
        reply = api.post(path, {**given, "expand": list(expanded)}, key=key)
    except CardError as error:
        made = intent or _made(error)
        if made is not None:
            with if_possible():
                gathering.read_intent(made)
            beside(gathering)
        error.answer = gathering.so_far() or error.answer
        raise
    reply = current(api, reply, INTENTS, *expanded)
    moved = taken_out(reply.body, "latest_charge", "transfer")
    gathering.put_intent(reply.body, reply)
    if moved is not None:
        gathering.put("transfer", moved, reply)
    beside(gathering)
    return gathering.answer()


def _made(error: CardError) -> str | None:
    """Return the intent that a refusal speaks of, if it does."""
    intent = error.answer and error.answer.first(objects.PaymentIntent)
    return None if intent is None else t.cast(str, intent.processor_id)
