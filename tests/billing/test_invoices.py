"""Paying what a subscription owes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, errors

if TYPE_CHECKING:
    from flask_accrue import models
    from flask_accrue.testing import Kit
    from tests.host import Organization


def test_a_retry_pays_the_invoice_by_which_the_subscription_is_judged(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    kit.fake.configure(terminal_action="past_due")
    [card] = billing.list_payment_methods(payer)
    kit.fake.set_card_behavior(card.processor_id, "decline:generic_decline")
    kit.advance(days=70)
    kit.deliver()
    open_ones = [each for each in billing.list_invoices(payer) if each.is_open]
    assert len(open_ones) == 2
    assert subscription.is_past_due

    other = billing.add_payment_method(payer, "pm_card_mastercard")
    paid = billing.retry_payment(subscription, payment_method=other)
    kit.deliver()

    assert paid == open_ones[0]
    assert paid.is_paid
    assert open_ones[1].is_open
    assert subscription.is_active


def test_a_retry_without_an_open_invoice_is_refused(
    subscription: models.Subscription, calls: list[str]
) -> None:
    with pytest.raises(errors.InvalidState) as raised:
        billing.retry_payment(subscription)
    assert raised.value.code == "nothing_to_pay"
    assert calls == []
