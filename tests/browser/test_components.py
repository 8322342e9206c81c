from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from . import components
from .conftest import served, violations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PAGES = ("/", "/portal", "/missing")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(components.create_app()) as served_at:
        yield served_at


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_is_wider_than_its_window(
    browser: Browser, address: str, path: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address + path)
    too_wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    page.close()
    assert too_wide == 0


def test_the_menu_of_the_back_office_opens_without_a_script(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    link = page.locator(".ac-office__bar").get_by_text("Webhooks")
    assert not link.is_visible()
    page.get_by_text("Menu").click()
    assert link.is_visible()
    context.close()


def test_colors_follow_what_the_visitor_prefers(browser: Browser, address: str) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(address)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert len(grounds) == 2


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_component_is_accessible(
    browser: Browser, address: str, path: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(address + path)
    found = violations(page)
    page.close()
    assert found == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_styled_or_scripted_inline(browser: Browser, address: str, path: str) -> None:
    page = browser.new_page()
    page.goto(address + path)
    assert page.locator("[style], style, script, [onclick]").count() == 0
    page.close()
