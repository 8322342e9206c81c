"""Forms of our pages in a host that protects its own by Flask-WTF, however that is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import session
from flask_wtf import CSRFProtect

from flask_accrue import billing
from tests.host import Organization, running_host
from tests.visitors import Visitor, forms, give_log_in

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

NAMES = ["csrf_token", "_their_token"]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_host_calls_its_token_makes_no_difference(database_url: str, name: str) -> None:
    with running_host(database_url, WTF_CSRF_FIELD_NAME=name) as (app, db, accrue):
        give_log_in(app)
        CSRFProtect(app)

        @accrue.owner_loader
        def owner() -> Organization | None:
            user_id = session.get("_user_id")
            return db.session.get(Organization, int(user_id)) if user_id else None

        with app.app_context():
            organization = Organization(name="Acme", email="billing@acme.example")
            db.session.add(organization)
            db.session.commit()
            billing.customer(organization)
            url = billing.create_billing_portal_session(
                organization, "/settings", flow="customer_update"
            ).url
            visitor = Visitor(app, str(organization.id))

            def said() -> str | None:
                db.session.rollback()
                return billing.customer(organization).name

            action, fields = forms(visitor.get(url).text)[0]
            fields["name"] = "Acme Ltd"
            forged: MultiDict[str, str] = fields.copy()
            forged["csrf_token"] = "x"
            assert visitor.post(action, forged).status_code == 400
            assert said() == "Acme"
            assert visitor.post(action, fields).status_code == 303
            assert said() == "Acme Ltd"
