"""Forms that were open for longer than an hour, which do nothing, and say so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from itsdangerous import TimestampSigner

from flask_accrue import ActionRequired, Money, billing, models
from tests.portal.test_overview import link_for, paid
from tests.portal.test_payments import subscription_of, text_of
from tests.visitors import Visitor, forms

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["paid"]


def details(kit: Kit, org: Organization) -> str:
    return link_for(org, flow="customer_update")


def plan(kit: Kit, org: Organization) -> str:
    kit.price("price_team", 4900, interval="month")
    about: dict[str, Any] = {"subscription": subscription_of(kit, org), "prices": ["price_team"]}
    return f"{link_for(org, flow='subscription_update', **about)}?price=price_team"


def checkout(kit: Kit, org: Organization) -> str:
    wanted: dict[str, Any] = {"name": "second", "success_url": "/welcome"}
    return billing.create_checkout_session(org, "price_pro", **wanted).url or ""


def payment(kit: Kit, org: Organization) -> str:
    card = billing.add_payment_method(org, "tok_authenticationRequired")
    with pytest.raises(ActionRequired) as required:
        billing.charge(org, Money(500, "usd"), payment_method=card)
    return required.value.url or ""


def operations_of(kit: Kit) -> set[str]:
    """Return the ids of what was begun by forms."""
    ids = kit.state.db.session.scalars(sa.select(models.Operation.id))
    return {id for id in ids if id.startswith("portal:")}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("page", [details, plan, checkout, payment])
def test_a_form_can_be_sent_for_an_hour(
    kit: Kit, payer: Visitor, paid: Organization, monkeypatch: pytest.MonkeyPatch, page: Any
) -> None:
    # For how long forms can be sent isn't the host's to say, whose own may be good for ever.
    kit.app.config["WTF_CSRF_TIME_LIMIT"] = None
    url = page(kit, paid)
    before = operations_of(kit)
    for age in (3605, 3590):
        action, fields = forms(payer.get(url).text)[0]
        with monkeypatch.context() as then:
            now = int(time.time()) + age
            then.setattr(TimestampSigner, "get_timestamp", lambda self, now=now: now)
            assert payer.post(action, fields).status_code == 303
            said = text_of(payer.get(url).text)
        # What is signed later than now is refused, the visitor's cookie too.
        payer.log_in(str(paid.id))
        kit.state.db.session.rollback()
        assert bool(operations_of(kit) - before) == (age < 3600)
        assert ("This page was open for too long." in said) == (age > 3600)
