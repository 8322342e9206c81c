"""Subscriptions in every state, each reached by the way it really comes about."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import typing as t

from .. import billing, models
from ..errors import ActionRequired, CardError

if t.TYPE_CHECKING:
    from .kit import Kit

Path: t.TypeAlias = "c.Callable[[Kit, t.Any, str, dict[str, t.Any]], None]"

#: A card that can be attached, and that every charge is refused on.
FAILING_CARD: t.Final = "pm_card_chargeCustomerFail"
TRIAL: t.Final = datetime.timedelta(days=14)


def reach(
    kit: Kit, owner: t.Any, state: str, price: str, options: dict[str, t.Any]
) -> models.Subscription:
    """Bring an owner's subscription into a state; see :data:`STATES`.

    :raises ValueError: for a state that isn't there, naming those that are.
    """
    if state not in STATES:
        raise ValueError(f"{state!r} is no state; use one of {', '.join(STATES)}.")
    STATES[state](kit, owner, price, options)
    kit.deliver()
    found = billing.subscription(owner, options.get("name", "default"))
    assert found is not None
    return found


def _active(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    if not billing.list_payment_methods(owner):
        billing.add_payment_method(owner, "pm_card_visa")
    billing.subscribe(owner, price, **options)


def _trialing(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    _active(kit, owner, price, {"trial": TRIAL, **options})


def _canceling(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    _active(kit, owner, price, options)
    billing.cancel_at_period_end(_current(owner, options))


def _canceled(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    _active(kit, owner, price, options)
    billing.cancel(_current(owner, options))


def _paused(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    _active(kit, owner, price, options)
    billing.pause(_current(owner, options))


def _past_due(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    _active(kit, owner, price, options)
    kit.deliver()
    for card in billing.list_payment_methods(owner):
        kit.fake.set_card_behavior(card.processor_id, "decline:insufficient_funds")
    renewal = _current(owner, options).current_period_end
    assert renewal is not None
    # The renewal's invoice is a draft for an hour before it's charged.
    kit.advance(renewal + datetime.timedelta(hours=2))


def _unpaid(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    kit.fake.configure(terminal_action="mark_unpaid")
    _past_due(kit, owner, price, options)
    kit.advance(days=27)


def _incomplete(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    billing.add_payment_method(owner, "pm_card_authenticationRequired")
    with contextlib.suppress(ActionRequired, CardError):
        billing.subscribe(owner, price, **options)


def _incomplete_expired(kit: Kit, owner: t.Any, price: str, options: dict[str, t.Any]) -> None:
    _incomplete(kit, owner, price, options)
    kit.advance(hours=24)


def _current(owner: t.Any, options: dict[str, t.Any]) -> models.Subscription:
    found = billing.subscription(owner, options.get("name", "default"))
    assert found is not None
    return found


#: The states, and how each comes about.
STATES: t.Final[c.Mapping[str, Path]] = {
    "active": _active,
    "trialing": _trialing,
    "canceling": _canceling,
    "canceled": _canceled,
    "paused": _paused,
    "past_due": _past_due,
    "unpaid": _unpaid,
    "incomplete": _incomplete,
    "incomplete_expired": _incomplete_expired,
}
