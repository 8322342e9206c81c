from __future__ import annotations

import datetime
import inspect
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.processors import Processor
from tests.beginnings import begin
from tests.host import kit, org, running_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from flask_accrue.testing import Kit
    from tests.host import Organization

__all__ = ["kit", "org"]

_LOCAL = {"can", "require", "of_account", "verify_webhook", "read_event", "read_envelope"}
#: These tell what a raw object says.
_READING = {"default_payment_method_of", "is_simulated"}
#: What of the contract is a call over the network.
REMOTE = [
    name
    for name, member in inspect.getmembers(Processor, inspect.isfunction)
    if not name.startswith("_") and name not in _LOCAL | _READING
]


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """Give the host with the Fake, where the price ``price_pro`` is the plan ``pro``."""
    plans = {"plans": {"pro": {"prices": ["price_pro"]}}}
    with running_host(database_url, ACCRUE_ENTITLEMENTS=plans) as (app, _, _):
        yield app


@pytest.fixture
def calls(request: pytest.FixtureRequest, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names of the calls to the processor, and refuse one made inside a transaction.

    What the test begins with isn't among them.
    """
    for beginning in ("payer", "subscription"):
        if beginning in request.fixturenames:
            request.getfixturevalue(beginning)
    made: list[str] = []

    def spied(name: str) -> Any:
        method = getattr(kit.fake, name)

        def call(*args: Any, **options: Any) -> Any:
            made.append(name)
            session = kit.state.db.session()
            assert not session.in_transaction(), f"{name} was called inside a transaction"
            return method(*args, **options)

        return call

    for name in REMOTE:
        monkeypatch.setattr(kit.fake, name, spied(name))
    return made


@pytest.fixture
def payer(kit: Kit, org: Organization) -> Organization:
    """Give an organization with a card that pays."""

    def reach() -> None:
        billing.add_payment_method(org, "pm_card_visa")
        kit.deliver()

    begin(kit, "a card that pays", reach)
    return org


@pytest.fixture
def subscription(kit: Kit, payer: Organization) -> models.Subscription:
    """Give an active subscription to the price ``price_pro``, all its events delivered."""

    def reach() -> None:
        billing.subscribe(payer, "price_pro")
        kit.deliver()

    begin(kit, "an active subscription", reach)
    return kit.state.db.session.scalars(sa.select(models.Subscription)).one()


@pytest.fixture
def age_operations(kit: Kit) -> Any:
    """Give what makes operations as old as a span of real time would, their leases run out."""

    def age(by: datetime.timedelta = datetime.timedelta(minutes=3)) -> None:
        kit.fake.age_idempotency_keys(by)
        session = kit.state.db.session
        for row in session.scalars(sa.select(models.Operation)):
            row.sent_at = row.sent_at and row.sent_at - by
            row.leased_until = row.leased_until and row.leased_until - by
        session.commit()

    return age
