from __future__ import annotations

import logging

import pytest

from flask_accrue import connect, models, signals
from flask_accrue.errors import InvalidRequest, InvalidState, NotFound, ProcessorUnavailable
from tests.connect.conftest import entries, rows


def test_an_account_is_made_and_can_do_nothing_until_it_has_told_all(kit, org):
    made = connect.create_account(
        org,
        type="express",
        country="AT",
        email="ada@example.com",
        business_type="individual",
        business_profile={"name": "Ada's", "url": "https://ada.example"},
        metadata={"team": "7"},
    )

    assert (made.country, made.email, made.dashboard) == ("AT", "ada@example.com", "express")
    assert (made.business_type, made.business_name) == ("individual", "Ada's")
    assert made.capabilities == {"card_payments": "inactive", "transfers": "inactive"}
    assert "external_account" in made.currently_due
    assert "business_profile.url" not in made.currently_due
    assert not made.is_ready
    assert made.meta["team"] == "7"
    assert connect.get_account(org).id == made.id
    assert entries("connect_account") == ["connect_account.created"]

    kit.fake.complete_account(made.processor_id)
    kit.deliver()

    assert made.is_ready
    assert made.has("transfers")
    assert not made.currently_due


def test_a_controller_says_who_is_liable(kit):
    made = connect.create_account(
        controller={"stripe_dashboard": {"type": "none"}, "losses": {"payments": "application"}}
    )

    assert (made.type, made.dashboard) == ("none", "none")


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({}, "type"),
        ({"type": "express", "controller": {}}, "type"),
        ({"type": "premium"}, "type"),
        ({"type": "express", "country": 43}, "country"),
        ({"type": "express", "country": "Austria"}, "country"),
        ({"type": "express", "capabilities": "transfers"}, "capabilities"),
        ({"type": "express", "metadata": {"accrue_owner": "x"}}, "metadata[accrue_owner]"),
    ],
)
def test_an_account_that_cannot_be_is_refused(kit, arguments, param):
    with pytest.raises(InvalidRequest) as refused:
        connect.create_account(**arguments)

    assert refused.value.param == param
    assert rows(models.ConnectAccount) == []


def test_the_same_operation_makes_one_account(kit):
    first = connect.create_account(type="express", operation_id="op-1")
    again = connect.create_account(type="express", operation_id="op-1")

    assert first.id == again.id
    assert len(rows(models.ConnectAccount)) == 1
    assert entries("connect_account") == ["connect_account.created"]


def test_an_account_whose_answer_was_lost_is_found_again(kit):
    kit.fake.fail_next("create_connect_account", "timeout", when="after")
    with pytest.raises(ProcessorUnavailable):
        connect.create_account(type="express", operation_id="op-1")
    kit.fake.age_idempotency_keys(__import__("datetime").timedelta(days=2))

    made = connect.create_account(type="express", operation_id="op-1")

    assert [made.processor_id] == [
        each.processor_id for each in kit.fake.page("connect_account").answer.objects
    ]


def test_an_account_is_changed(kit, account):
    changed = connect.update_account(
        account,
        email="ada@example.org",
        business_profile={"name": "Ada & Co."},
        capabilities={"card_payments": False, "tax_reporting_us_1099_k": True},
        metadata={"team": "8"},
    )

    assert (changed.email, changed.business_name) == ("ada@example.org", "Ada & Co.")
    assert set(changed.capabilities) == {"transfers", "tax_reporting_us_1099_k"}
    assert changed.meta["team"] == "8"
    with pytest.raises(InvalidRequest) as refused:
        connect.update_account(account, country="DE")
    assert refused.value.param == "country"


def test_an_account_that_is_turned_away_can_do_nothing(kit, account):
    rejected = connect.reject_account(account, "terms_of_service")

    assert rejected.disabled_reason == "rejected.terms_of_service"
    assert (rejected.charges_enabled, rejected.payouts_enabled) == (False, False)
    assert entries("connect_account")[-1] == "connect_account.capability_lost"
    with pytest.raises(InvalidRequest, match="reason"):
        connect.reject_account(account, "because")


def test_accounts_are_listed_the_newest_first(kit, org):
    first = connect.create_account(org, type="express")
    kit.advance(minutes=1)
    second = connect.create_account(type="standard")

    assert [each.id for each in connect.list_accounts()] == [second.id, first.id]
    assert [each.id for each in connect.list_accounts(org)] == [first.id]


def test_one_that_was_connected_elsewhere_is_ours_once_it_was_fetched(kit, org):
    other = kit.fake.create_connect_account({"type": "standard"}, key="elsewhere").main
    with pytest.raises(InvalidRequest) as refused:
        connect.login_link(other.processor_id)
    assert refused.value.code == "account_unknown"

    row = connect.fetch_account(other.processor_id, owner=org)

    assert (row.processor_id, row.owner_type) == (other.processor_id, "Organization")
    with pytest.raises(NotFound):
        connect.fetch_account("acct_nobody")


def test_what_an_account_loses_wakes_somebody(kit, account):
    told = []

    def hear(sender, row, change):
        told.append((row.processor_id, change.after["capabilities"]["transfers"]))

    signals.connect_capability_lost.connect(hear)
    kit.fake.require_of_account(account.processor_id, "individual.verification.document")
    kit.deliver()
    signals.connect_capability_lost.disconnect(hear)

    assert told == [(account.processor_id, "inactive")]
    assert account.past_due == ["individual.verification.document"]
    assert "connect_account.capability_lost" in entries("connect_account")


# -- links ---------------------------------------------------------------------------------------------


def test_links_are_handed_on_and_neither_stored_nor_printed(kit, account, caplog):
    caplog.set_level(logging.DEBUG)
    with kit.app.test_request_context("/", base_url="https://shop.example"):
        link = connect.account_link(account, refresh_url="/again", return_url="/back")
        login = connect.login_link(account)

    assert link.url.startswith("https://connect.fake.invalid/setup/")
    assert link.expires_at is not None
    for secret in (link.url, login.url):
        assert secret not in repr(link) + str(link) + repr(login) + caplog.text
        for model in (models.Operation, models.ConnectAccount, models.LedgerEntry):
            for row in rows(model):
                assert secret not in str(vars(row))


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
@pytest.mark.parametrize("name", ["refresh_url", "return_url"])
def test_a_link_leads_back_here_and_nowhere_else(kit, account, name, target):
    urls = {"refresh_url": "/again", "return_url": "/back", name: target}
    with (
        kit.app.test_request_context("/", base_url="https://shop.example"),
        pytest.raises(InvalidRequest) as refused,
    ):
        connect.account_link(account, **urls)

    assert (refused.value.code, refused.value.param) == ("redirect_refused", name)


def test_outside_a_request_a_path_leads_nowhere(kit, account):
    with pytest.raises(InvalidRequest) as refused:
        connect.account_link(account, refresh_url="/again", return_url="/back")

    assert refused.value.code == "address_unknown"


def test_an_account_that_let_go_of_the_platform_is_refused(kit, account):
    kit.fake.deauthorize_account(account.processor_id)
    kit.deliver()

    assert not account.is_connected
    assert entries("connect_account")[-1] == "connect_account.deauthorized"
    assert connect.list_accounts() == []
    assert connect.list_accounts(connected=False) == [account]
    with pytest.raises(InvalidState) as refused:
        connect.login_link(account)
    assert refused.value.code == "account_disconnected"
