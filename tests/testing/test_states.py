"""The kit brings subscriptions into every state, by the way it really comes about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue.testing import STATES

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

PREDICATES = {
    "active": {"is_active", "is_recurring"},
    "trialing": {"is_active", "is_trialing"},
    "canceling": {"is_active", "is_canceling"},
    "canceled": {"is_ended"},
    "paused": {"is_active", "is_recurring", "is_paused"},
    "past_due": {"is_past_due", "has_incomplete_payment", "is_dunning"},
    "unpaid": {"is_past_due"},
    "incomplete": {"is_incomplete", "has_incomplete_payment"},
    "incomplete_expired": {"is_ended"},
}
ALL = set().union(*PREDICATES.values())


@pytest.mark.parametrize("state", STATES)
def test_the_kit_reaches_each_state(kit: Kit, org: Organization, state: str) -> None:
    subscription = kit.subscription(org, state, price="price_pro")
    assert {name for name in ALL if getattr(subscription, name)} == PREDICATES[state]
    kit.assert_settled()


def test_an_unknown_state_is_refused_with_those_that_are_there(kit: Kit, org: Organization) -> None:
    with pytest.raises(ValueError, match="'bankrupt' is no state; use one of active, trialing"):
        kit.subscription(org, "bankrupt", price="price_pro")
