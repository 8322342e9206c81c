from __future__ import annotations

import threading

import pytest

from flask_accrue import account_scope, billing, connect, entitled, metering, models
from flask_accrue.errors import (
    IdempotencyConflict,
    InvalidRequest,
    InvalidState,
    UnsupportedByProcessor,
)
from flask_accrue.money import Money
from flask_accrue.operations import operation
from flask_accrue.processors import Processor
from flask_accrue.state import current_state
from tests.connect.conftest import rows
from tests.host import Organization

usd = lambda cents: Money(cents, "usd")  # noqa: E731 - a word for a test


def test_what_is_done_in_an_account_s_block_is_done_there(kit, org, account, shop):
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        made = billing.subscribe(org, "price_pro")
        there = billing.get_customer(org)

    assert made.is_active
    assert there.account == account.processor_id
    assert billing.get_customer(org) is None
    ids = [each.processor_id for each in shop.page("customer").answer.objects]
    assert ids == [there.processor_id]
    assert kit.fake.page("customer").answer.objects == ()
    operations = {each.account for each in rows(models.Operation) if each.kind == "subscribe"}
    assert operations == {account.processor_id}


def test_a_row_remembers_its_account_outside_the_block(kit, org, account, shop):
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        made = billing.subscribe(org, "price_pro")
        customer = billing.customer(org)

    assert billing.preview_upcoming_invoice(made).total == 900
    assert billing.update_quantity(made, 2).items[0].quantity == 2
    assert billing.sync(made).id == made.id
    assert billing.sync_customer(customer).id == customer.id
    assert billing.charge(customer, usd(100)).is_succeeded
    assert billing.cancel(made).is_ended


def test_an_owner_is_a_customer_here_and_in_each_account(kit, payer, account, shop):
    here = billing.get_customer(payer)
    with connect.account(account.processor_id):
        there = billing.customer(payer)
        again = billing.customer(payer)

    assert here.id != there.id == again.id
    assert (here.owner_key, there.owner_key) == (
        "Organization:1",
        f"{account.processor_id}/Organization:1",
    )
    # At the processor it's named the same: whose it is, is no secret of the account's.
    assert shop.fetch("customer", there.processor_id).main.metadata["accrue_owner"] == (
        "Organization:1"
    )


def test_another_account_s_customer_is_refused(kit, payer, account, shop):
    here = billing.get_customer(payer)
    with connect.account(account.processor_id):
        there = billing.customer(payer)
        for act in (
            lambda: billing.charge(here, usd(100)),
            lambda: billing.get_customer(here),
            lambda: billing.sync_customer(here),
        ):
            with pytest.raises(InvalidState) as refused:
                act()
            assert refused.value.code == "other_account"
        with connect.account(None):
            assert billing.charge(payer, usd(100)).is_succeeded
            with pytest.raises(InvalidState):
                billing.charge(there, usd(100))
    with pytest.raises(InvalidState) as refused:
        connect.destination_charge(there, usd(100), account)
    assert refused.value.code == "other_account"


def test_what_is_the_platform_s_own_is_refused_in_an_account_s_block(kit, payer, account):
    connect.destination_charge(payer, usd(100), account)
    [moved] = rows(models.Transfer)
    with connect.account(account.processor_id):
        for act in (
            lambda: connect.create_account(type="express"),
            lambda: connect.fetch_account(account),
            lambda: connect.update_account(account, email="x@example.com"),
            lambda: connect.transfer(account, usd(1)),
            lambda: connect.reverse_transfer(moved),
            lambda: connect.destination_charge(payer, usd(1), account),
            lambda: connect.login_link(account),
        ):
            with pytest.raises(InvalidState) as refused:
                act()
            assert refused.value.code == "other_account"


def test_the_same_operation_for_another_account_is_a_conflict(kit, payer, account, shop):
    here = billing.get_customer(payer)
    billing.charge(here, usd(100), operation_id="op-1")
    with connect.account(account.processor_id):
        billing.add_payment_method(payer, "pm_card_visa")
        with pytest.raises(IdempotencyConflict):
            billing.charge(payer, usd(100), operation_id="op-1")


def test_in_one_operation_s_block_each_account_has_operations_of_its_own(kit, payer, account, shop):
    with operation("import:1"):
        billing.update_customer(payer, name="Here")
        with connect.account(account.processor_id):
            billing.update_customer(payer, name="There")

    assert billing.get_customer(payer).name == "Here"
    with connect.account(account.processor_id):
        assert billing.get_customer(payer).name == "There"


def test_a_direct_charge_leaves_the_fee_with_the_platform(kit, org, account, shop):
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        paid = connect.direct_charge(org, usd(10_000), application_fee=usd(500))

    assert paid.is_succeeded
    assert kit.fake.balance() == usd(500)
    assert kit.fake.balance(account=account.processor_id) == usd(10_000 - 320 - 500)
    with pytest.raises(InvalidState) as refused:
        connect.direct_charge(org, usd(100))
    assert refused.value.code == "account_missing"


