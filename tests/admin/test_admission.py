"""Who gets in, and what comes with every page."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flask_accrue.admin.blueprint import admin_blueprint
from flask_accrue.admin.resource import Column, RelatedTab, Resource, Scope, Table
from flask_accrue.admin.resources import RESOURCES
from flask_accrue.errors import ConfigError
from flask_accrue.models import Customer, Invoice, Product
from tests.visitors import HostAuth, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from flask_accrue import Accrue

    MakeHost = Callable[..., tuple[Flask, Accrue]]

ADMIN = "/billing/admin"
PAGES = [
    ADMIN,
    *(f"{ADMIN}/{resource.name}" for resource in RESOURCES),
    f"{ADMIN}/customers?export=csv",
    f"{ADMIN}/customers/0192aaaa-0000-7000-8000-000000000000",
    f"{ADMIN}/customers/0192aaaa-0000-7000-8000-000000000000/invoices",
    f"{ADMIN}/subscriptions/0192aaaa-0000-7000-8000-000000000000/do/cancel",
    f"{ADMIN}/nothing-of-the-kind",
]


def said(page: str) -> str:
    """Return a page without what differs from answer to answer by design."""
    return re.sub(r'nonce="[^"]*"', "", page)


def test_without_a_login_manager_every_page_is_a_403(make_host: MakeHost) -> None:
    app, accrue = make_host()
    accrue.operator_loader(lambda user: True)
    visitor = Visitor(app)
    assert {path: visitor.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 403)


def test_whoever_is_not_an_operator_sees_the_same_page_as_nobody(app: Flask) -> None:
    nobody, somebody = Visitor(app), Visitor(app, "customer-1")
    for path in PAGES:
        first, second = nobody.get(path), somebody.get(path)
        assert first.status_code == second.status_code == 403, path
        assert said(first.text) == said(second.text)
        assert "Customers" not in first.text


def test_a_refusal_offers_the_log_in_that_leads_back(app: Flask) -> None:
    page = Visitor(app).get(f"{ADMIN}/customers?q=acme").text
    assert 'href="/log-in?next=%2Fbilling%2Fadmin%2Fcustomers%3Fq%3Dacme"' in page


def test_other_methods_are_closed_to_them_too(app: Flask) -> None:
    client = app.test_client()
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        answer = client.open(f"{ADMIN}/webhooks/do/replay", method=method)
        assert answer.status_code in (403, 404, 405), method
        assert "CSRF" not in answer.text


def test_a_form_of_a_stranger_is_refused_before_it_is_looked_at(app: Flask) -> None:
    assert Visitor(app, "customer-1").post(f"{ADMIN}/webhooks/do/replay").status_code == 403


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    "answer", ["yes", 1, None, [True], object()], ids=["text", "one", "none", "list", "object"]
)
def test_only_true_makes_an_operator(app: Flask, auth: HostAuth, answer: object) -> None:
    auth.operator_loader = lambda user: answer  # type: ignore[assignment, return-value]
    assert Visitor(app, "operator-1").get(ADMIN).status_code == 403


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", ["current_user", "is_operator", "owner_scope", "actor"])
def test_an_adapter_that_fails_keeps_the_office_closed(
    app: Flask, auth: HostAuth, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("the directory is down")

    monkeypatch.setattr(auth, name, fail)
    answer = Visitor(app, "operator-1").get(f"{ADMIN}/customers")
    assert answer.status_code == 403
    assert "directory" not in answer.text


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("scope", ["Organization", [("Organization",)], [7], 7])
def test_a_scope_that_makes_no_sense_keeps_the_office_closed(
    app: Flask, auth: HostAuth, scope: object
) -> None:
    auth.scopes["operator-1"] = scope
    assert Visitor(app, "operator-1").get(f"{ADMIN}/customers").status_code == 403


def test_an_operator_who_is_no_longer_one_is_out_at_the_next_request(
    app: Flask, auth: HostAuth, operator: Visitor
) -> None:
    assert operator.get(ADMIN).status_code == 200
    auth.operator_loader = lambda user: False
    assert operator.get(ADMIN).status_code == 403


def test_the_office_can_be_moved_or_switched_off(make_host: MakeHost) -> None:
    moved, _ = make_host(ACCRUE_ADMIN_PATH="/office")
    assert Visitor(moved).get("/office").status_code == 403
    assert Visitor(moved).get(ADMIN).status_code == 404
    off, _ = make_host(ACCRUE_ADMIN_PATH=False, ACCRUE_PORTAL_PATH=False)
    assert Visitor(off).get(ADMIN).status_code == 404
    assert not {"accrue_admin", "accrue_portal"} & set(off.blueprints)


# -- headers ---------------------------------------------------------------------------------------


def test_every_page_comes_with_strict_headers(operator: Visitor, app: Flask) -> None:
    nobody = Visitor(app)
    paths = [*PAGES, f"{ADMIN}/customers?cursor=bad"]
    for visitor, path in itertools.product((operator, nobody), paths):
        headers = visitor.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_each_page_has_a_nonce_of_its_own(operator: Visitor) -> None:
    nonces = set()
    for _ in range(3):
        answer = operator.get(ADMIN)
        nonce = re.search(r"style-src 'nonce-([\w-]+)'", answer.headers["Content-Security-Policy"])
        assert nonce is not None
        assert f'nonce="{nonce.group(1)}"' in answer.text
        nonces.add(nonce.group(1))
    assert len(nonces) == 3


def test_the_hosts_own_pages_keep_their_own_headers(app: Flask) -> None:
    assert "Content-Security-Policy" not in Visitor(app).get("/log-in").headers


def test_the_stylesheet_comes_from_the_same_address(app: Flask, operator: Visitor) -> None:
    page = operator.get(ADMIN).text
    sources = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert all(source.startswith(("/", "#")) for source in sources)
    for source in sources:
        if source.startswith("/billing/static/"):
            answer = Visitor(app).get(source.partition("#")[0])
            assert answer.status_code == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_host_replaces_a_page_by_one_of_the_same_name(
    app: Flask, operator: Visitor, tmp_path: Any
) -> None:
    folder = tmp_path / "accrue" / "admin"
    folder.mkdir(parents=True)
    (folder / "dashboard.html").write_text("{{ 'our own' }} {{ operator }}")
    app.jinja_loader.searchpath.insert(0, str(tmp_path))  # type: ignore[union-attr]
    assert operator.get(ADMIN).text == "our own operator-1@host.example"


# -- what may be shown at all ----------------------------------------------------------------------


def a_resource(**changes: Any) -> Resource[Any]:
    columns: tuple[Column[Any], ...] = (Column(label="Id", cell=lambda row: str(row.id)),)
    return Resource(
        **{
            "name": "invoices",
            "title": "Invoices",
            "singular": "invoice",
            "group": "Billing",
            "icon": "invoices",
            "model": Invoice,
            "scope": Scope.BY_CUSTOMER,
            "moment": Invoice.created,
            "columns": columns,
        }
        | changes
    )


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    "changes",
    [
        {"scope": Scope.SHARED},
        {"scope": Scope.CUSTOMER},
        {"scope": None},
        {"scope": "by_customer"},
        {"model": Product, "scope": Scope.BY_CUSTOMER, "moment": Product.created},
        {"model": Customer, "scope": Scope.SHARED, "moment": Customer.created},
    ],
)
def test_a_resource_whose_scope_does_not_fit_is_refused_at_the_start(
    app: Flask, changes: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="'Invoices': its scope is"):
        admin_blueprint(app.extensions["accrue"], [a_resource(**changes)])


def test_a_resource_without_a_scope_can_not_even_be_declared() -> None:
    with pytest.raises(TypeError, match="scope"):
        Table(title="Invoices", model=Invoice, columns=(), moment=None)  # type: ignore[call-arg]


def test_a_tab_whose_scope_does_not_fit_is_refused_too(app: Flask) -> None:
    customers = next(each for each in RESOURCES if each.name == "customers")
    assert customers.detail is not None
    leak = RelatedTab[Any](
        name="leak",
        label="Leak",
        table=Table(
            title="Leak", model=Invoice, scope=Scope.SHARED, columns=(), moment=Invoice.created
        ),
        where=lambda row: Invoice.customer_id == row.id,
    )
    leaking = replace(customers, detail=replace(customers.detail, tabs=(leak,)))
    with pytest.raises(ConfigError, match="'Leak'"):
        admin_blueprint(app.extensions["accrue"], [leaking])


def test_two_apps_have_offices_of_their_own(make_host: MakeHost, operator: Visitor) -> None:
    moved, _ = make_host(ACCRUE_ADMIN_PATH="/office")
    assert Visitor(moved).get("/office").status_code == 403
    assert operator.get(ADMIN).status_code == 200
    assert operator.get("/office").status_code == 404
