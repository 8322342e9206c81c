from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

import example
from example.database import db
from example.models import Membership, Organization, User, sign_up

from .conftest import Visitor

if TYPE_CHECKING:
    import flask


def test_sign_up_makes_an_organization_that_belongs_to_the_user(
    app: flask.Flask, visitor: Visitor
) -> None:
    visitor.sign_up("Mara")
    with app.app_context():
        membership = db.session.scalars(sa.select(Membership)).one()
        assert membership.role == "owner"
        assert membership.user.email == "mara@example.com"
        assert membership.organization.name == "Mara's workspace"


def test_a_sign_up_that_fails_leaves_nothing_behind(app: flask.Flask) -> None:
    with app.app_context():
        sign_up("Mara", "mara@example.com", "correct horse battery")
        db.session.commit()
        sign_up("Another Mara", " MARA@example.com ", "correct horse battery")
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(User)) == 1
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Organization)) == 1


def test_a_taken_address_is_told_on_the_form(visitor: Visitor, other: Visitor) -> None:
    visitor.sign_up("Mara")
    answer = other.post(
        "/signup", name="Mara", email="Mara@Example.com", password="correct horse battery"
    )
    assert "has an account already" in answer.text


def test_a_wrong_password_and_an_unknown_address_look_the_same(visitor: Visitor) -> None:
    visitor.sign_up("Mara")
    visitor.post("/logout")
    wrong = visitor.post("/login", email="mara@example.com", password="not this one")
    unknown = visitor.post("/login", email="nobody@example.com", password="not this one")
    sentence = "This e-mail and password don&#39;t belong together."
    assert sentence in wrong.text
    assert sentence in unknown.text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "///elsewhere.example/",
        "////elsewhere.example/",
        "/\\elsewhere.example",
        "x:y",
    ],
)
def test_logging_in_never_leads_to_another_site(visitor: Visitor, wanted: str) -> None:
    visitor.sign_up("Mara")
    visitor.post("/logout")
    answer = visitor.post(
        f"/login?next={wanted}", email="mara@example.com", password="correct horse battery"
    )
    assert answer.request.path == "/dashboard"


def test_logging_in_leads_on_to_the_page_that_asked(visitor: Visitor) -> None:
    visitor.sign_up("Mara")
    visitor.post("/logout")
    answer = visitor.post(
        "/login?next=/team", email="mara@example.com", password="correct horse battery"
    )
    assert answer.request.path == "/team"


def test_a_form_without_its_token_is_refused(app: flask.Flask, visitor: Visitor) -> None:
    visitor.sign_up("Mara")
    answer = visitor.client.post("/logout")
    assert answer.status_code == 400
    assert visitor.get("/dashboard").request.path == "/dashboard"


def test_a_database_without_tables_says_what_to_run(tmp_path: pathlib.Path) -> None:
    app = example.create_app({"INSTANCE_PATH": str(tmp_path), "DEBUG": True})
    answer = Visitor(app.test_client()).post(
        "/login", email="mara@example.com", password="correct horse battery"
    )
    assert answer.status_code == 503
    assert "flask --app example seed" in answer.text


def test_every_page_forbids_scripts_frames_and_foreign_hosts(visitor: Visitor) -> None:
    for path in ("/", "/pricing", "/login", "/nowhere"):
        policy = visitor.client.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_the_demo_keeps_its_secret_to_itself(app: flask.Flask) -> None:
    secret = pathlib.Path(app.instance_path) / "secret-key"
    assert len(secret.read_text()) == 64
    assert secret.stat().st_mode & 0o077 == 0
