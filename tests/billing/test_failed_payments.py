"""Payments that fail: told once an attempt, and grace counts from the first."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from flask_accrue import billing, errors
from tests.host import kit, org, running_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import AccrueKit
    from tests.host import Organization

__all__ = ["kit", "org"]


@pytest.fixture(params=["body", "fetch"])
def app(database_url: str, request: pytest.FixtureRequest) -> Iterator[Flask]:
    with running_host(database_url, ACCRUE_WEBHOOK_SOURCE=request.param) as (app, _, _):
        yield app


@pytest.mark.parametrize("order", ["created", "reverse"])
def test_grace_counts_from_the_first_failure_however_often_a_customer_tries_again(
    kit: AccrueKit, org: Organization, order: str
) -> None:
    card = billing.add_payment_method(org, "pm_card_visa")
    row = billing.subscribe(org, "price_pro")
    kit.deliver()
    kit.fake.set_card_behavior(card.processor_id, "decline:insufficient_funds")
    kit.fake.advance(datetime.timedelta(days=31, hours=3))
    kit.deliver(order=order)
    assert [each.data["attempt"] for each in kit.entries("invoice.payment_failed")] == [1]
    kit.state.db.session.expire_all()
    first = row.past_due_since
    assert first is not None
    assert first < kit.now
    [invoice] = [each for each in billing.list_invoices(org) if each.is_open]
    for _ in range(3):
        kit.fake.advance(datetime.timedelta(hours=12))
        with pytest.raises(errors.CardError):
            billing.pay_invoice(invoice)
        kit.deliver(order=order)
        kit.state.db.session.expire_all()
        assert row.past_due_since == first
    assert invoice.attempt_count == 1
    assert len(kit.entries("invoice.payment_failed")) == 1
    kit.fake.advance(datetime.timedelta(days=2))
    kit.deliver(order=order)
    assert [each.data["attempt"] for each in kit.entries("invoice.payment_failed")] == [1, 2]


def test_grace_of_a_sent_invoice_counts_from_when_it_was_due(
    kit: AccrueKit, org: Organization
) -> None:
    row = billing.subscribe(org, "price_pro", collection_method="send_invoice")
    kit.deliver()
    [invoice] = billing.list_invoices(org)
    kit.fake.advance(datetime.timedelta(days=30, minutes=-1))
    kit.deliver()
    kit.state.db.session.expire_all()
    assert (row.status, row.past_due_since) == ("active", None)

    kit.fake.advance(datetime.timedelta(days=4))
    kit.deliver()
    kit.state.db.session.expire_all()
    assert (row.status, row.past_due_since) == ("past_due", invoice.due_date)
    assert row.past_due_since is not None
    assert invoice.first_failed_at is None
