"""What a newcomer does in the example: every step by clicking, as they would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from .conftest import sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def add_card(page: Page, name: str) -> None:
    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_label("Add a test card").select_option(label=name)
    page.get_by_role("button", name="Add the card").click()
    expect(page.get_by_text("pays from now on.")).to_be_visible()


def move_clock(page: Page, by: str) -> None:
    page.get_by_role("button", name=by).click()
    expect(page.get_by_text("The clock moved by")).to_be_visible()


def test_subscribe_renew_fail_and_recover(page: Page, tidemark: str) -> None:
    sign_up(page, tidemark)

    page.get_by_role("link", name="Reports").click()
    expect(page.get_by_role("heading", name="Reports come with Pro")).to_be_visible()

    add_card(page, "Visa 4242: Always pays.")
    card(page, "Pro").get_by_role("button", name="Try it for 14 days").click()
    expect(page.get_by_text("Welcome to Pro.")).to_be_visible()
    expect(page.get_by_text("Trial", exact=True)).to_be_visible()
    page.get_by_role("link", name="Reports").click()
    expect(page.get_by_text("Visitors a week").first).to_be_visible()

    move_clock(page, "+1 month")
    page.get_by_role("link", name="Billing", exact=True).click()
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    paid = card(page, "Invoices").get_by_role("row").filter(has_text="$19.00")
    expect(paid).to_have_count(1)
    expect(paid).to_contain_text("Paid")

    add_card(page, "Visa 0341: Can be added, but every payment fails.")
    move_clock(page, "+14 days")
    move_clock(page, "+1 day")
    expect(page.get_by_text("Your last payment failed")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Pro stays open until \d"))).to_be_visible()
    page.get_by_role("link", name="Reports").click()
    expect(page.get_by_text("Visitors a week").first).to_be_visible()

    add_card(page, "Mastercard 4444: Always pays.")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_text("Thank you. The payment went through.")).to_be_visible()
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    happened = card(page, "What happened")
    for step in ("Subscribed", "Trial over", "Payment failed", "Payment recovered"):
        expect(happened.get_by_text(step).first).to_be_visible()


def test_grace_ends_and_the_gate_closes(page: Page, tidemark: str) -> None:
    sign_up(page, tidemark)
    add_card(page, "Visa 0341: Can be added, but every payment fails.")
    card(page, "Pro").get_by_role("button", name="Try it for 14 days").click()
    move_clock(page, "+14 days")
    move_clock(page, "+14 days")
    move_clock(page, "+1 day")
    expect(page.get_by_text("Pro is closed until it is paid.")).to_be_visible()
    page.get_by_role("link", name="Reports").click()
    expect(page.get_by_role("heading", name="Reports come with Pro")).to_be_visible()


def test_change_plan_cancel_and_resume(page: Page, tidemark: str) -> None:
    sign_up(page, tidemark)
    add_card(page, "Visa 4242: Always pays.")
    card(page, "Pro").get_by_role("button", name="Try it for 14 days").click()
    move_clock(page, "+1 month")

    page.get_by_role("link", name="Exports").click()
    expect(page.get_by_role("heading", name="Exports come with Team")).to_be_visible()
    page.get_by_role("link", name="Choose Team").click()
    page.get_by_role("button", name="Change to Team").click()
    expect(page.get_by_text("You changed from Pro to Team.")).to_be_visible()
    page.get_by_role("link", name="Exports").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").first.click()
    assert download.value.path().read_text().startswith("date,visitors,views")

    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel Team").click()
    expect(page.get_by_text("Ending", exact=True)).to_be_visible()
    page.get_by_role("button", name="Keep the plan").click()
    expect(page.get_by_text("Active", exact=True)).to_be_visible()

    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_label("Now", exact=False).check()
    page.get_by_role("button", name="Cancel Team").click()
    expect(page.get_by_text("The plan ended. You are on Free.")).to_be_visible()
    page.get_by_role("link", name="Exports").click()
    expect(page.get_by_role("heading", name="Exports come with Team")).to_be_visible()


def test_a_refused_card_is_told_and_changes_nothing(page: Page, tidemark: str) -> None:
    sign_up(page, tidemark)
    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_label("Add a test card").select_option(
        label="Visa 0002: Is refused as soon as it is added."
    )
    page.get_by_role("button", name="Add the card").click()
    expect(page.get_by_text("Nothing was charged; try another card.")).to_be_visible()
    expect(card(page, "Cards").get_by_text("0002").filter(visible=True)).to_have_count(0)


def test_a_renewal_that_the_bank_wants_confirmed(page: Page, tidemark: str) -> None:
    sign_up(page, tidemark)
    add_card(page, "Visa 3184: Every payment has to be confirmed.")
    card(page, "Pro").get_by_role("button", name="Try it for 14 days").click()
    move_clock(page, "+14 days")
    move_clock(page, "+1 day")
    expect(page.get_by_text("Your last payment failed")).to_be_visible()
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("heading", name="Confirm your payment")).to_be_visible()
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
