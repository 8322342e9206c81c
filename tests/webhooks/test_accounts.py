"""What Stripe tells of connected accounts, in the shapes of old and current versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, connect, models, signals
from flask_accrue.processors.stripe import versions
from tests.host import Organization
from tests.processors.stripe.stripe_bodies import (
    START,
    account,
    dispute,
    invoice,
    listed,
    transfer,
    without,
)
from tests.webhooks.told import LATER, Told, charge, customer, invoice_payment, refund, told

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

__all__ = ["told"]

Json = dict[str, Any]

#: Versions that bodies come in, from the oldest that is read on.
VERSIONS = ["2020-03-02", "2020-08-27", "2022-11-15", "2024-06-20", versions.PINNED]


@pytest.fixture
def row(told: Told, stripe_server: ContractServer) -> models.ConnectAccount:
    """Give an account that was connected elsewhere and is ours since, before anything is told of it."""
    stripe_server.clock.set(START)
    stripe_server.prime(account())
    found = connect.fetch_account("acct_1", processor="stripe")
    stripe_server.clock.set(LATER + 86_400)
    return found


def shaped(body: Json, version: str) -> Json:
    """Return an account as a version wrote it."""
    if version < "2022":
        return without({**body, "type": "express"}, "controller", "future_requirements")
    if version < "2024-03":
        return {**body, "type": "express", "controller": {"type": "application"}}
    return body


@pytest.mark.parametrize("version", VERSIONS)
def test_an_account_is_written_as_any_version_tells_it(
    told: Told, row: models.ConnectAccount, stripe_server: ContractServer, version: str
) -> None:
    asked = len(stripe_server.requests)
    told_since = account(
        payouts_enabled=True,
        capabilities={"card_payments": "active", "transfers": "active"},
        requirements={"currently_due": [], "past_due": [], "disabled_reason": None},
    )

    event = told.tell(
        "account.updated", shaped(told_since, version), api_version=version, account="acct_1"
    )

    told.db.session.refresh(row)
    assert (event.state, event.outcome) == ("succeeded", "applied")
    assert (row.is_ready, row.dashboard, row.currently_due) == (True, "express", [])
    assert row.has("transfers")
    assert len(stripe_server.requests) == asked


def test_what_an_account_lost_wakes_somebody(told: Told, row: models.ConnectAccount) -> None:
    heard: list[str] = []

    def hear(sender: Any, row: models.ConnectAccount, change: Any) -> None:
        heard.append(row.processor_id)

    with signals.connect_capability_lost.connected_to(hear):
        lost = account(capabilities={"card_payments": "inactive", "transfers": "pending"})
        told.tell("account.updated", lost, api_version="2020-08-27", account="acct_1")

    assert heard == ["acct_1"]


@pytest.mark.parametrize(
    ("type", "body"),
    [
        ("capability.updated", {"id": "transfers", "object": "capability", "account": "acct_1"}),
        ("person.updated", {"id": "person_1", "object": "person", "account": "acct_1"}),
    ],
)
def test_what_tells_of_a_part_of_an_account_has_it_fetched(
    told: Told, row: models.ConnectAccount, stripe_server: ContractServer, type: str, body: Json
) -> None:
    stripe_server.prime(account(capabilities={"transfers": "active"}))
    asked = len(stripe_server.requests)

    event = told.tell(type, body, api_version="2020-08-27", account="acct_1")

    told.db.session.refresh(row)
    assert event.outcome == "fetched"
    assert row.capabilities == {"transfers": "active"}
    assert [each.path for each in stripe_server.requests[asked:]] == ["/v1/accounts/acct_1"]


def test_an_account_that_let_go_is_connected_no_more_though_nobody_can_look(
    told: Told, row: models.ConnectAccount, stripe_server: ContractServer
) -> None:
    stripe_server.queue_answer(403, path="^/v1/accounts/")
    application = {"id": "ca_1", "object": "application", "name": "Ours"}

    event = told.tell(
        "account.application.deauthorized", application, api_version="2020-08-27", account="acct_1"
    )

    told.db.session.refresh(row)
    assert event.outcome == "applied"
    assert not row.is_connected


@pytest.mark.parametrize("version", VERSIONS)
def test_a_transfer_is_written_as_any_version_tells_it(
    told: Told, row: models.ConnectAccount, stripe_server: ContractServer, version: str
) -> None:
    asked = len(stripe_server.requests)
    made = transfer()
    if version < "2022":
        made |= {"reversals": listed(), "source_type": "card", "type": "stripe_account"}
    told.tell("transfer.created", made, api_version=version)
    event = told.tell(
        "transfer.reversed",
        {**made, "amount_reversed": 1000, "reversed": True},
        api_version=version,
    )

    [found] = told.db.session.scalars(sa.select(models.Transfer))
    assert event.outcome == "applied"
    assert (found.amount, found.is_reversed, found.destination) == (1000, True, row)
    assert len(stripe_server.requests) == asked


@pytest.mark.parametrize("version", VERSIONS)
def test_a_charge_tells_what_it_has_shared_in_any_version(
    told: Told, row: models.ConnectAccount, version: str
) -> None:
    told.tell("customer.created", customer())
    told.tell("transfer.created", transfer(), api_version=version)
    shared = charge(
        transfer="tr_1",
        transfer_data={"destination": "acct_1", "amount": None},
        destination="acct_1",
        application_fee="fee_1",
        application_fee_amount=178,
    )

    told.tell("charge.succeeded", shared, api_version=version)
    # Later bodies may leave it out, which never erases what was known.
    told.tell("charge.updated", without(shared, "transfer"), api_version=version)

    [found] = told.db.session.scalars(sa.select(models.Charge))
    assert (found.application_fee, found.transfer_processor_id) == (178, "tr_1")
    assert found.transfer is not None
    assert found.transfer.destination == row


def test_news_of_an_account_that_isnt_here_are_ignored_with_the_reason(
    told: Told, stripe_server: ContractServer
) -> None:
    event = told.tell("account.updated", account(id="acct_2"), account="acct_2")

    assert (event.state, event.outcome) == ("succeeded", "ignored")
    assert event.is_ignored
    assert event.reason == "the account acct_2 isn't connected here"
    assert told.count() == {}
    assert stripe_server.requests == []


@pytest.mark.parametrize(
    ("type", "body", "parent"),
    [
        ("refund.created", refund(), charge()),
        ("charge.dispute.created", dispute(), charge()),
        ("invoice_payment.paid", invoice_payment(), invoice()),
    ],
    ids=["refund", "dispute", "invoice payment"],
)
def test_whose_something_is_that_doesnt_say_so_is_asked_for_in_its_account(
    told: Told,
    row: models.ConnectAccount,
    stripe_server: ContractServer,
    type: str,
    body: Json,
    parent: Json,
) -> None:
    with connect.account("acct_1"):
        payer = billing.customer(told.db.session.get_one(Organization, 1), "stripe")
    # On the platform there is nothing of that id.
    stripe_server.prime({**parent, "customer": payer.processor_id}, account="acct_1")
    stripe_server.prime(body, account="acct_1")

    event = told.tell(type, body, account="acct_1")

    assert (event.state, event.outcome) == ("succeeded", "applied")
    assert event.customer_id == payer.id
    [found] = told.db.session.scalars(sa.select(models.MIRRORED[body["object"]]))
    assert (found.processor_id, found.customer_id) == (body["id"], payer.id)


@pytest.mark.parametrize(
    ("type", "body"),
    [
        ("account.updated", account(payouts_enabled=True)),
        ("capability.updated", {"id": "transfers", "object": "capability", "account": "acct_1"}),
    ],
)
def test_an_account_tells_nothing_of_another(
    told: Told, row: models.ConnectAccount, stripe_server: ContractServer, type: str, body: Json
) -> None:
    stripe_server.prime(account(id="acct_2"))
    connect.fetch_account("acct_2", processor="stripe")
    stripe_server.prime(account(payouts_enabled=True))
    asked = len(stripe_server.requests)

    event = told.tell(type, body, account="acct_2")

    told.db.session.refresh(row)
    assert (event.state, event.outcome) == ("succeeded", "ignored")
    assert event.reason == "the event is of another account than it's about"
    assert not row.payouts_enabled
    assert len(stripe_server.requests) == asked
