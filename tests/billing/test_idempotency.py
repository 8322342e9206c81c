from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from flask_accrue.operations import operation

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization

OUTAGES = [("unavailable", "before"), ("timeout", "before"), ("unavailable", "after")]
OUTAGES += [("timeout", "after"), ("connection_reset", "after")]


def _made(kit: Kit, type: str) -> int:
    """Count the processor's events of a type: one for each effect."""
    return sum(event.type == type for event in kit.fake.events())


def _operation(kit: Kit, id: str) -> models.Operation:
    return kit.state.db.session.get_one(models.Operation, id, populate_existing=True)


# -- the same id again -----------------------------------------------------------------------------


def test_the_same_id_gives_the_same_row_and_subscribes_once(kit: Kit, payer: Organization) -> None:
    first = billing.subscribe(payer, "price_pro", operation_id="sub-1")
    assert billing.subscribe(payer, "price_pro", operation_id="sub-1") is first
    assert _made(kit, "customer.subscription.created") == 1


def test_the_same_id_with_other_arguments_is_a_conflict(kit: Kit, payer: Organization) -> None:
    billing.charge(payer, Money(500, "usd"), operation_id="charge-1")
    with pytest.raises(errors.IdempotencyConflict):
        billing.charge(payer, Money(501, "usd"), operation_id="charge-1")
    with pytest.raises(errors.IdempotencyConflict):
        billing.subscribe(payer, "price_pro", operation_id="charge-1")
    assert _made(kit, "charge.succeeded") == 1


