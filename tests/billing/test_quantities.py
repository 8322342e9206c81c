"""Adding to a quantity that the processor may have changed meanwhile: no update is lost."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit


def change_elsewhere(kit: Kit, row: models.Subscription, quantity: int) -> None:
    """Let the processor have another quantity, of which no event was delivered yet."""
    kit.fake.advance(datetime.timedelta(seconds=5))
    kit.fake.update_subscription(
        row.processor_id,
        {"items": [{"id": row.items[0].processor_id, "quantity": quantity}], "proration": "none"},
        key=f"elsewhere {quantity}",
    )


def quantity_of(kit: Kit, row: models.Subscription) -> Any:
    return kit.fake.fetch("subscription", row.processor_id).main.items[0].quantity


@pytest.mark.parametrize(
    ("act", "expected"), [(billing.increment, 8), (billing.decrement, 6)], ids=["more", "fewer"]
)
def test_it_is_reckoned_from_what_the_processor_has(
    kit: Kit, subscription: models.Subscription, act: Any, expected: int
) -> None:
    change_elsewhere(kit, subscription, 7)
    for _ in range(2):
        assert act(subscription, operation_id="op").items[0].quantity == expected
        assert quantity_of(kit, subscription) == expected
        kit.deliver()
    kit.assert_settled()


def test_one_that_is_changed_again_and_again_is_left_alone(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, numbers = kit.fake.fetch, iter(range(10, 100, 10))

    def changing(kind: str, id: str) -> Any:
        change_elsewhere(kit, subscription, next(numbers))
        return fetch(kind, id)

    with monkeypatch.context() as patched:
        patched.setattr(kit.fake, "fetch", changing)
        with pytest.raises(errors.InvalidState) as refused:
            billing.increment(subscription)
    assert refused.value.code == "quantity_changed"
    assert quantity_of(kit, subscription) % 10 == 0
    kit.deliver()
    assert billing.increment(subscription).items[0].quantity % 10 == 1


def test_a_lost_request_isn_t_sent_over_a_change_that_came_since(
    kit: Kit, subscription: models.Subscription
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when="before")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(subscription, operation_id="op")
    change_elsewhere(kit, subscription, 7)
    for _ in range(2):
        with pytest.raises(errors.InvalidState) as refused:
            billing.increment(subscription, operation_id="op")
        assert refused.value.code == "quantity_changed"
    assert quantity_of(kit, subscription) == 7
    kit.deliver()
    assert billing.increment(subscription).items[0].quantity == 8


def test_what_can_t_be_asked_for_isn_t_changed(kit: Kit, subscription: models.Subscription) -> None:
    kit.fake.fail_next("fetch", "unavailable")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(subscription, operation_id="op")
    assert quantity_of(kit, subscription) == 1
    assert billing.increment(subscription, operation_id="op").items[0].quantity == 2


@pytest.mark.parametrize("fault", ["unavailable", "rate_limited"])
def test_a_lost_change_that_can_t_be_looked_for_still_keeps_the_next_one_back(
    kit: Kit, subscription: models.Subscription, fault: str
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(subscription, operation_id="op")
    kit.fake.fail_next("fetch", fault)
    with pytest.raises(errors.ProcessorError):
        billing.increment(subscription, operation_id="op")
    with pytest.raises(errors.InvalidState) as refused:
        billing.increment(subscription, operation_id="op-2")
    assert refused.value.code == "quantity_changed"
    assert quantity_of(kit, subscription) == 2
    assert billing.increment(subscription, operation_id="op").items[0].quantity == 2


def test_a_change_that_may_have_been_made_isn_t_said_to_be_left_out(
    kit: Kit, subscription: models.Subscription
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(subscription, operation_id="op")
    change_elsewhere(kit, subscription, 7)
    with pytest.raises(errors.InvalidState) as refused:
        billing.increment(subscription, operation_id="op")
    assert refused.value.code == "quantity_changed"
    told = str(refused.value)
    assert "left out" not in told
    assert "may have been made" in told
    for word in ("to 2,", "it's 7", "'op'"):
        assert word in told