def test_the_block_is_of_this_thread_alone_and_ends_with_it(kit, account):
    seen = []
    with connect.account(account.processor_id):
        other = threading.Thread(target=lambda: seen.append(connect.current_account()))
        other.start()
        other.join()
        assert connect.current_account() == account.processor_id
        with connect.account(None):
            assert connect.current_account() is None
        assert connect.current_account() == account.processor_id
    with pytest.raises(ZeroDivisionError), connect.account(account.processor_id):
        1 / 0  # noqa: B018 - fails

    assert (seen, connect.current_account()) == ([None], None)


def test_a_request_leaves_no_account_to_the_next_one(app):
    @app.get("/whose")
    def whose():
        return connect.current_account() or "the platform"

    @app.get("/broken")
    def broken():
        with connect.account("acct_1"):
            raise KeyError("broken")

    app.testing = False
    client = app.test_client()
    assert client.get("/broken").status_code == 500
    assert client.get("/whose").text == "the platform"


def test_jobs_act_for_the_account_of_the_row_and_not_for_that_of_the_block(kit, org, account, shop):
    with connect.account(account.processor_id):
        there = billing.customer(org)
        billing.report_usage(org, "api_calls", 3, identifier="there")
    here = billing.customer(org)
    with connect.account("acct_another"):
        # Whatever is due is worked on, also what was stored elsewhere.
        metering.work_on_due()
    billing.report_usage(org, "api_calls", 5, identifier="here")

    assert {each.identifier: each.state for each in rows(models.MeterEvent)} == {
        "there": "reported",
        "here": "reported",
    }
    assert there.processor_id != here.processor_id


def test_a_gate_asks_for_the_platform_or_for_the_account_of_the_block(
    kit, org, account, shop, monkeypatch
):
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        billing.subscribe(org, "price_pro")

        assert entitled(org, "reports")
    assert not entitled(org, "reports")


@pytest.mark.parametrize("name", ["", "acct 1", "acct_1\n", "a/b", "x" * 65, 7.5])
def test_what_cannot_be_an_account_is_refused(name):
    with pytest.raises(InvalidRequest), account_scope.account(name):
        pass


@pytest.mark.only("sqlite")
def test_an_account_of_which_no_news_are_taken_gets_no_customer(kit, org):
    elsewhere = kit.fake.create_connect_account(
        {"type": "express", "country": "AT", "capabilities": []}, key="elsewhere"
    ).main.processor_id
    with connect.account(elsewhere):
        with pytest.raises(InvalidRequest, match=r"connect\.fetch_account") as refused:
            billing.add_payment_method(org, "pm_card_visa")
        assert refused.value.code == "account_unknown"
        assert rows(models.Operation) == []

    connect.fetch_account(elsewhere)
    with connect.account(elsewhere):
        assert billing.customer(org).account == elsewhere


def test_an_account_that_has_let_go_grants_nothing_and_gets_no_customer(kit, org, account, shop):
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        billing.subscribe(org, "price_pro")
        assert entitled(org, "reports")
    kit.fake.deauthorize_account(account.processor_id)
    kit.deliver()

    other = Organization(name="Globex")
    kit.state.db.session.add(other)
    kit.state.db.session.commit()
    with connect.account(account.processor_id):
        assert not entitled(org, "reports")
        with pytest.raises(InvalidState) as refused:
            billing.customer(other)
    assert refused.value.code == "account_disconnected"


@pytest.mark.only("sqlite")
def test_what_was_made_in_an_account_is_repeated_when_that_has_let_go(kit, org, account, shop):
    def customer():
        with connect.account(account.processor_id):
            return billing.create_customer(org, operation_id="customer")

    def coupon(operation_id="coupon"):
        with connect.account(account.processor_id):
            return billing.create_coupon(percent_off=20, operation_id=operation_id)

    made = customer(), coupon()
    kit.fake.deauthorize_account(account.processor_id)
    kit.deliver()

    assert (customer(), coupon()) == made
    with pytest.raises(InvalidState) as refused:
        coupon("another")
    assert refused.value.code == "account_disconnected"
    assert {each.id for each in rows(models.Operation)} >= {"customer", "coupon"}
    assert "another" not in {each.id for each in rows(models.Operation)}


def test_a_processor_without_accounts_refuses_the_block(kit, org):
    class Plain(Processor):
        name = "plain"

        def verify_webhook(self, payload, headers, secrets, now, *, endpoint=""): ...
        def read_event(self, payload): ...
        def fetch(self, kind, processor_id, *, account=None): ...

    current_state().processors["plain"] = Plain()
    with connect.account("acct_1"), pytest.raises(UnsupportedByProcessor, match="connect"):
        billing.customer(org, "plain")