CHANGES: dict[str, Any] = {
    "swap_plan": lambda row: billing.swap_plan(
        row, "price_team", proration="always_invoice", operation_id="again"
    ),
    "update_quantity": lambda row: billing.update_quantity(row, 4, operation_id="again"),
    "increment": lambda row: billing.increment(row, 2, operation_id="again"),
    "decrement": lambda row: billing.decrement(row, 1, operation_id="again"),
    "extend_trial": lambda row: billing.extend_trial(
        row, datetime.timedelta(days=3), operation_id="again"
    ),
    "cancel": lambda row: billing.cancel(row, operation_id="again"),
    "cancel_at_period_end": lambda row: billing.cancel_at_period_end(row, operation_id="again"),
    "cancel_at": lambda row: billing.cancel_at(
        row, datetime.datetime(2026, 4, 2, tzinfo=datetime.UTC), operation_id="again"
    ),
    "pause": lambda row: billing.pause(row, operation_id="again"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_repeated_under_its_id_is_made_once(
    kit: Kit, payer: Organization, change: str
) -> None:
    row = billing.subscribe(payer, "price_pro", quantity=5)
    billing.cancel_at_period_end(row) if change == "swap_plan" else None
    CHANGES[change](row)
    kit.deliver()
    events, entries = len(kit.fake.events()), len(kit.entries())
    quantity, ends = row.items[0].quantity, row.trial_end
    assert CHANGES[change](row) is row
    assert (len(kit.fake.events()), len(kit.entries())) == (events, entries)
    assert (row.items[0].quantity, row.trial_end) == (quantity, ends)


def test_a_resume_repeated_under_its_id_is_no_error(
    kit: Kit, subscription: models.Subscription
) -> None:
    billing.cancel_at_period_end(subscription)
    billing.resume(subscription, operation_id="again")
    assert billing.resume(subscription, operation_id="again") is subscription


def test_a_trial_ended_under_an_id_is_ended_once(kit: Kit, payer: Organization) -> None:
    row = billing.subscribe(payer, "price_pro", trial=datetime.timedelta(days=5))
    billing.end_trial(row, operation_id="again")
    assert billing.end_trial(row, operation_id="again") is row
    assert _made(kit, "charge.succeeded") == 1


def test_cancel_at_period_end_while_past_due_can_be_repeated(kit: Kit, org: Organization) -> None:
    row = kit.subscription(org, "past_due", price="price_pro")
    assert billing.cancel_at_period_end(row, operation_id="again").is_ended
    assert billing.cancel_at_period_end(row, operation_id="again") is row


def test_a_charge_is_the_same_although_the_default_card_changed_meanwhile(
    kit: Kit, payer: Organization
) -> None:
    first = billing.charge(payer, Money(500, "usd"), operation_id="charge-1")
    billing.add_payment_method(payer, "pm_card_mastercard", default=True)
    assert billing.charge(payer, Money(500, "usd"), operation_id="charge-1") is first


def test_a_collection_repeated_under_its_id_gives_its_invoice(kit: Kit, org: Organization) -> None:
    row = kit.subscription(org, "past_due", price="price_pro")
    card = billing.add_payment_method(org, "pm_card_mastercard")
    paid = billing.retry_payment(row, payment_method=card, operation_id="retry")
    assert paid.is_paid
    assert billing.retry_payment(row, payment_method=card, operation_id="retry") is paid


def test_a_customer_made_under_an_id_is_given_again(kit: Kit, org: Organization) -> None:
    first = billing.create_customer(org, operation_id="customer-1")
    assert billing.create_customer(org, operation_id="customer-1") is first


def test_a_repeat_after_the_payment_was_confirmed_is_no_error(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    with pytest.raises(errors.ActionRequired) as raised:
        billing.subscribe(org, "price_pro", operation_id="sub-1")
    with pytest.raises(errors.ActionRequired) as again:
        billing.subscribe(org, "price_pro", operation_id="sub-1")
    assert again.value.row is raised.value.row
    assert again.value.client_secret == raised.value.client_secret
    intent = kit.state.db.session.scalars(sa.select(models.PaymentIntent)).one()
    billing.confirm_payment(intent)
    assert billing.subscribe(org, "price_pro", operation_id="sub-1").is_active


# -- refused ---------------------------------------------------------------------------------------


def test_what_was_refused_is_refused_again_without_asking(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    told = []
    for _ in range(2):
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.subscribe(payer, "price_nothing", operation_id="sub-1")
        told.append((str(raised.value), raised.value.code, raised.value.param))
    assert told[0] == told[1]
    assert calls.count("create_subscription") == 1


def test_a_declined_charge_is_declined_again_without_asking(kit: Kit, org: Organization) -> None:
    billing.add_payment_method(org, "pm_card_chargeCustomerFail_lost_card")
    for _ in range(2):
        with pytest.raises(errors.CardError) as raised:
            billing.charge(org, Money(500, "usd"), operation_id="charge-1")
        assert raised.value.decline_code == "lost_card"
    assert _made(kit, "charge.failed") == 1


def test_a_customer_that_was_refused_can_be_made_once_the_cause_is_mended(
    kit: Kit, org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = kit.fake.create_customer

    def picky(**options: Any) -> Any:
        if "@" not in options["email"]:
            raise errors.InvalidRequest("No e-mail address.", code="email_invalid", param="email")
        return create(**options)

    monkeypatch.setattr(kit.fake, "create_customer", picky)
    org.email = "billing at acme"
    with pytest.raises(errors.InvalidRequest):
        billing.customer(org)
    org.email = "billing@acme.example"
    assert billing.customer(org).email == "billing@acme.example"


# -- leases and outages ----------------------------------------------------------------------------


def test_an_operation_that_another_process_works_on_is_in_progress(
    kit: Kit, payer: Organization, age_operations: Any
) -> None:
    kit.fake.fail_next("create_charge", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.charge(payer, Money(500, "usd"), operation_id="charge-1")
    row = _operation(kit, "charge-1")
    row.lease_token = row.customer_id
    row.leased_until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    kit.state.db.session.commit()
    with pytest.raises(errors.OperationInProgress):
        billing.charge(payer, Money(500, "usd"), operation_id="charge-1")
    age_operations()
    assert billing.charge(payer, Money(500, "usd"), operation_id="charge-1").is_succeeded


@pytest.mark.parametrize(("fault", "when"), OUTAGES)
def test_a_lost_answer_is_found_again_with_one_effect(
    kit: Kit, payer: Organization, calls: list[str], fault: str, when: str
) -> None:
    kit.fake.fail_next("create_subscription", fault, when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.subscribe(payer, "price_pro", operation_id="sub-1")
    assert _operation(kit, "sub-1").state == "unknown"
    assert billing.subscribe(payer, "price_pro", operation_id="sub-1").is_active
    assert _made(kit, "customer.subscription.created") == 1
    assert _made(kit, "charge.succeeded") == 1
    assert len(billing.list_charges(payer)) == 1
    kit.deliver()
    kit.assert_settled()


@pytest.mark.parametrize(("fault", "when"), OUTAGES)
def test_a_change_whose_answer_was_lost_is_sent_again_with_its_key(
    kit: Kit, subscription: models.Subscription, calls: list[str], fault: str, when: str
) -> None:
    kit.fake.fail_next("update_subscription", fault, when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(subscription, 2, operation_id="more")
    assert billing.increment(subscription, 2, operation_id="more").items[0].quantity == 3
    kit.deliver()
    assert subscription.items[0].quantity == 3


def test_after_23_hours_what_was_made_is_still_found(
    kit: Kit, payer: Organization, age_operations: Any
) -> None:
    kit.fake.fail_next("create_charge", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.charge(payer, Money(500, "usd"), operation_id="charge-1")
    age_operations(datetime.timedelta(hours=25))
    assert billing.charge(payer, Money(500, "usd"), operation_id="charge-1").is_succeeded
    assert _made(kit, "charge.succeeded") == 1


def test_after_23_hours_nothing_is_sent_again(
    kit: Kit, subscription: models.Subscription, calls: list[str], age_operations: Any
) -> None:
    kit.fake.fail_next("update_subscription", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(subscription, operation_id="more")
    age_operations(datetime.timedelta(hours=23, minutes=1))
    for _ in range(2):
        with pytest.raises(errors.OperationUnknown):
            billing.increment(subscription, operation_id="more")
    assert calls.count("update_subscription") == 1
    assert billing.increment(subscription).items[0].quantity == 2


def test_an_unknown_subscribe_leaves_the_way_free_for_another_id(
    kit: Kit, payer: Organization, age_operations: Any
) -> None:
    kit.fake.fail_next("create_subscription", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.subscribe(payer, "price_pro", operation_id="sub-1")
    age_operations(datetime.timedelta(hours=23, minutes=1))
    with pytest.raises(errors.OperationUnknown):
        billing.subscribe(payer, "price_pro", operation_id="sub-1")
    assert billing.subscribe(payer, "price_pro", operation_id="sub-2").is_active


@pytest.mark.parametrize("fault", ["rate_limited", "authentication"])
def test_what_was_turned_away_at_the_door_can_be_tried_again(
    kit: Kit, payer: Organization, age_operations: Any, fault: str
) -> None:
    kit.fake.fail_next("create_subscription", fault, retry_after=2.0)
    with pytest.raises((errors.RateLimited, errors.AuthenticationError)):
        billing.subscribe(payer, "price_pro", operation_id="sub-1")
    # Nothing was done, so that it doesn't matter how late it is.
    age_operations(datetime.timedelta(hours=25))
    assert billing.subscribe(payer, "price_pro", operation_id="sub-1").is_active


def test_what_was_turned_away_doesnt_keep_others_away(kit: Kit, payer: Organization) -> None:
    kit.fake.fail_next("create_subscription", "rate_limited")
    with pytest.raises(errors.RateLimited):
        billing.subscribe(payer, "price_pro", operation_id="sub-1")
    # The customer thinks again, and takes another plan.
    assert billing.subscribe(payer, "price_team").items[0].price_processor_id == "price_team"
    with pytest.raises(errors.InvalidState) as raised:
        billing.subscribe(payer, "price_pro", operation_id="sub-1")
    assert raised.value.code == "already_subscribed"
    assert _made(kit, "customer.subscription.created") == 1


# -- the request is frozen ---------------------------------------------------------------------------


def test_a_trial_is_reckoned_once(kit: Kit, payer: Organization) -> None:
    ends = kit.now + datetime.timedelta(days=14)
    kit.fake.fail_next("create_subscription", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.subscribe(
            payer, "price_pro", trial=datetime.timedelta(days=14), operation_id="sub-1"
        )
    kit.advance(hours=5)
    made = billing.subscribe(
        payer, "price_pro", trial=datetime.timedelta(days=14), operation_id="sub-1"
    )
    assert made.trial_end == ends


def test_a_name_changed_meanwhile_isnt_sent_by_the_retry(kit: Kit, org: Organization) -> None:
    kit.fake.fail_next("create_customer", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.customer(org)
    org.name = "Renamed"
    assert billing.customer(org).name == "Acme"


# -- where ids come from -------------------------------------------------------------------------------


def test_a_block_with_an_id_can_be_repeated_as_a_whole(kit: Kit, payer: Organization) -> None:
    def block() -> list[Any]:
        with operation("import:7"):
            return [
                billing.charge(payer, Money(500, "usd")),
                billing.charge(payer, Money(500, "usd")),
                billing.subscribe(payer, "price_pro"),
            ]

    first = block()
    assert first[0] is not first[1]
    assert block() == first
    assert _made(kit, "charge.succeeded") == 3


def test_two_requests_of_one_body_are_two_operations(kit: Kit, payer: Organization) -> None:
    headers = {"X-Request-ID": "chosen by a client", "Idempotency-Key": "chosen by a client"}
    ids = []
    for _ in range(2):
        with kit.app.test_request_context(headers=headers):
            ids.append(billing.charge(payer, Money(500, "usd")).processor_id)
    assert ids[0] != ids[1]


def test_a_handler_that_is_run_again_repeats_nothing(kit: Kit, payer: Organization) -> None:
    from flask_accrue.webhooks import work_on_due

    tries: list[int] = []

    def charge_setup_fee(event: Any, context: Any) -> None:
        billing.charge(context.customer, Money(700, "usd"))
        tries.append(context.attempt)
        if len(tries) == 1:
            raise RuntimeError

    kit.state.handlers.append(("customer.subscription.created", charge_setup_fee))
    billing.subscribe(payer, "price_pro")
    kit.deliver()
    kit.advance(hours=1)
    work_on_due()
    assert len(tries) == 2
    charged = [each.amount for each in billing.list_charges(payer)]
    assert sorted(charged) == [700, 1900]
