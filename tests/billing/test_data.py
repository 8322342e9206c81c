"""The host's own data on mirrored rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, errors, models
from tests.billing.test_concurrency import at_once

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def test_put_replaces_and_patch_lays_keys_over_what_is_there(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.put_data(subscription, {"seats": ["a", "b"], "note": "first"})
    assert billing.patch_data(subscription, {"note": None, "crm": {"id": 7}}) is subscription
    assert subscription.data == {"seats": ["a", "b"], "crm": {"id": 7}}
    billing.put_data(subscription, {"note": "anew"})
    assert subscription.data == {"note": "anew"}


def test_data_outlives_the_processors_news(kit: Kit, subscription: models.Subscription) -> None:
    billing.put_data(subscription, {"note": "ours"})
    billing.pause(subscription)
    kit.deliver()
    kit.trigger_event("customer.subscription.updated", subscription)
    assert subscription.data == {"note": "ours"}
    kit.assert_settled()


@pytest.mark.parametrize("act", [billing.put_data, billing.patch_data])
def test_a_row_that_was_changed_since_it_was_read_is_stale(
    kit: Kit, subscription: models.Subscription, act: Any
) -> None:
    assert subscription.data == {}
    with kit.app.app_context():
        elsewhere = kit.state.db.session.scalars(sa.select(models.Subscription)).one()
        billing.put_data(elsewhere, {"note": "newer"})
    with pytest.raises(errors.StaleRecord):
        act(subscription, {"note": "older"})
    # It's read again by now, and can be changed.
    assert subscription.data == {"note": "newer"}
    assert billing.patch_data(subscription, {"note": "newest"}).data == {"note": "newest"}


def test_of_two_who_write_at_once_one_is_told(kit: Kit, payer: Organization) -> None:
    def note(text: str) -> Any:
        def act(org: Organization) -> Any:
            row = billing.get_customer(org)
            assert row is not None
            return billing.patch_data(row, {text: True})

        return act

    found = at_once(kit, *[note(f"key {number}") for number in range(3)])
    stale = [each for each in found if isinstance(each, errors.StaleRecord)]
    assert all(isinstance(each, str | errors.StaleRecord) for each in found), found
    row = kit.state.db.session.scalars(sa.select(models.Customer)).one()
    assert len(row.data) == 3 - len(stale)


def test_every_kind_of_row_takes_data(kit: Kit, subscription: models.Subscription) -> None:
    payer = subscription.customer
    rows: list[models.Mirrored] = [
        payer,
        billing.list_payment_methods(payer)[0],
        billing.list_invoices(payer)[0],
        billing.list_charges(payer)[0],
        billing.list_products()[0],
        billing.list_prices()[0],
    ]
    for row in rows:
        assert billing.put_data(row, {"note": "ours"}).data == {"note": "ours"}
    kit.assert_settled()


def test_the_ledger_tells_which_keys_changed_and_never_what_they_hold(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.put_data(subscription, {"note": "a private matter"})
    entry = kit.assert_entry("subscription.data_changed", subscription)
    assert "note" in repr(entry.data)
    assert "private" not in repr([entry.data, entry.state])
    before = len(kit.entries())
    billing.put_data(subscription, {"note": "a private matter"})
    assert len(kit.entries()) == before


def test_data_of_a_row_that_is_gone_from_here_is_stale(
    kit: Kit, subscription: models.Subscription
) -> None:
    card = billing.list_payment_methods(subscription.customer)[0]
    session = kit.state.db.session
    session.refresh(card)
    session.expunge(card)
    session.execute(sa.delete(models.PaymentMethod))
    session.commit()
    with pytest.raises(errors.StaleRecord):
        billing.put_data(card, {"note": "ours"})
