from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import flask
import pytest

import example
from example import plans
from example.database import db
from example.models import User
from flask_accrue.state import current_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

PASSWORD = "correct horse battery"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[flask.Flask]:
    """Give the example with empty tables and the plans on sale."""
    yield from built(tmp_path)


@pytest.fixture
def app_on_either(tmp_path: Path, database_url: str) -> Iterator[flask.Flask]:
    """Give the same on each database, for what happens at once."""
    yield from built(tmp_path, SQLALCHEMY_DATABASE_URI=database_url)


def built(folder: Path, **config: Any) -> Iterator[flask.Flask]:
    app = example.create_app({"INSTANCE_PATH": str(folder), "DEBUG": True, **config})
    upgraded = app.test_cli_runner().invoke(args=["accrue", "db", "upgrade"])
    assert upgraded.exit_code == 0, upgraded.output
    with app.app_context():
        db.create_all()
        plans.put_into(current_state().processors["fake"])
    yield app
    with app.app_context():
        db.engine.dispose()


class Visitor:
    """Somebody with a browser: keeps cookies, and sends the CSRF token that the last page held."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, follow_redirects=True)

    def post(self, path: str, **fields: Any) -> TestResponse:
        page = self.client.get("/login").text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None
        return self.client.post(
            path, data={"csrf_token": token[1], **fields}, follow_redirects=True
        )

    def sign_up(self, name: str) -> User:
        email = f"{name.lower()}@example.com"
        answer = self.post("/signup", name=name, email=email, password=PASSWORD)
        assert answer.request.path == "/dashboard", answer.text
        with self.client.application.app_context():
            return (
                db.session.scalars(
                    db.select(User)
                    .where(User.email == email)
                    .options(db.joinedload(User.memberships))
                )
                .unique()
                .one()
            )


@pytest.fixture
def visitor(app: flask.Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def other(app: flask.Flask) -> Visitor:
    return Visitor(app.test_client())
