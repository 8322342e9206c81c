"""That what the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flask_accrue.testing import Kit
from tests.databases import migrate

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def shown(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the README's program, and return what it defines."""
    monkeypatch.setenv("FLASK_SECRET_KEY", "readme")
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", empty_database_url)
    monkeypatch.setenv("FLASK_TESTING", "true")
    monkeypatch.setenv(
        "FLASK_ACCRUE_ENTITLEMENTS",
        '{"plans": {"pro": {"prices": ["price_pro"], "features": ["reports"]}}}',
    )
    migrate(empty_database_url)
    program = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert program is not None
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(program[1], str(README), "exec"), names)  # noqa: S102 - it is our own page
    return names


@pytest.mark.only("sqlite")
def test_the_program_in_the_readme_opens_its_page_to_those_who_pay(shown: dict[str, Any]) -> None:
    app, db, client = shown["app"], shown["db"], shown["app"].test_client()
    with app.app_context():
        db.create_all()
        organization = shown["Organization"](name="Northwind")
        db.session.add(organization)
        Kit(app).price("price_pro", 1900)
        shown["accrue"].owner_loader(lambda: organization)

        before = client.get("/reports")
        shown["start"](organization)
        after = client.get("/reports")

        db.session.remove()
        db.engine.dispose()

    assert before.status_code == 403
    assert after.text == "Only for those who pay for them."
