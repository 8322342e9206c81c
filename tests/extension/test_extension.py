"""Setting an app up: what is needed first, what is said when it's missing, and what apps share."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from flask_accrue import Accrue, ConfigError
from flask_accrue.state import current_state
from tests.host import create_host


def bare(**config: Any) -> Flask:
    app = Flask("bare")
    app.config.update(
        SECRET_KEY="s", SQLALCHEMY_DATABASE_URI="sqlite://", **{"TESTING": True, **config}
    )
    return app


def test_without_flask_sqlalchemy_it_says_what_to_create_first() -> None:
    with pytest.raises(ConfigError, match=r"Create SQLAlchemy\(app\).* before Accrue"):
        Accrue(bare())


def test_setting_up_twice_is_refused() -> None:
    app = bare()
    SQLAlchemy(app)
    accrue = Accrue(app)
    with pytest.raises(ConfigError, match="call init_app once"):
        accrue.init_app(app)


def test_all_problems_of_the_configuration_come_in_one_error() -> None:
    app = bare(
        ACCRUE_PROCESSOR=7, ACCRUE_ADMIN_PATH="admin", ACCRUE_WEBHOOK_SECRETS={"stripe": [""]}
    )
    SQLAlchemy(app)
    with pytest.raises(ConfigError) as caught:
        Accrue(app)
    keys = {problem.split()[0] for problem in caught.value.problems}
    assert {"ACCRUE_PROCESSOR", "ACCRUE_ADMIN_PATH", "ACCRUE_WEBHOOK_SECRETS"} <= keys
    assert "accrue" not in app.extensions


def test_an_unknown_processor_is_named_with_those_there_are() -> None:
    app = bare(ACCRUE_PROCESSOR="strpe", ACCRUE_LEDGER_KEYS=["k:" + "QUFB" * 11])
    SQLAlchemy(app)
    with pytest.raises(
        ConfigError, match="ACCRUE_PROCESSOR is 'strpe', which nobody has registered"
    ):
        Accrue(app)


def test_two_apps_share_nothing() -> None:
    apps = [bare(), bare()]
    for app in apps:
        SQLAlchemy(app)
        Accrue(app)
    states = [app.extensions["accrue"] for app in apps]
    states[0].processors["fake"].create_product("Only here", id="prod_1")
    assert states[0].processors["fake"] is not states[1].processors["fake"]
    with apps[1].app_context():
        assert current_state() is states[1]
        assert states[1].processors["fake"].list_catalog().objects == ()


def test_what_is_registered_is_of_all_apps_of_its_object_and_of_no_other() -> None:
    shared, other = Accrue(), Accrue()
    apps = {name: bare() for name in ("before", "after", "other")}
    for app in apps.values():
        SQLAlchemy(app)
    shared.init_app(apps["before"])
    other.init_app(apps["other"])

    @shared.owner_loader
    def owner() -> None: ...

    @shared.on("*")
    def handler(event: Any, context: Any) -> None: ...

    shared.init_app(apps["after"])
    states = {name: app.extensions["accrue"] for name, app in apps.items()}
    assert {name: state.owner_loader for name, state in states.items()} == {
        "before": owner,
        "after": owner,
        "other": None,
    }
    assert [len(state.handlers) for state in states.values()] == [1, 1, 0]
    assert states["other"].auth is not states["after"].auth


def test_an_object_of_several_apps_keeps_none_of_them_alive() -> None:
    accrue, app = Accrue(), bare()
    SQLAlchemy(app)
    accrue.init_app(app)
    state = weakref.ref(app.extensions.pop("accrue"))
    del app
    gc.collect()
    assert state() is None


def test_the_fake_outside_of_debug_and_testing_is_warned_of(
    caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    app = bare(TESTING=False, ACCRUE_FAKE_STORE=str(tmp_path / "fake.sqlite"))
    SQLAlchemy(app)
    with caplog.at_level(logging.WARNING):
        Accrue(app)
    assert "no money moves" in caplog.text
    assert "derived from SECRET_KEY" in caplog.text


@pytest.mark.parametrize("order", ["migrate first", "accrue first"])
def test_the_hosts_migrations_never_see_our_tables(order: str) -> None:
    app = bare()
    db = SQLAlchemy(app)
    if order == "migrate first":
        Migrate(app, db, include_name=lambda name, kind, parents: name != "theirs")
        Accrue(app)
    else:
        Accrue(app)
        Migrate(app, db, include_name=lambda name, kind, parents: name != "theirs")
    with app.app_context():
        include = app.extensions["migrate"].configure_args["include_name"]
    assert not include("accrue_customers", "table", {})
    assert not include("theirs", "table", {})
    assert include("organizations", "table", {})


def test_paths_can_be_moved_and_switched_off() -> None:
    app = bare(ACCRUE_WEBHOOK_PATH="/hooks", ACCRUE_ADMIN_PATH=False, ACCRUE_PORTAL_PATH=False)
    SQLAlchemy(app)
    Accrue(app)
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert "/hooks/<processor>" in rules
    assert not any("billing" in rule for rule in rules)
    # The layouts are there all the same, for the host's own pages.
    with app.test_request_context():
        page = render_template_string(
            '{% extends "accrue/layout.html" %}', brand={"name": "The host"}
        )
    assert "/accrue/static/accrue.css" in page


@pytest.mark.only("sqlite")
def test_the_tables_can_live_in_another_bind(
    database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flask_accrue import billing, models
    from tests.host import Organization

    # The tables' metadata is shared by the process; this test mustn't leave its bind behind.
    monkeypatch.setattr(models.Base.metadata, "info", {})
    app, db, _ = create_host(
        f"sqlite:///{tmp_path / 'host.sqlite'}",
        SQLALCHEMY_BINDS={"billing": database_url},
        ACCRUE_BIND_KEY="billing",
    )
    with app.app_context():
        org = Organization(name="Acme", email=None)
        db.session.add(org)
        billing.customer(org)
        assert billing.get_customer(org) is not None
        with db.engines["billing"].connect() as connection:
            assert connection.exec_driver_sql("select count(*) from accrue_customers").scalar() == 1
        db.session.remove()
    with pytest.raises(ConfigError, match="another app of this process"):
        create_host("sqlite://")


def test_a_bind_that_isnt_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from flask_accrue import models

    monkeypatch.setattr(models.Base.metadata, "info", {})
    app = bare(ACCRUE_BIND_KEY="billing")
    SQLAlchemy(app)
    with pytest.raises(ConfigError, match="SQLALCHEMY_BINDS doesn't have"):
        Accrue(app)
