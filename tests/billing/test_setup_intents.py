"""Cards that are set up for later, without a charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def setup(kit: Kit, org: Organization) -> models.SetupIntent:
    """Give a setup intent that waits for a card."""
    return billing.create_setup_intent(org)


def test_it_waits_with_a_secret_that_is_stored_nowhere(kit: Kit, setup: models.SetupIntent) -> None:
    kit.deliver()
    assert setup.requires_payment_method
    assert setup.client_secret
    assert billing.client_secret(setup) == setup.client_secret
    session = kit.state.db.session
    tables = sa.inspect(session.get_bind(mapper=models.Operation.__mapper__)).get_table_names()
    told = "".join(repr(session.execute(sa.text(f"SELECT * FROM {name}")).all()) for name in tables)
    assert setup.processor_id in told
    assert "_secret_" not in told
    kit.assert_entry("setup_intent.created", setup)


def test_a_card_that_is_set_up_is_the_customers(
    kit: Kit, org: Organization, setup: models.SetupIntent
) -> None:
    done = billing.confirm_setup_intent(setup, "pm_card_visa")
    assert done.is_succeeded
    [card] = billing.list_payment_methods(org)
    assert done.payment_method is card
    assert billing.client_secret(done) is None
    kit.deliver()
    assert billing.list_payment_methods(org) == [card]
    kit.assert_entry("setup_intent.succeeded", setup)
    kit.assert_settled()


@pytest.mark.parametrize(
    "news", ["webhook", "return", "webhook then return", "return then webhook"]
)
def test_a_card_confirmed_in_the_browser_is_attached_whoever_tells_first(
    kit: Kit, org: Organization, setup: models.SetupIntent, news: str
) -> None:
    kit.deliver()
    kit.fake.confirm_setup(setup.processor_id, payment_method="pm_card_visa", key="in the browser")
    before = len(kit.entries("setup_intent.succeeded"))
    for told in news.split(" then "):
        if told == "webhook":
            kit.deliver()
        else:
            billing.sync_setup_intent(setup)
    kit.state.db.session.expire_all()
    assert setup.is_succeeded
    [card] = billing.list_payment_methods(org)
    assert card.last4 == "4242"
    assert len(kit.entries("setup_intent.succeeded")) == before + 1
    assert len(kit.entries("payment_method.attached")) == 1
    kit.deliver()
    kit.assert_settled()


def test_the_news_of_the_setup_alone_attaches_the_card(
    kit: Kit, org: Organization, setup: models.SetupIntent
) -> None:
    kit.deliver()
    kit.fake.confirm_setup(setup.processor_id, payment_method="pm_card_visa", key="in the browser")
    kit.deliver(only="setup_intent.succeeded")
    assert [card.last4 for card in billing.list_payment_methods(org)] == ["4242"]
    kit.deliver()
    kit.assert_settled()


def test_a_card_that_the_bank_wants_confirmed_is_nobodys_until_then(
    kit: Kit, org: Organization, setup: models.SetupIntent
) -> None:
    for _ in range(2):
        with pytest.raises(errors.ActionRequired) as raised:
            billing.confirm_setup_intent(
                setup, "pm_card_authenticationRequiredOnSetup", operation_id="first"
            )
        assert raised.value.client_secret
    assert setup.requires_action
    assert billing.list_payment_methods(org) == []
    assert billing.confirm_setup_intent(setup).is_succeeded
    [card] = billing.list_payment_methods(org)
    billing.set_default_payment_method(org, card)
    # It was confirmed for later: nobody is asked again.
    assert billing.charge(org, Money(500, "usd")).is_succeeded
    kit.deliver()
    kit.assert_settled()


def test_a_confirmation_that_fails_leaves_room_for_another_card(
    kit: Kit, org: Organization, setup: models.SetupIntent
) -> None:
    with pytest.raises(errors.ActionRequired):
        billing.confirm_setup_intent(setup, "pm_card_authenticationRequired")
    kit.fake.fail_setup(setup.processor_id)
    kit.deliver()
    kit.assert_entry("setup_intent.failed", setup)
    assert setup.requires_payment_method
    assert setup.error_code == "setup_intent_authentication_failure"
    assert billing.confirm_setup_intent(setup, "pm_card_visa").is_succeeded


def test_a_card_that_is_declined_is_not_set_up(
    kit: Kit, org: Organization, setup: models.SetupIntent
) -> None:
    with pytest.raises(errors.CardError) as raised:
        billing.confirm_setup_intent(setup, "pm_card_chargeDeclinedInsufficientFunds")
    assert (raised.value.code, raised.value.decline_code) == ("card_declined", "insufficient_funds")
    assert setup.error_decline_code == "insufficient_funds"
    assert billing.list_payment_methods(org) == []
    kit.deliver()
    kit.assert_settled()


def test_it_is_given_up_once_and_not_after_it_succeeded(
    kit: Kit, org: Organization, setup: models.SetupIntent
) -> None:
    assert billing.cancel_setup_intent(setup).is_canceled
    assert billing.cancel_setup_intent(setup) is setup
    with pytest.raises(errors.InvalidState) as raised:
        billing.confirm_setup_intent(setup, "pm_card_visa")
    assert raised.value.code == "setup_ended"
    other = billing.create_setup_intent(org)
    billing.confirm_setup_intent(other, "pm_card_visa")
    with pytest.raises(errors.InvalidState):
        billing.cancel_setup_intent(other)
    kit.deliver()
    kit.assert_settled()


def test_asked_twice_under_one_id_it_is_one(kit: Kit, org: Organization) -> None:
    made = billing.create_setup_intent(org, operation_id="new card", metadata={"a": "b"})
    assert billing.create_setup_intent(org, operation_id="new card", metadata={"a": "b"}) is made
    with pytest.raises(errors.IdempotencyConflict):
        billing.create_setup_intent(org, operation_id="new card", usage="on_session")


def test_a_lost_answer_leaves_one(kit: Kit, org: Organization) -> None:
    billing.customer(org)
    kit.fake.fail_next("create_setup_intent", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.create_setup_intent(org, operation_id="new card")
    made = billing.create_setup_intent(org, operation_id="new card")
    assert made.client_secret
    assert [each.type for each in kit.fake.events()].count("setup_intent.created") == 1


def test_what_makes_no_sense_is_named(
    kit: Kit, setup: models.SetupIntent, org: Organization, calls: list[str]
) -> None:
    calls.clear()
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.create_setup_intent(org, usage="always")
    assert raised.value.param == "usage"
    with pytest.raises(errors.InvalidRequest) as refused:
        billing.confirm_setup_intent(setup, "4242424242424242")
    assert "4242" not in str(refused.value)
    assert calls == []
