"""What a subscription would be billed, and what it is."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.billing import InvoicePreview
    from flask_accrue.testing import Kit
    from tests.host import Organization


def _bill(billed: InvoicePreview | models.Invoice) -> list[Any]:
    lines = billed.lines if isinstance(billed, billing.InvoicePreview) else billed.items
    return [
        (billed.currency, billed.subtotal, billed.total, billed.amount_due),
        *((line.amount, line.description, line.quantity, line.proration) for line in lines),
    ]


@pytest.mark.parametrize("proration", ["create_prorations", "always_invoice"])
@pytest.mark.parametrize("change", ["swap", "quantity", "add", "remove"])
def test_the_bill_of_a_change_is_what_its_preview_said(
    kit: Kit, payer: Organization, change: str, proration: str
) -> None:
    row = billing.subscribe(payer, items={"price_pro": 2, "price_team": None})
    kit.advance(days=7, hours=5, seconds=11)
    wanted: dict[str, Any] = {
        "swap": {"price": "price_mid", "item": "price_pro"},
        "quantity": {"quantity": 7, "item": "price_team"},
        "add": {"items": {"price_pro": None, "price_team": None, "price_mid": 3}},
        "remove": {"items": {"price_team": None}},
    }
    kit.price("price_mid", 2999)
    kit.deliver()
    said = billing.preview_upcoming_invoice(row, **wanted[change], proration=proration)
    # Whoever is asked to confirm takes a while.
    kit.advance(hours=3, seconds=7)
    how: dict[str, Any] = {"proration": proration, "proration_date": said.proration_date}
    if change == "swap":
        billing.swap_plan(row, "price_mid", item="price_pro", **how)
    elif change == "quantity":
        billing.update_quantity(row, 7, item="price_team", **how)
    elif change == "add":
        billing.add_item(row, "price_mid", quantity=3, **how)
    else:
        billing.remove_item(row, "price_pro", **how)
    if proration == "create_prorations":
        kit.advance(days=31)
    kit.deliver()
    assert _bill(billing.list_invoices(payer)[0]) == _bill(said)


def test_without_a_change_it_is_the_next_period_s(
    kit: Kit, payer: Organization, subscription: models.Subscription
) -> None:
    said = billing.preview_upcoming_invoice(subscription)
    assert (said.total, said.currency, said.proration_date) == (1900, "usd", None)
    [line] = said.lines
    assert line.period_start == subscription.current_period_end
    kit.advance(days=32)
    assert _bill(billing.list_invoices(payer)[0]) == _bill(said)


def test_a_preview_writes_nothing(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    session = kit.state.db.session

    def counted() -> list[int]:
        tables = (models.Operation, models.LedgerEntry, models.Invoice, models.SubscriptionItem)
        return [session.scalar(sa.select(sa.func.count()).select_from(each)) for each in tables]

    before, events = counted(), len(kit.fake.pending_events())
    billing.preview_upcoming_invoice(subscription, price="price_team", proration="always_invoice")
    assert counted() == before
    assert len(kit.fake.pending_events()) == events
    assert calls == ["preview_invoice"]
    assert [each.price_processor_id for each in subscription.items] == ["price_pro"]


def test_a_swap_of_what_was_to_end_is_previewed_as_going_on(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.cancel_at_period_end(subscription)
    with pytest.raises(errors.InvalidState) as raised:
        billing.preview_upcoming_invoice(subscription)
    assert raised.value.code == "no_upcoming_invoice"
    said = billing.preview_upcoming_invoice(subscription, price="price_team", proration="none")
    assert said.total == 4900


def test_what_an_end_gives_back_is_previewed(kit: Kit, subscription: models.Subscription) -> None:
    end = subscription.current_period_end
    assert end is not None
    billing.cancel_at(subscription, end - datetime.timedelta(days=16), prorate=True)
    said = billing.preview_upcoming_invoice(subscription)
    assert (said.total, said.amount_due, [each.amount for each in said.lines]) == (-981, 0, [-981])


def test_what_makes_no_sense_isnt_asked(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    wrong: list[dict[str, Any]] = [
        {"price": "price_team", "proration": "some"},
        {"price": "price_team", "items": {"price_team": 1}},
        {"item": "price_pro"},
        {"item": "price_pro", "items": {"price_team": 1}},
        {"quantity": 0},
        {"quantity": 2, "item": "price_team"},
        {"items": {"price_metered": 2}},
        {"price": "price_team", "proration_date": datetime.datetime(2026, 1, 1)},  # noqa: DTZ001
    ]
    for given in wrong:
        with pytest.raises(errors.InvalidRequest):
            billing.preview_upcoming_invoice(subscription, **given)
    assert calls == []
