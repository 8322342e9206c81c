"""The mounted checkout in a browser without scripts, with a code that is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from flask_accrue import billing
from tests.browser.conftest import served, violations
from tests.host import kit, org
from tests.portal.conftest import app
from tests.portal.test_checkout import page_for

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser

    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["app", "kit", "org"]

pytestmark = pytest.mark.only("sqlite")


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_its_states_fit_their_window_and_are_accessible(
    browser: Browser,
    app: Flask,
    kit: Kit,
    org: Organization,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    billing.customer(org)
    coupon = billing.create_coupon(percent_off=25, duration="repeating", months=3)
    billing.create_promotion_code(coupon, "WELCOME")
    url = page_for(org, allow_promotion_codes=True)
    wide, wrong = [], []
    with served(app) as address:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab = context.new_page()
        tab.set_default_timeout(15_000)
        tab.goto(f"{address}/log-in-as/{org.id}")

        def look(state: str) -> None:
            if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(state)
            wrong.extend(violations(tab))

        tab.goto(address + url)
        look("empty")
        tab.get_by_label("Mastercard 4444").check()
        tab.get_by_label("Code", exact=True).fill("NOBODYKNOWS")
        tab.keyboard.press("Enter")
        expect(tab.get_by_label("Code", exact=True)).to_have_accessible_description(
            "There is no such code. Check how it's written."
        )
        look("refused")
        tab.get_by_label("Code", exact=True).fill("welcome")
        tab.get_by_role("button", name="Use the code").click()
        expect(tab.get_by_role("button", name="Pay $14.25 and subscribe")).to_be_visible()
        expect(tab.get_by_label("Mastercard 4444")).to_be_checked()
        look("taken")
        context.close()
    assert (wide, wrong) == ([], [])


def test_it_asks_for_the_address_by_which_tax_goes(
    browser: Browser, app: Flask, kit: Kit, org: Organization
) -> None:
    url = page_for(org, automatic_tax=True)
    wide, wrong = [], []
    with served(app) as address:
        context = browser.new_context(viewport={"width": 320, "height": 800}, color_scheme="dark")
        tab = context.new_page()
        tab.set_default_timeout(15_000)
        tab.goto(f"{address}/log-in-as/{org.id}")

        def look(state: str) -> None:
            if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(state)
            wrong.extend(violations(tab))

        tab.goto(address + url)
        look("empty")
        tab.get_by_label("Country").select_option("US")
        tab.get_by_role("button", name="Show what is due").click()
        code = tab.get_by_label("Postal code")
        expect(code).to_have_accessible_description(
            "In the United States tax goes by the ZIP code, such as 94103."
        )
        expect(code).to_be_focused()
        expect(tab.get_by_label("Country")).to_have_value("US")
        look("refused")
        code.fill("94103")
        tab.get_by_label("State or province").fill("CA")
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("button", name="Pay $20.38 and subscribe")).to_be_visible()
        context.close()
    assert (wide, wrong) == ([], [])
