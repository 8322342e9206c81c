from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import billing, connect, models
from flask_accrue.money import Money
from flask_accrue.state import current_state
from tests.host import kit, org, running_host

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["kit", "org"]


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Give the host with the Fake, where the price ``price_pro`` opens the reports."""
    plans = {"plans": {"pro": {"prices": ["price_pro"], "features": ["reports"]}}}
    with running_host(database_url, ACCRUE_ENTITLEMENTS=plans) as (app, _, _):
        yield app


@pytest.fixture
def account(kit: Kit) -> models.ConnectAccount:
    """Give a connected account that can charge and be paid, all its events delivered."""
    made = connect.create_account(type="express", country="AT", email="ada@example.com")
    kit.fake.complete_account(made.processor_id)
    kit.deliver()
    return made


@pytest.fixture
def payer(kit: Kit, org: Organization) -> Organization:
    """Give an organization with a card that pays."""
    billing.add_payment_method(org, "pm_card_visa")
    kit.deliver()
    return org


@pytest.fixture
def shop(kit, account):
    """Give the Fake as the account has it, with a price of its own."""
    theirs = kit.fake.of_account(account.processor_id)
    theirs.create_product("Lessons", id="prod_lessons")
    theirs.create_price("prod_lessons", Money(900, "usd"), id="price_pro")
    return theirs


@pytest.fixture
def there(org, account, shop):
    """Give the customer that the organization is in the account, with a card."""
    with connect.account(account.processor_id):
        customer = billing.customer(org)
    billing.add_payment_method(customer, "pm_card_visa")
    return customer


def rows(model: type[t.Any]) -> list[t.Any]:
    session = current_state().db.session
    session.rollback()
    return list(session.scalars(sa.select(model).execution_options(populate_existing=True)))


def entries(subject_type: str) -> list[str]:
    """Return the types of the ledger's entries about a kind of thing, in order."""
    found = models.LedgerEntry
    statement = sa.select(found.type).where(found.subject_type == subject_type).order_by(found.id)
    return list(current_state().db.session.scalars(statement))
