"""What a call that failed leaves behind for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import InvalidState, Money, billing
from flask_accrue.errors import ProcessorUnavailable

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def test_a_request_that_failed_before_its_effect_is_never_sent_for_another_call(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    kit.fake.fail_next("create_subscription", "timeout", when="before")
    with pytest.raises(ProcessorUnavailable):
        billing.subscribe(org, "price_pro")
    # The customer has seen it fail, and wants something else by now.
    chosen = billing.subscribe(org, "price_team")
    assert [item.price_processor_id for item in chosen.items] == ["price_team"]
    assert [charge.amount for charge in billing.list_charges(org)] == [4900]
    assert len(billing.list_subscriptions(org)) == 1


def test_what_the_processor_made_before_the_answer_was_lost_is_found_by_the_next_call(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    kit.fake.fail_next("create_subscription", "timeout", when="after")
    with pytest.raises(ProcessorUnavailable):
        billing.subscribe(org, "price_pro")
    with pytest.raises(InvalidState, match="already"):
        billing.subscribe(org, "price_team")
    found = billing.subscription(org)
    assert found is not None
    assert [item.price_processor_id for item in found.items] == ["price_pro"]
    assert [charge.amount for charge in billing.list_charges(org)] == [1900]


def test_news_that_overtakes_an_answer_doesnt_hide_that_money_moved(
    kit: Kit, org: Organization
) -> None:
    billing.add_payment_method(org, "pm_card_visa")
    kit.deliver()
    charge = kit.fake.create_charge

    def overtaken(*arguments: object, **options: object) -> object:
        answer = charge(*arguments, **options)  # type: ignore[arg-type]
        kit.fake.deliver(kit.app)
        kit.fake.fail_next("fetch", "rate_limited", times=9)
        return answer

    kit.fake.create_charge = overtaken  # type: ignore[method-assign, assignment]
    intent = billing.charge(org, Money(500, "usd"), operation_id="once")
    assert intent.is_succeeded
    assert billing.charge(org, Money(500, "usd"), operation_id="once").id == intent.id
