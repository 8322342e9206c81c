"""The fees of Stripe's charges: a few are fetched, and many are found in lists."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue import billing, connect, models
from flask_accrue.state import current_state
from flask_accrue.sync import reconcile_fees
from tests.processors.stripe.stripe_bodies import Json, sample
from tests.processors.stripe.stripe_host import org, payer, rows

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org", "payer"]


def charged(
    server: ContractServer, customer: str, number: int, account: str | None = None, **changes: t.Any
) -> Json:
    """Put a charge with what it cost into the server, and return its body."""
    cost = sample("balance_transaction", id=f"txn_{number}", fee=59, net=941, currency="usd")
    server.prime(cost, account)
    paid = {"amount": 1000, "amount_captured": 1000, "captured": True, "status": "succeeded"}
    body = sample("charge", id=f"ch_{number:03}", customer=customer, **paid)
    body |= {"balance_transaction": f"txn_{number}", "currency": "usd", "payment_intent": None}
    server.prime(body | changes, account)
    return body | changes


def row(customer: models.Customer, number: int, since: datetime.datetime) -> models.Charge:
    """Return its row, as nobody has told what it cost."""
    return models.Charge(
        processor="stripe",
        processor_id=f"ch_{number:03}",
        customer_id=customer.id,
        status="succeeded",
        amount=1000,
        amount_captured=1000,
        currency="usd",
        created=since + datetime.timedelta(seconds=number),
        fresh_from=since,
        fresh_to=since,
    )


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(("count", "asked"), [(3, 3), (150, 2)])
def test_stripe_is_asked_for_a_few_one_by_one_and_for_many_by_the_page(
    payer: models.Customer,
    stripe_server: ContractServer,
    count: int,
    asked: int,
) -> None:
    session = current_state().db.session
    now = int(stripe_server.clock.now())
    yesterday = datetime.datetime.fromtimestamp(now - 86_400, datetime.UTC)
    for number in range(count):
        charged(stripe_server, payer.processor_id, number, created=now - 86_400 + number)
        session.add(row(payer, number, yesterday))
    # Those that came since aren't gone through.
    for number in range(count, count + 250):
        charged(stripe_server, payer.processor_id, number, created=now)
    session.commit()
    before = len(stripe_server.requests)

    assert reconcile_fees() == count

    assert {each.fee for each in rows(models.Charge)} == {59}
    assert len(stripe_server.requests) - before == asked
    assert reconcile_fees() == 0
    assert len(stripe_server.requests) - before == asked


@pytest.mark.only("sqlite")
def test_what_was_charged_in_an_account_is_asked_for_there(
    org: Organization, payer: models.Customer, stripe_server: ContractServer
) -> None:
    stripe_server.prime(sample("account", id="acct_1"))
    connect.fetch_account("acct_1")
    with connect.account("acct_1"):
        there = billing.customer(org)
    session = current_state().db.session
    now = int(stripe_server.clock.now())
    yesterday = datetime.datetime.fromtimestamp(now - 86_400, datetime.UTC)
    for number, (customer, account) in enumerate([(payer, None), (there, "acct_1")]):
        made = {"created": now - 86_400}
        charged(stripe_server, customer.processor_id, number, account, **made)
        session.add(row(customer, number, yesterday))
    session.commit()
    before = len(stripe_server.requests)

    assert reconcile_fees() == 2

    asked = {each.path: each.account for each in stripe_server.requests[before:]}
    assert asked == {"/v1/charges/ch_000": None, "/v1/charges/ch_001": "acct_1"}
