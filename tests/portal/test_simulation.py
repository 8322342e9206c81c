"""The simulated processor's cards and buttons, which nobody may meet who runs a host in earnest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, session
from flask_sqlalchemy import SQLAlchemy

from flask_accrue import Accrue, ActionRequired, Money, billing
from tests.databases import compile_once
from tests.host import Base, Organization
from tests.visitors import Visitor, forms, give_log_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def visitor(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Visitor, Organization]]:
    """Give somebody who pays, in a host with the settings of the test's parameter."""
    app = Flask("host", instance_path=str(tmp_path))
    config = {"SECRET_KEY": "a secret of the tests", "SQLALCHEMY_DATABASE_URI": database_url}
    app.config.update(config | request.param)
    db, accrue = SQLAlchemy(app, model_class=Base), Accrue(app)
    give_log_in(app)

    @accrue.owner_loader
    def owner() -> Organization | None:
        return db.session.get(Organization, int(session["_user_id"]))

    with app.app_context():
        compile_once(db.engine)
        Base.metadata.create_all(db.engine)
        organization = Organization(name="Acme", email=None)
        db.session.add(organization)
        db.session.commit()
        yield Visitor(app, str(organization.id)), organization
        db.session.remove()
        db.engine.dispose()


def configs(*shown: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("visitor", shown, indirect=True, ids=str)


in_earnest = configs({})
at_home = configs({"DEBUG": True}, {"TESTING": True}, {"ACCRUE_PROCESSOR": "fake"})


@in_earnest
def test_in_earnest_nobody_adds_a_test_card(visitor: tuple[Visitor, Organization]) -> None:
    payer, org = visitor
    billing.customer(org)
    page = payer.get("/billing/cards/fake/new")
    assert page.status_code == 200
    assert "tok_visa" not in page.text
    assert "can&#39;t be added on this page yet" in page.text
    forged = {"payment_method": "tok_visa", "csrf_token": token_of(payer, org)}
    assert payer.post("/billing/cards/fake/new", forged).status_code == 404
    assert billing.list_payment_methods(org) == []


@in_earnest
def test_in_earnest_a_checkout_takes_no_test_card(visitor: tuple[Visitor, Organization]) -> None:
    payer, org = visitor
    checkout = billing.create_checkout_session(
        org, mode="setup", currency="usd", success_url="/welcome"
    )
    assert "tok_visa" not in payer.get(checkout.url or "").text
    answer = payer.submit(checkout.url or "", payment_method="tok_visa")
    assert answer.status_code == 404
    assert billing.list_payment_methods(org) == []


@in_earnest
def test_in_earnest_nobody_plays_the_bank(visitor: tuple[Visitor, Organization]) -> None:
    payer, org = visitor
    url = waiting_payment(org)
    page = payer.get(url)
    assert page.status_code == 200
    assert "Fail authentication" not in page.text
    assert "<form" not in page.text
    forged = {"csrf_token": token_of(payer, org)}
    assert payer.post(url, forged).status_code == 404
    assert payer.post(url, {**forged, "do": "fail"}).status_code == 404
    assert not any(each.is_succeeded for each in billing.list_charges(org))


@at_home
def test_at_home_the_test_bank_has_its_cards_and_buttons(
    visitor: tuple[Visitor, Organization],
) -> None:
    payer, org = visitor
    billing.customer(org)
    added = payer.submit("/billing/cards/fake/new", payment_method="tok_visa")
    assert added.status_code == 303
    assert [each.brand for each in billing.list_payment_methods(org)] == ["visa"]
    url = waiting_payment(org)
    assert "Fail authentication" in payer.get(url).text
    assert payer.submit(url).status_code == 303
    assert [each.is_succeeded for each in billing.list_charges(org)] == [True]


def waiting_payment(org: Organization) -> str:
    """Return the page of a payment that the bank wants confirmed."""
    card = billing.add_payment_method(org, "tok_authenticationRequired")
    with pytest.raises(ActionRequired) as raised:
        billing.charge(org, Money(500, "usd"), payment_method=card)
    return raised.value.url or ""


def token_of(payer: Visitor, org: Organization) -> str:
    """Return the token of the visitor's forms."""
    link = billing.create_billing_portal_session(org, "/", flow="customer_update")
    return forms(payer.get(link.url).text)[0][1]["csrf_token"]
