"""What a platform has with its accounts, and what is in one of those, compared with what is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, connect, models
from flask_accrue.errors import AuthenticationError, InvalidRequest, InvalidState
from flask_accrue.ledger import verify
from flask_accrue.sync import Difference, sync_account
from flask_accrue.sync.report import Listener
from tests.host import Organization
from tests.processors.stripe.situations import coupon
from tests.processors.stripe.stripe_bodies import (
    account as connected_account,
)
from tests.processors.stripe.stripe_bodies import (
    item,
    listed,
    sample,
    subscription,
    transfer,
)

if TYPE_CHECKING:
    from tests.sync.account import Account

LET_GO = {
    "error": {
        "code": "account_invalid",
        "type": "invalid_request_error",
        "message": "The provided key does not have access to account 'acct_1'.",
    }
}
NO_PLATFORM = {
    "error": {
        "type": "invalid_request_error",
        "message": "Only Stripe Connect platforms can work with other accounts.",
    }
}


@pytest.fixture
def platform(account: Account) -> Account:
    """Give a platform with a connected account, both here as they are at Stripe, and a transfer to it."""
    account.own(1)
    account.prime_rest()
    account.prime(1)
    account.sync()
    return account


@pytest.fixture
def there(platform: Account) -> models.Customer:
    """Give a customer in the account, who has a subscription there that nobody here has heard of."""
    owner = platform.db.session.get(Organization, 1)
    with connect.account("acct_1"):
        customer = billing.customer(owner)
    held = {"items": listed(item("si_there")), "latest_invoice": None}
    made = subscription(id="sub_there", customer=customer.processor_id, **held)
    platform.server.prime(made, "acct_1")
    platform.server.prime(made["items"]["data"][0]["price"] | {"object": "price"}, "acct_1")
    platform.server.prime(coupon(), "acct_1")
    return customer


def prices() -> sa.Select[tuple[models.Price]]:
    return sa.select(models.Price).where(models.Price.processor_id == "price_pro")


def entries(account: Account, kind: str) -> list[str]:
    entry = models.LedgerEntry
    found = account.db.select(entry.type).filter_by(subject_type=kind).order_by(entry.id)
    return list(account.db.session.scalars(found))


# -- accounts and transfers ------------------------------------------------------------------------


def test_accounts_and_the_transfers_to_them_come_here_and_a_second_run_changes_nothing(
    platform: Account,
) -> None:
    row = platform.find(models.ConnectAccount, "acct_1")
    moved = platform.find(models.Transfer, "tr_1")
    assert (row.is_connected, row.owner_id, moved.destination) == (True, None, row)
    assert entries(platform, "connect_account") == ["connect_account.created"]
    assert entries(platform, "transfer") == ["transfer.created"]

    again = platform.sync("accounts", "transfers")

    assert again.counts == {
        "connect_account": {"seen": 1, "unchanged": 1},
        "transfer": {"seen": 1, "unchanged": 1},
    }
    assert verify().findings == []


def test_a_transfer_to_nobody_who_is_here_is_left_out(account: Account) -> None:
    account.server.prime(transfer())

    report = account.sync("transfers")

    assert report.counts == {"transfer": {"seen": 1, "unlinked": 1}}
    assert account.count(models.Transfer) == 0


@pytest.mark.parametrize("how", ["deleted", "let go"])
def test_an_account_that_is_gone_is_told_and_ends_here_only_when_repaired(
    platform: Account, how: str
) -> None:
    platform.delete("account", "acct_1")
    if how == "let go":
        platform.server.queue_answer(403, LET_GO, path="^/v1/accounts/acct_1$", times=3)

    assert platform.sync("accounts").counts == {"connect_account": {"gone": 1}}
    assert platform.find(models.ConnectAccount, "acct_1").is_connected
    assert platform.sync("accounts", dry_run=True).total("gone") == 1

    platform.sync("accounts", repair=True)

    assert not platform.find(models.ConnectAccount, "acct_1").is_connected
    assert entries(platform, "connect_account")[1:] == ["connect_account.deauthorized"]
    assert platform.sync("accounts").is_clean
    assert verify().findings == []


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("status", [400, 403], ids=["no platform", "a key without the right"])
def test_whoever_may_not_ask_for_accounts_has_everything_else(
    account: Account, status: int
) -> None:
    account.own(1)
    account.prime_rest()
    account.prime(1)
    account.server.queue_answer(status, NO_PLATFORM, path="^/v1/(accounts|transfers)$", times=3)

    report = account.sync()

    assert report.counts["customer"] == {"seen": 1, "created": 1}
    assert account.count(models.ConnectAccount) == 0
    with pytest.raises((InvalidRequest, AuthenticationError)):
        account.sync("accounts")


# -- what is in an account -------------------------------------------------------------------------


def test_what_is_in_an_account_comes_here_as_the_accounts(
    platform: Account, there: models.Customer
) -> None:
    before = len(platform.server.requests)

    report = platform.sync(account="acct_1")

    asked = platform.server.requests[before:]
    assert {each.account for each in asked} == {"acct_1"}
    held = platform.find(models.Subscription, "sub_there")
    assert held.customer_id == there.id
    assert platform.find(models.Coupon, "TEN").account == "acct_1"
    assert report.counts["subscription"] == {"seen": 1, "created": 1}
    assert not {"connect_account", "transfer"} & report.counts.keys()
    [price] = [each for each in platform.db.session.scalars(prices()) if each.account is not None]
    assert [each.price for each in held.items] == [price]
    assert platform.sync(account="acct_1").is_clean
    assert verify().findings == []


def test_each_run_ends_only_what_is_gone_where_it_looks(
    platform: Account, there: models.Customer
) -> None:
    platform.server.prime(coupon())
    for where in (None, "acct_1"):
        platform.sync(account=where)
    here, theirs = sorted(
        platform.db.session.scalars(platform.db.select(models.Coupon)),
        key=lambda each: each.account_key,
    )
    platform.delete("coupon", "TEN", "acct_1")

    assert platform.sync(repair=True).is_clean
    assert platform.sync(account="acct_1", repair=True).total("gone") == 1

    assert (here.account, here.deleted_at) == (None, None)
    assert (theirs.account, theirs.deleted_at is None) == ("acct_1", False)
    assert not there.is_deleted


def test_a_customer_whom_an_account_made_itself_stays_nobodys(
    platform: Account, there: models.Customer
) -> None:
    named = {"accrue_owner": "Organization:1"}
    own = sample("customer", id="cus_own", email="owner1@host.example", metadata=named)
    platform.server.prime(own, "acct_1")

    platform.sync("customers", account="acct_1", link_by_email=True)

    assert {each.processor_id: each.reason for each in platform.unlinked} == {
        "cus_own": "it wasn't made here, and is a connected account's"
    }


def test_a_block_says_the_account_and_a_run_of_it_is_gone_on_with_alone(
    platform: Account, there: models.Customer
) -> None:
    def end(_: Difference) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sync_account(["subscriptions"], account="acct_1", listener=Listener(end))

    assert not platform.sync("subscriptions").resumed
    with connect.account("acct_1"):
        assert platform.sync("subscriptions").resumed
        with pytest.raises(InvalidState) as refused:
            platform.sync(account="acct_2")
    assert refused.value.code == "other_account"
    assert platform.find(models.Subscription, "sub_there") is not None


def test_an_account_that_cannot_be_gone_through_is_refused(platform: Account) -> None:
    with pytest.raises(InvalidRequest, match="There is no account acct_2 here"):
        platform.sync(account="acct_2")
    with pytest.raises(InvalidRequest, match="The transfers are the platform's own"):
        platform.sync("customers", "transfers", account="acct_1")
    platform.delete("account", "acct_1")
    platform.sync("accounts", repair=True)
    with pytest.raises(InvalidState) as refused:
        platform.sync(account="acct_1")
    assert refused.value.code == "account_disconnected"


def test_an_account_that_is_fetched_by_itself_and_has_let_go_is_gone(platform: Account) -> None:
    platform.server.prime(connected_account(email="new@example.com"))
    row = platform.find(models.ConnectAccount, "acct_1")
    assert billing.sync(row).email == "new@example.com"
    platform.server.queue_answer(403, LET_GO, path="^/v1/accounts/acct_1$")

    assert billing.sync(row) is None

    assert not row.is_connected
