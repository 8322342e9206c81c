"""Every page in a real browser: for people who can't see, or point, or have little room."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from flask_accrue import ActionRequired, billing, models
from flask_accrue.admin.resources import RESOURCES
from flask_accrue.testing import Kit
from tests import host
from tests.browser.conftest import served, violations
from tests.visitors import give_log_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from playwright.sync_api import Browser, Page

ADMIN = "/billing/admin"

pytestmark = pytest.mark.only("sqlite")


@pytest.fixture
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Give a host whose Fake other threads see too, and whose operator pays for the first owner."""
    store = tmp_path_factory.mktemp("fake") / "fake.sqlite"
    app, db, accrue = host.create_host(database_url, ACCRUE_FAKE_STORE=str(store))
    give_log_in(app)
    accrue.owner_loader(lambda: db.session.get(host.Organization, 1))
    yield app
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def paths(kit: Kit, org: host.Organization) -> list[str]:
    """Give the addresses of all pages, with something on each."""
    for n, state in enumerate(("past_due", "active", "canceling")):
        owner = (
            org if n == 0 else host.Organization(name=f"Owner {n} & <Sons>", email=f"{n}@x.example")
        )
        kit.state.db.session.add(owner)
        kit.state.db.session.commit()
        kit.subscription(owner, state, price="price_pro")
    session = kit.state.db.session
    event = session.query(models.WebhookEvent).first()
    assert event is not None
    event.state, event.last_error = "dead", "RuntimeError: no route to mail"
    session.commit()
    found = [ADMIN, f"{ADMIN}/customers?cursor=x", f"{ADMIN}/customers?q=nothing+like+this"]
    for resource in RESOURCES:
        assert resource.detail is not None
        row = session.query(resource.model).order_by(resource.model.id).first()
        found.append(f"{ADMIN}/{resource.name}")
        found += [f"{ADMIN}/{resource.name}/{row.id}/{tab.name}" for tab in resource.detail.tabs]
    for subscription in session.query(models.Subscription):
        path = f"{ADMIN}/subscriptions/{subscription.id}"
        found += [path, f"{path}/do/cancel"]
        if subscription.is_canceling:
            found.append(f"{path}/do/resume")
    billing.add_payment_method(org, "tok_authenticationRequired", default=True)
    with contextlib.suppress(ActionRequired):
        billing.subscribe(org, "price_team", name="second")
    intent = session.query(models.PaymentIntent).filter(models.PaymentIntent.requires_action).one()
    found.append(f"{billing.confirmation_url(intent.processor_id, 'fake')}?next=/settings")
    session.remove()
    return found


@pytest.fixture
def address(app: Flask, paths: list[str]) -> Iterator[str]:
    with served(app) as address:
        yield address


def open_as_operator(browser: Browser, address: str, **options: object) -> Page:
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.goto(f"{address}/log-in-as/operator-1")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_any_page(
    browser: Browser, address: str, paths: list[str], scheme: str
) -> None:
    page = open_as_operator(browser, address, color_scheme=scheme)
    found = []
    for path in paths:
        page.goto(address + path)
        found += violations(page)
    page.context.close()
    assert found == []


def test_no_page_is_wider_than_a_phone_or_breaks_its_own_policy(
    browser: Browser, address: str, paths: list[str]
) -> None:
    page = open_as_operator(browser, address, viewport={"width": 390, "height": 844})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
    wide = []
    for path in paths:
        page.goto(address + path)
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            wide.append(path)
    page.context.close()
    assert wide == []
    # A browser tells of the one page that is an error, and of the host's missing icon.
    assert [each for each in complaints if "status of 40" not in each] == []


def test_the_stylesheet_and_the_icons_are_allowed_by_the_policy(
    browser: Browser, address: str, paths: list[str]
) -> None:
    page = open_as_operator(browser, address)
    page.goto(address + ADMIN)
    assert page.evaluate("getComputedStyle(document.querySelector('.ac-office')).display") == "grid"
    icon = page.locator(".ac-office__side .ac-nav__link svg").first.bounding_box()
    assert icon is not None
    assert icon["width"] > 10
    page.context.close()


def test_an_operator_replays_and_cancels_with_the_keyboard_and_without_scripts(
    browser: Browser, address: str, paths: list[str], kit: Kit
) -> None:
    page = open_as_operator(browser, address, java_script_enabled=False)
    page.goto(f"{address}{ADMIN}/webhooks?state=dead")
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Replay selected").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Replay").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("status").inner_text().strip() == "The event is due again."
    page.goto(f"{address}{ADMIN}/subscriptions?state=recurring")
    page.locator("tbody a").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Cancel").press("Enter")
    page.get_by_role("radio", name="Now").check()
    page.get_by_label("Why").fill("asked for it")
    page.keyboard.press("Enter")
    assert "has ended" in page.get_by_role("status").inner_text()
    page.context.close()
    kit.state.db.session.rollback()
    assert kit.assert_entry("subscription.cancel_requested").data["reason"] == "asked for it"


def test_a_customer_confirms_a_payment_without_scripts(
    browser: Browser, address: str, paths: list[str]
) -> None:
    page = open_as_operator(browser, address, java_script_enabled=False)
    page.goto(address + paths[-1].partition("?")[0])
    page.get_by_role("button", name="Confirm").press("Enter")
    assert page.get_by_role("heading", level=1).inner_text() == "Payment complete"
    page.context.close()
