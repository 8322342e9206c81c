"""The discounts of a subscription, changed all at once: a processor is sent every one that it's to have.

So they are reckoned from what the processor has, not from what is known here: one that was given or taken
away elsewhere a moment ago, and of which no event has come, stays so.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from .. import models
from ..errors import InvalidState
from ..gateways import gateway_of
from ..processors import Answer, objects
from ..state import current_state
from .changes import update
from .current import sync

#: How often a change is reckoned anew from discounts that changed elsewhere meanwhile.
_TRIES: t.Final = 3
#: Refusals because of the discounts that it has, or hasn't: what is known here may be behind.
_BECAUSE_OF_THEM: t.Final = frozenset({"already_discounted", "already_comped", "no_discount"})


class _Moved(Exception):
    """The processor has other discounts than those that a change was reckoned from."""


def change_discounts(
    subscription: models.Subscription,
    kind: str,
    said: c.Mapping[str, t.Any],
    changes: c.Callable[[models.Subscription], dict[str, t.Any]],
    operation_id: str,
    *,
    settle: c.Callable[[], None] | None = None,
) -> models.Subscription:
    """Change the discounts of a subscription, as the operation ``kind``; one such change after the other.

    A change that is made elsewhere in the instant between the question and the answer can't be seen.

    :param said: what the caller asked for; a repeat has to ask for the same.
    :param changes: gives what is sent, with all its ``discounts``, from the subscription as it is now, or
        refuses.
    :param settle: as for :func:`update`.
    :raises OperationInProgress: while another process changes its discounts.
    :raises InvalidState: with the code ``discounts_changed`` when the answer to a first try was lost and
        they were changed elsewhere since, or are changed again and again.
    """
    gateway, processor_id = gateway_of(subscription), subscription.processor_id
    basis: list[str] | None = None

    def reckoned(now: models.Subscription) -> dict[str, t.Any]:
        nonlocal basis
        basis = None if now.discounts is None else [each["id"] for each in now.discounts]
        return changes(now)

    def trace(arguments: dict[str, t.Any]) -> Answer | None:
        answer = gateway.fetch("subscription", processor_id)
        return answer if _are_as_sent(_discounts(answer), arguments) else None

    def check() -> None:
        session = current_state().db.session
        row = session.get_one(models.Operation, operation_id, populate_existing=True)
        sent = row.request if row.sent_at is not None else None
        session.rollback()
        found = _discounts(gateway.fetch("subscription", processor_id))
        if sent is None:
            if basis is None or not _are(found, basis):
                raise _Moved
        elif not (_are(found, sent["basis"]) or _are_as_sent(found, sent["arguments"])):
            # It was made and changed since, or wasn't made: sent again it would undo that change.
            raise _changed_since(operation_id)

    for tries_left in reversed(range(_TRIES)):
        try:
            return update(
                subscription,
                kind,
                said,
                reckoned,
                operation_id,
                # Each of two at once would leave out what the other one gives.
                guard=f"discounts:{subscription.id}",
                trace=trace,
                settle=settle,
                check=check,
                basis=lambda: basis,
            )
        except _Moved:
            sync(subscription)
        except InvalidState as error:
            if error.code not in _BECAUSE_OF_THEM or tries_left < _TRIES - 1:
                raise
            sync(subscription)
    raise _changed()


def _discounts(answer: Answer) -> tuple[objects.Discount, ...]:
    found = answer.main
    assert isinstance(found, objects.Subscription)
    assert found.discounts is not objects.UNSAID, "what is fetched tells of its discounts"
    return found.discounts


def _are(found: c.Sequence[objects.Discount], ids: c.Sequence[str] | None) -> bool:
    """Tell whether discounts are those of these ids; of ``None`` it isn't known."""
    return ids is not None and sorted(each.processor_id for each in found) == sorted(ids)


def _are_as_sent(found: c.Sequence[objects.Discount], arguments: dict[str, t.Any]) -> bool:
    """Tell whether discounts are those that a request asks for."""
    left = list(found)
    for wanted in arguments["changes"]["discounts"]:
        match = next((each for each in left if _is(each, wanted)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _is(discount: objects.Discount, wanted: c.Mapping[str, str]) -> bool:
    names = {
        "discount": discount.processor_id,
        "coupon": discount.coupon,
        "promotion_code": discount.promotion_code,
    }
    return all(names[name] == value for name, value in wanted.items())


def _changed_since(id: str) -> InvalidState:
    return InvalidState(
        "The answer to this change was lost, and the subscription's discounts were changed elsewhere since. "
        "It may have been made before that, or not at all, and wasn't sent again. Look in the processor's "
        f"log of requests for the idempotency key {id!r}, or at the subscription's events. Only if it wasn't "
        "made and is still wanted, repeat it under another operation id.",
        code="discounts_changed",
    )


def _changed() -> InvalidState:
    return InvalidState(
        "The subscription's discounts were changed elsewhere again and again meanwhile, so this change was "
        "left out. Look whether it's still wanted, then repeat it.",
        code="discounts_changed",
    )
