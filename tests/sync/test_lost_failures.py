"""Failures whose events were lost: grace and dunning as if they had come."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, entitled
from flask_accrue.state import current_state
from flask_accrue.sync import sync_account
from tests.host import kit, org, running_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import AccrueKit
    from tests.host import Organization

__all__ = ["kit", "org"]


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    plans = {
        "plans": {"pro": {"prices": ["price_pro"], "features": ["reports"]}},
        "past_due_grace": 14,
    }
    with running_host(database_url, ACCRUE_ENTITLEMENTS=plans) as (app, _, _):
        yield app


def lose_all(kit: AccrueKit) -> None:
    for event in kit.fake.pending_events():
        kit.fake.lose(event)


def test_grace_counts_from_a_failure_whose_event_was_lost_and_never_begins_anew(
    kit: AccrueKit, org: Organization
) -> None:
    card = billing.add_payment_method(org, "pm_card_visa")
    billing.subscribe(org, "price_pro")
    kit.deliver()
    kit.fake.set_card_behavior(card.processor_id, "decline:insufficient_funds")
    kit.fake.advance(datetime.timedelta(days=32))
    lose_all(kit)

    sync_account()

    current_state().db.session.expire_all()
    [subscription] = billing.list_subscriptions(org)
    failed = subscription.past_due_since
    assert failed is not None
    assert kit.now - failed < datetime.timedelta(days=4)
    assert subscription.is_dunning
    assert entitled(org, "reports")

    # The retries of two weeks are told, and are all later.
    while kit.now < failed + datetime.timedelta(days=14):
        assert entitled(org, "reports")
        kit.fake.advance(datetime.timedelta(days=1))
        kit.deliver()
        current_state().db.session.expire_all()
        if subscription.is_past_due:
            assert subscription.past_due_since == failed
    assert not entitled(org, "reports")
