"""Every page of the example, on a phone and in the dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from .conftest import sign_up, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PUBLIC = ("/", "/pricing", "/login", "/signup", "/nowhere")
PRIVATE = (
    "/dashboard",
    "/reports",
    "/exports",
    "/team",
    "/settings/billing",
    "/settings/billing/cancel",
    "/organizations/new",
    "/nowhere",
)


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_pages_fit_their_window_and_are_accessible(
    browser: Browser, tidemark: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Policy" in said.text else None)
    wide, wrong = [], []

    def look(path: str) -> None:
        page.goto(tidemark + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
        wrong.extend(violations(page))

    for path in PUBLIC:
        look(path)
    sign_up(page, tidemark)
    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_role("button", name="Add the card").click()
    page.get_by_role("button", name="Try it for 14 days").last.click()
    page.get_by_role("button", name="+1 month").click()
    for path in PRIVATE:
        look(path)
    context.close()
    assert not wide
    assert not wrong
    assert not refused
