"""The mounted portal and checkout in a browser: they fit their window, light and dark, and are accessible."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from flask_accrue import ActionRequired, Money, billing
from tests.browser.conftest import served, violations
from tests.host import kit, org
from tests.portal.conftest import app
from tests.portal.test_checkout import page_for
from tests.portal.test_overview import link_for, paid
from tests.portal.test_payments import subscription_of

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser

    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["app", "kit", "org", "paid"]

pytestmark = pytest.mark.only("sqlite")


def pages(kit: Kit, org: Organization) -> dict[str, str]:
    """Return the addresses of pages by what they show."""
    billing.add_payment_method(org, "tok_mastercard")
    row = subscription_of(kit, org)
    prices = ["price_pro", "price_team"]
    update = link_for(org, flow="subscription_update", subscription=row, prices=prices)
    billing.create_coupon(percent_off=25, name="Autumn", id="autumn")
    billing.adjust_balance(org, Money(500, "usd"))
    debt = page_for(org, name="other", trial=datetime.timedelta(days=14))
    discounted = page_for(org, name="third", coupon="autumn", description="For the whole team")
    found = {
        "overview": link_for(org),
        "cancel": link_for(org, flow="subscription_cancel", subscription=row),
        "details": link_for(org, flow="customer_update"),
        "plans": update,
        "change": f"{update}?price=price_team&quantity=3",
        "card": f"/billing/cards/fake/new?use=at_once&next={update}",
        "debt": debt,
        "discounted": discounted,
        "replaced": page_for(org, name="fourth", operation_id="buy"),
    }
    page_for(org, name="fourth", operation_id="buy")
    asks = billing.add_payment_method(org, "tok_authenticationRequired")
    with pytest.raises(ActionRequired) as required:
        billing.subscribe(org, "price_team", name="fifth", coupon="autumn", payment_method=asks)
    found["payment"] = required.value.url or ""
    return found


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_its_pages_fit_their_window_and_are_accessible(
    browser: Browser,
    app: Flask,
    kit: Kit,
    paid: Organization,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    wide, wrong = [], []
    with served(app) as address:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab = context.new_page()
        tab.set_default_timeout(15_000)
        tab.goto(f"{address}/log-in-as/{paid.id}")
        addresses = pages(kit, paid)
        for state, url in addresses.items():
            tab.goto(address + url)
            if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(state)
            wrong.extend(violations(tab))
            # SHOT
        tab.goto(address + addresses["overview"])
        tab.get_by_role("button", name="Remove this card: Visa •••• 4242").click()
        expect(tab.get_by_text("A running subscription is charged to this card.")).to_be_visible()
        wrong.extend(violations(tab))
        context.close()
    assert (wide, wrong) == ([], [])
