"""Fifty keys are the processor's limit, our own included: one too many is refused before any call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import Money, billing, connect, errors, models
from flask_accrue.billing import Phase

if TYPE_CHECKING:
    import collections.abc as c

    from flask_accrue.testing import Kit
    from tests.host import Organization

pytestmark = pytest.mark.only("sqlite")

FIVE = Money(500, "usd")


def keys(count: int) -> dict[str, str]:
    return {f"key{number}": "value" for number in range(count)}


#: What takes metadata, and how many keys of ours go along.
TAKERS: dict[str, tuple[int, c.Callable[[Organization, dict[str, str]], Any]]] = {
    "subscribe": (2, lambda org, given: billing.subscribe(org, "price_pro", metadata=given)),
    "subscribe_via_schedule": (
        2,
        lambda org, given: billing.subscribe_via_schedule(
            org, [Phase("price_pro", lasts=(1, "month"))], metadata=given
        ),
    ),
    "a phase": (
        1,
        lambda org, given: billing.subscribe_via_schedule(
            org, [Phase("price_pro", lasts=(1, "month"), metadata=given)]
        ),
    ),
    "a phase and its schedule": (
        6,
        lambda org, given: billing.subscribe_via_schedule(
            org,
            [Phase("price_pro", lasts=(1, "month"), metadata=given)],
            metadata={f"more{number}": "value" for number in range(5)},
        ),
    ),
    "charge": (1, lambda org, given: billing.charge(org, FIVE, metadata=given)),
    "create_payment_intent": (
        1,
        lambda org, given: billing.create_payment_intent(org, FIVE, metadata=given),
    ),
    "create_setup_intent": (1, lambda org, given: billing.create_setup_intent(org, metadata=given)),
    "create_invoice": (
        1,
        lambda org, given: billing.create_invoice(org, currency="usd", metadata=given),
    ),
    "create_coupon": (1, lambda org, given: billing.create_coupon(percent_off=5, metadata=given)),
    "adjust_balance": (1, lambda org, given: billing.adjust_balance(org, FIVE, metadata=given)),
    "a checkout": (
        2,
        lambda org, given: billing.create_checkout_session(
            org, "price_pro", success_url="/welcome", metadata=given
        ),
    ),
    "create_account": (
        1,
        lambda org, given: connect.create_account(type="express", metadata=given),
    ),
    # What is there already has the key of who made it, and the customer that of its owner.
    "update_customer": (2, lambda org, given: billing.update_customer(org, metadata=given)),
    "update_payment_method": (
        0,
        lambda org, given: billing.update_payment_method(
            billing.list_payment_methods(org)[0], metadata=given
        ),
    ),
    "update_account": (
        1,
        lambda org, given: connect.update_account(
            connect.create_account(type="express", operation_id="account"), metadata=given
        ),
    ),
}


@pytest.mark.parametrize("taker", TAKERS)
def test_as_many_keys_fit_as_ours_leave(kit: Kit, payer: Organization, taker: str) -> None:
    ours, take = TAKERS[taker]

    # The Fake counts as Stripe does, ours included.
    take(payer, keys(50 - ours))


@pytest.mark.parametrize("taker", TAKERS)
def test_one_key_more_is_refused_before_any_call(
    kit: Kit, payer: Organization, calls: list[str], taker: str
) -> None:
    ours, take = TAKERS[taker]
    take(payer, keys(1)) if taker == "update_account" else None
    calls.clear()

    with pytest.raises(errors.InvalidRequest, match="at most 50 keys") as refused:
        take(payer, keys(51 - ours))
    assert (refused.value.code, refused.value.param) == ("metadata_invalid", "metadata")
    assert calls == []


def test_keys_that_are_taken_away_need_no_room(kit: Kit, payer: Organization) -> None:
    billing.update_customer(payer, metadata=keys(48))
    gone = dict.fromkeys(keys(40), "")

    billing.update_customer(payer, metadata={**gone, **{f"new{n}": "value" for n in range(10)}})

    found = billing.customer(payer)
    assert isinstance(found, models.Customer)
    assert len(found.meta) == 20
