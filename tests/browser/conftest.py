from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import make_server

import example
from example import plans
from example.database import db
from flask_accrue.state import current_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import flask
    from playwright.sync_api import Browser, Page


@contextlib.contextmanager
def served(app: flask.Flask) -> Iterator[str]:
    """Serve an application to a browser, and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def tidemark(tmp_path: Path) -> Iterator[str]:
    """Give the address of the example, with empty tables and the plans on sale."""
    app = example.create_app({"INSTANCE_PATH": str(tmp_path), "DEBUG": True})
    upgraded = app.test_cli_runner().invoke(args=["accrue", "db", "upgrade"])
    assert upgraded.exit_code == 0, upgraded.output
    with app.app_context():
        db.create_all()
        plans.put_into(current_state().processors["fake"])
    with served(app) as address:
        yield address
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a tab of a visitor of its own."""
    context = browser.new_context()
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    yield tab
    context.close()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page for people who can't see, or point, or tell colors."""
    found = Axe().run(page).response["violations"]
    return [f"{page.url}: {each['help']}: {each['nodes'][0]['html'][:120]}" for each in found]


def sign_up(page: Page, address: str, name: str = "Mara Lind") -> None:
    """Make an account by clicking, from the first page on."""
    page.goto(address)
    page.get_by_role("link", name="Start on Free").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail").fill(f"{name.split(maxsplit=1)[0].lower()}@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/dashboard")
