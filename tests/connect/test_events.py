"""Events of connected accounts, as the Fake signs and posts them."""

from __future__ import annotations

import time

from flask_accrue import billing, connect, models, signals
from flask_accrue.money import Money
from flask_accrue.processors.fake.outbox import SIGNATURE_HEADER
from flask_accrue.processors.signing import sign
from tests.connect.conftest import rows


def stored() -> list[models.WebhookEvent]:
    """Return the events that came of connected accounts, in order."""
    every = [each for each in rows(models.WebhookEvent) if each.account is not None]
    return sorted(every, key=lambda each: each.received_at)


def event(type: str) -> models.WebhookEvent:
    return next(each for each in reversed(stored()) if each.type == type)


def post(kit, body: bytes, path: str, secret: str) -> int:
    response = kit.app.test_client().post(
        f"/accrue/webhooks/{path}",
        data=body,
        headers={SIGNATURE_HEADER: sign(body, secret, int(time.time()))},
    )
    # What was stored is worked on once the response is out.
    response.close()
    return response.status_code


def test_news_of_an_account_come_to_the_connect_endpoint_with_their_account(kit, account):
    assert {(each.endpoint, each.account) for each in stored()} == {
        ("connect", account.processor_id)
    }
    assert {each.outcome for each in stored()} <= {"applied", "fetched"}


def test_each_endpoint_takes_the_signatures_of_its_own_secret_alone(kit):
    made = connect.create_account(type="express")
    kit.fake.complete_account(made.processor_id)
    [body] = [each.body for each in kit.fake.pending_events() if each.type == "account.updated"]
    own, connected = kit.fake.webhook_secret, kit.fake.connect_webhook_secret
    before = len(rows(models.WebhookEvent))

    assert post(kit, body, "fake", connected) == 400
    assert post(kit, body, "fake/connect", own) == 400
    assert post(kit, body, "fake/other", own) == 400
    assert len(rows(models.WebhookEvent)) == before
    assert post(kit, body, "fake/connect", connected) == 200
    assert len(rows(models.WebhookEvent)) == before + 1


def test_whose_an_event_is_it_says_itself_whichever_endpoint_it_came_to(kit):
    made = connect.create_account(type="express")
    kit.fake.complete_account(made.processor_id)
    [body] = [each.body for each in kit.fake.pending_events() if each.type == "account.updated"]

    assert post(kit, body, "fake", kit.fake.webhook_secret) == 200

    assert event("account.updated").state == "succeeded"
    assert made.details_submitted


def test_an_account_that_is_not_ours_is_ignored_with_the_reason(kit):
    other = kit.fake.create_connect_account({"type": "express"}, key="elsewhere").main
    kit.fake.complete_account(other.processor_id)

    kit.deliver()

    news = event("account.updated")
    assert (news.state, news.outcome) == ("succeeded", "ignored")
    assert news.reason == f"the account {other.processor_id} isn't connected here"
    assert rows(models.ConnectAccount) == []


def test_what_happens_in_an_account_is_fetched_there(kit, org, account):
    theirs = kit.fake.of_account(account.processor_id)
    theirs.create_product("Lessons", id="prod_lessons")
    theirs.create_price("prod_lessons", Money(900, "usd"), id="price_lesson")
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        made = billing.subscribe(org, "price_lesson")
    kit.advance(days=32)
    kit.deliver()

    assert {each.status for each in rows(models.Invoice)} == {"paid"}
    assert len(rows(models.Invoice)) == 2
    assert not [each.reason for each in stored() if each.outcome == "ignored"]
    assert "fetched" in {each.outcome for each in stored()}
    assert made.is_active


def test_the_catalog_of_an_account_is_not_taken_for_ours(kit, account):
    theirs = kit.fake.of_account(account.processor_id)
    # An account's owner chooses the ids of its products.
    theirs.create_product("Not ours", id=rows_before(kit))
    kit.deliver()

    news = event("product.created")
    assert news.outcome == "applied"
    whose = {each.name: each.account for each in rows(models.Product)}
    assert whose.pop("Not ours") == account.processor_id
    assert set(whose.values()) == {None}


def rows_before(kit) -> str:
    billing.sync_catalog()
    return rows(models.Product)[0].processor_id


def test_an_account_cannot_name_a_customer_of_its_own_ours(kit, org, account):
    theirs = kit.fake.of_account(account.processor_id)
    theirs.create_customer(
        name="Mallory",
        email=None,
        preferred_locale=None,
        metadata={"accrue_owner": f"Organization:{org.id}"},
        key="theirs",
    )

    kit.deliver()

    assert event("customer.created").outcome == "ignored"
    assert rows(models.Customer) == []


def test_an_event_of_another_account_changes_no_customer_of_ours(kit, payer, account):
    here = billing.get_customer(payer)
    body = (
        '{"id": "evt_forged", "type": "customer.updated", "created": 1900000000, "livemode": false, '
        f'"account": "{account.processor_id}", "customer": "{here.processor_id}", '
        f'"object": {{"kind": "customer", "processor_id": "{here.processor_id}", "name": "Mallory"}}}}'
    ).encode()

    assert post(kit, body, "fake/connect", kit.fake.connect_webhook_secret) == 200

    news = event("customer.updated")
    assert (news.outcome, news.customer_id) == ("ignored", None)
    assert news.reason == "the customer of that id is another account's"
    assert billing.get_customer(payer).name != "Mallory"


def test_an_account_that_let_go_is_gone_in_any_order(kit, account):
    kit.fake.require_of_account(account.processor_id, "external_account")
    kit.advance(minutes=1)
    kit.fake.deauthorize_account(account.processor_id)

    kit.deliver(order="reverse")

    assert not account.is_connected
    assert event("account.application.deauthorized").outcome == "applied"
    assert {each.state for each in stored()} == {"succeeded"}


def test_a_payout_that_failed_wakes_somebody_and_is_offered_to_handlers(kit, account):
    told, heard = [], []

    def handle(event, context):
        heard.append(event.raw["object"]["amount"])

    kit.state.handlers.append(("payout.failed", handle))

    def hear(sender, event):
        told.append((event.account, event.type))

    signals.payout_failed.connect(hear)
    kit.fake.fail_payout(account.processor_id, Money(700, "usd"))
    other = kit.fake.create_connect_account({"type": "express"}, key="elsewhere").main
    kit.fake.fail_payout(other.processor_id, Money(900, "usd"))
    kit.deliver()
    signals.payout_failed.disconnect(hear)

    assert told == [(account.processor_id, "payout.failed")]
    assert heard == [700]


def test_a_transfer_to_an_account_of_ours_is_mirrored_and_another_is_not(kit, payer, account):
    billing.charge(payer, Money(10_000, "usd"))
    wanted = {"type": "express", "capabilities": ["transfers"]}
    other = kit.fake.create_connect_account(wanted, key="elsewhere").main
    kit.fake.complete_account(other.processor_id)
    for number, to in enumerate((account.processor_id, other.processor_id)):
        kit.fake.create_transfer(
            to,
            amount=100,
            currency="usd",
            source_charge=None,
            transfer_group=None,
            description=None,
            metadata={},
            key=f"dashboard-{number}",
        )

    kit.deliver()

    assert [each.destination_processor_id for each in rows(models.Transfer)] == [
        account.processor_id
    ]
    outcomes = [
        each.outcome for each in rows(models.WebhookEvent) if each.type == "transfer.created"
    ]
    assert sorted(outcomes) == ["applied", "unhandled"]
