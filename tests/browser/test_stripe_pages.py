"""Customers who confirm payments and add cards in a browser, with a stand-in for Stripe.js."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from flask_accrue import billing
from tests.browser.conftest import served, violations
from tests.browser.stripe_stand_in import stand_in
from tests.portal.stripe_customer import customer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.portal.stripe_customer import Customer

__all__ = ["customer"]

pytestmark = pytest.mark.only("sqlite")


class Tab:
    """A browser's tab in which the customer is logged in.

    :ivar asked: the addresses of all that the page asked for.
    :ivar said: what Stripe was told by the page's script.
    :ivar complaints: what the browser complained of.
    """

    def __init__(self, page: Page, address: str, customer: Customer) -> None:
        self.page, self.address, self.customer = page, address, customer
        self.said: list[tuple[str, dict[str, str]]] = []
        self.complaints: list[str] = []
        self.asked = stand_in(page, self.act)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.set_default_timeout(15_000)
        page.goto(f"{address}/log-in-as/1")

    def act(self, name: str, said: dict[str, str]) -> None:
        """Be Stripe."""
        self.said.append((name, said))
        assert said["key"] == "pk_test_oracle"
        if name == "confirm_setup":
            setup = said["client_secret"].partition("_secret_")[0]
            self.customer.add_card()
            self.customer.change(setup, status="succeeded", payment_method="pm_new")
        elif said.get("outcome") == "fail":
            why = {"code": "payment_intent_authentication_failure"}
            self.customer.change("pi_1", status="requires_payment_method", last_payment_error=why)
        else:
            self.customer.pay()

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def answer_the_bank(self, button: str) -> None:
        bank = self.page.frame_locator("iframe[title='Your bank']")
        bank.get_by_role("button", name=button).click()

    def heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def check_kept_quiet(self) -> None:
        """Check that no secret stood in an address, and that the policy of the page was kept."""
        assert [url for url in self.asked if "_secret_" in url] == []
        foreign = [url for url in self.asked if not url.startswith(self.address)]
        assert {url.split("/")[2] for url in foreign} <= {
            "js.stripe.com",
            "hooks.stripe.com",
            "api.stripe.com",
        }
        assert [each for each in self.complaints if "favicon" not in each] == []


@pytest.fixture
def tab(customer: Customer, browser: Browser) -> Iterator[Tab]:
    """Give the tab, on a server of the host."""
    with served(customer.app) as address:
        context = browser.new_context()
        yield Tab(context.new_page(), address, customer)
        context.close()


def test_a_payment_is_confirmed_at_the_bank(tab: Tab, customer: Customer) -> None:
    url = customer.subscribe()
    tab.open(url)
    tab.heading("Confirm your payment")
    assert violations(tab.page) == []
    tab.press("Confirm")
    tab.answer_the_bank("Complete")
    tab.heading("Payment complete")
    expect(tab.page.get_by_text("You paid $17.85. Your subscription is active.")).to_be_visible()
    assert tab.page.url == tab.address + url
    assert tab.said == [
        (
            "next_action",
            {"key": "pk_test_oracle", "client_secret": "pi_1_secret_1", "outcome": "succeed"},
        )
    ]
    assert customer.subscription.is_active
    tab.check_kept_quiet()


def test_who_fails_at_the_bank_adds_another_card_and_pays_with_it(
    tab: Tab, customer: Customer
) -> None:
    tab.open(customer.subscribe())
    tab.press("Confirm")
    tab.answer_the_bank("Fail")
    tab.heading("Payment not made")
    expect(tab.page.get_by_text("Nothing was charged.").first).to_be_visible()
    assert not customer.subscription.is_active

    tab.page.get_by_role("link", name="Add another card").click()
    tab.heading("Add a card")
    fields = tab.page.frame_locator("iframe[title='Secure payment input']")
    fields.get_by_label("Card number").fill("4000 0000 0000 3220")
    assert violations(tab.page) == []
    tab.press("Add the card")
    expect(tab.page.get_by_text("Visa •••• 3220, 01/2035 was added.")).to_be_visible()

    tab.page.get_by_label("Visa •••• 3220").check()
    tab.press("Pay $17.85")
    tab.heading("Payment complete")
    name, said = tab.said[-1]
    assert (name, said["payment_method"]) == ("confirm", "pm_new")
    assert {card.last4 for card in billing.list_payment_methods(customer.owner())} == {
        "4242",
        "3220",
    }
    assert customer.subscription.is_active
    tab.check_kept_quiet()


def test_without_scripts_the_page_says_what_it_needs(customer: Customer, browser: Browser) -> None:
    url = customer.subscribe()
    with served(customer.app) as address:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}/log-in-as/1")
        page.goto(address + url)
        # A browser under test has no scripts, and doesn't show what it would show for want of them.
        assert "Confirming a payment needs JavaScript" in page.content()
        expect(page.get_by_role("button", name="Confirm")).to_be_disabled()
        context.close()


def test_a_script_that_cant_be_loaded_is_told(tab: Tab, customer: Customer) -> None:
    url = customer.subscribe()
    tab.page.route("https://js.stripe.com/**", lambda route: route.abort())
    tab.open(url)
    expect(tab.page.get_by_role("alert").first).to_have_text(
        "The payment provider's script couldn't be loaded. Check your connection, then reload."
    )
    expect(tab.page.get_by_role("button", name="Confirm")).to_be_disabled()


def test_a_host_that_cant_be_reached_is_told_and_the_button_works_again(
    tab: Tab, customer: Customer
) -> None:
    tab.open(customer.subscribe())
    tab.page.route("**/secret", lambda route: route.abort())
    tab.press("Confirm")
    expect(tab.page.get_by_role("alert").first).to_contain_text("Nothing was done")
    expect(tab.page.get_by_role("button", name="Confirm")).to_be_enabled()
    assert tab.said == []


def test_a_card_that_is_left_already_is_told_in_our_own_words(tab: Tab, customer: Customer) -> None:
    # As a checkout answers that another tab has completed.
    left = {"client_secret": None, "onward": "/billing/checkout/there"}
    tab.page.route("**/secret", lambda route: route.fulfill(json=left))
    tab.open("/billing/cards/stripe/new")
    expect(tab.page.get_by_role("alert").first).to_have_text(
        "There is nothing left to do here. Reload the page to see how it stands."
    )
    expect(tab.page.get_by_role("button", name="Add the card")).to_be_disabled()
    assert tab.page.locator("iframe").count() == 0
    assert tab.said == []


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_the_pages_fit_their_window_and_are_accessible(
    customer: Customer, browser: Browser, width: int, scheme: Any
) -> None:
    url = customer.subscribe()
    wide, wrong = [], []
    with served(customer.app) as address:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab = Tab(context.new_page(), address, customer)

        def look(path: str) -> None:
            tab.open(path)
            for button in tab.page.locator("form[data-processor] [type=submit]").all():
                expect(button).to_be_enabled()
            # A button that has just become usable still changes its color.
            tab.page.evaluate(
                "Promise.all(document.getAnimations().map((each) => each.finished)).then(() => 0)"
            )
            if tab.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(path)
            wrong.extend(violations(tab.page))

        look(url)
        look("/billing/cards/stripe/new")
        customer.decline()
        tab.open(f"{url}/return")
        look(url)
        customer.expire()
        tab.open(f"{url}/return")
        look(url)
        tab.heading("Too late for this payment")
        context.close()
    assert (wide, wrong) == ([], [])
