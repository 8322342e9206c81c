"""The dashboard: what is owed, for each currency by itself."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from flask_accrue import billing, models
from tests.host import Organization
from tests.visitors import Visitor

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.visitors import HostAuth


def test_what_is_owed_is_summed_for_each_currency_and_never_across(
    kit: Kit, operator: Visitor
) -> None:
    amounts = {"usd": (1900, 1100), "eur": (900,), "jpy": (1500, 500), "kwd": (12345,)}
    for currency, each in amounts.items():
        for number, amount in enumerate(each):
            price = kit.price(f"price_{currency}_{number}", amount, currency)
            owner = Organization(name=f"{currency} {number}", email="billing@acme.example")
            kit.state.db.session.add(owner)
            kit.state.db.session.commit()
            billing.add_payment_method(owner, "pm_card_visa")
            billing.subscribe(owner, price)
            for card in billing.list_payment_methods(owner):
                kit.fake.set_card_behavior(card.processor_id, "decline:insufficient_funds")
    # The renewals' invoices are drafts for an hour before they're charged.
    kit.advance(days=31, hours=2)
    owing = kit.state.db.session.query(models.Invoice).filter(models.Invoice.is_open)
    assert {(row.currency, row.amount_remaining) for row in owing} == {
        (currency, amount) for currency, each in amounts.items() for amount in each
    }
    page = operator.get("/billing/admin/").text
    section = page[page.index("Open invoices") :]
    section = re.sub(r"<[^>]+>|\s+", " ", section[: section.index("</section>")])
    for said in ("$30.00", "€9.00", "¥2,000", "KWD 12.345"):
        assert said in section.replace("\xa0", " "), section


def test_events_that_changed_nothing_here_are_counted(kit: Kit, operator: Visitor) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    kit.state.db.session.add(
        models.WebhookTally(processor="stripe", reason="other_mode", day=today, count=1234)
    )
    kit.state.db.session.commit()
    stranger = kit.fake.create_connect_account({"type": "express"}, key="elsewhere").main
    kit.fake.complete_account(stranger.processor_id)
    kit.deliver()

    page = operator.get("/billing/admin/").text
    section = page[page.index("<h2>Webhooks</h2>") :]
    said = re.sub(r"<[^>]+>|\s+", " ", section[: section.index("</section>")])
    said = re.sub(r" +", " ", said)

    ignored = kit.state.db.session.query(models.WebhookEvent).filter(models.WebhookEvent.is_ignored)
    assert ignored.count() > 0
    assert f"Ignored in 24 hours {ignored.count()}" in said
    assert "Of the other mode in 7 days, from stripe 1,234" in said
    listed = operator.get("/billing/admin/webhooks?outcome=ignored").text
    assert "connected here" in listed


def test_what_is_nobodys_is_not_told_to_whom_only_some_owners_are_shown(
    kit: Kit, app: Flask, auth: HostAuth, org: Organization
) -> None:
    auth.scopes["operator-acme"] = [("Organization", str(org.id))]
    today = datetime.datetime.now(datetime.UTC).date()
    kit.state.db.session.add(
        models.WebhookTally(processor="stripe", reason="other_mode", day=today, count=1234)
    )
    kit.state.db.session.commit()

    page = Visitor(app, "operator-acme").get("/billing/admin/")
    assert page.status_code == 200
    assert "other mode" not in page.text
