from __future__ import annotations

import contextvars
import datetime
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, errors, models, operations
from flask_accrue.billing import payment_methods
from flask_accrue.ledger import verify
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask_accrue.testing import Kit


def at_once(kit: Kit, *acts: Callable[[Organization], Any]) -> list[Any]:
    """Act in threads that start together, each with an app context; return results or errors."""
    kit.state.db.session.remove()
    start = threading.Barrier(len(acts))

    def act(what: Callable[[Organization], Any]) -> Any:
        with kit.app.app_context():
            org = kit.state.db.session.scalars(sa.select(Organization)).one()
            kit.state.db.session.commit()
            start.wait()
            try:
                got = what(org)
                return getattr(got, "processor_id", got)
            except errors.AccrueError as error:
                return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def _count(kit: Kit, model: Any, *where: Any) -> int:
    found = kit.state.db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))
    assert isinstance(found, int)
    return found


def _made(kit: Kit, type: str) -> int:
    return sum(event.type == type for event in kit.fake.events())


def test_two_first_visits_at_once_make_one_customer(kit: Kit, org: Organization) -> None:
    found = at_once(kit, *[billing.customer] * 4)
    assert len(set(found)) == 1, found
    assert _count(kit, models.Customer) == 1
    assert _made(kit, "customer.created") == 1


def test_two_subscribes_at_once_make_one_subscription(kit: Kit, payer: Organization) -> None:
    found = at_once(kit, *[lambda org: billing.subscribe(org, "price_pro")] * 3)
    refused = [each for each in found if isinstance(each, errors.AccrueError)]
    assert len(refused) == 2, found
    assert {each.code for each in refused} <= {"already_subscribed", "operation_in_progress"}
    assert _count(kit, models.Subscription) == 1
    assert _made(kit, "customer.subscription.created") == 1


def test_one_operation_at_once_in_two_processes_acts_once(kit: Kit, payer: Organization) -> None:
    from flask_accrue import Money

    found = at_once(
        kit, *[lambda org: billing.charge(org, Money(500, "usd"), operation_id="charge-1")] * 3
    )
    ids = {each for each in found if isinstance(each, str)}
    assert len(ids) == 1, found
    assert all(isinstance(each, (str, errors.OperationInProgress)) for each in found)
    assert _made(kit, "charge.succeeded") == 1


def test_two_changes_of_the_default_card_at_once_leave_one(kit: Kit, payer: Organization) -> None:
    for token in ("pm_card_mastercard", "pm_card_amex"):
        billing.add_payment_method(payer, token)

    def choose(number: int) -> Callable[[Organization], Any]:
        return lambda org: billing.set_default_payment_method(
            org, billing.list_payment_methods(org)[number]
        )

    found = at_once(kit, choose(1), choose(2))
    assert not [each for each in found if isinstance(each, Exception)], found
    kit.deliver()
    row = billing.get_customer(kit.state.db.session.scalars(sa.select(Organization)).one())
    assert row is not None
    assert row.default_payment_method is not None
    remote: Any = kit.fake.fetch("customer", row.processor_id).main
    assert row.default_payment_method.processor_id == remote.default_payment_method
    kit.assert_settled()


def test_the_same_card_twice_at_once_leaves_one(
    kit: Kit, payer: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_twin, both_are_written = payment_methods._twin, threading.Barrier(2)

    def meet(*arguments: Any) -> Any:
        both_are_written.wait()
        return find_twin(*arguments)

    monkeypatch.setattr(payment_methods, "_twin", meet)
    found = at_once(kit, *[lambda org: billing.add_payment_method(org, "pm_card_amex")] * 2)
    assert len(set(found)) == 1, found
    kit.deliver()
    org = kit.state.db.session.scalars(sa.select(Organization)).one()
    amex = [each for each in billing.list_payment_methods(org) if each.brand == "amex"]
    assert [each.processor_id for each in amex] == found[:1]
    kit.assert_settled()


def test_two_increments_at_once_are_never_one(kit: Kit, subscription: models.Subscription) -> None:
    def more(org: Organization) -> Any:
        row = billing.subscription(org)
        assert row is not None
        return billing.increment(row)

    found = at_once(kit, more, more, more)
    done = [each for each in found if isinstance(each, str)]
    assert all(isinstance(each, str | errors.OperationInProgress) for each in found), found
    kit.deliver()
    row = kit.state.db.session.scalars(sa.select(models.Subscription)).one()
    assert row.items[0].quantity == 1 + len(done)


def test_a_command_and_webhooks_on_one_row_lose_nothing(
    kit: Kit, subscription: models.Subscription
) -> None:
    processor_id, item = subscription.processor_id, subscription.items[0].processor_id
    for quantity in range(2, 6):
        kit.fake.advance(datetime.timedelta(seconds=1))
        kit.fake.update_subscription(
            processor_id,
            {"items": [{"id": item, "quantity": quantity}], "proration": "none"},
            key=f"elsewhere {quantity}",
        )

    def deliver(org: Organization) -> Any:
        return kit.fake.deliver(kit.app)

    def pause(org: Organization) -> Any:
        row = billing.subscription(org)
        assert row is not None
        return billing.pause(row)

    def rename(org: Organization) -> Any:
        return billing.update_customer(org, name="Renamed")

    found = at_once(kit, pause, deliver, rename)
    assert not [each for each in found if isinstance(each, Exception)], found
    kit.deliver()
    row = kit.state.db.session.scalars(sa.select(models.Subscription)).one()
    assert row.is_paused
    assert row.items[0].quantity == 5
    assert kit.state.db.session.scalars(sa.select(models.Customer)).one().name == "Renamed"
    assert verify().findings == []


def test_a_guard_that_was_abandoned_is_taken_over(kit: Kit, payer: Organization) -> None:
    kit.fake.fail_next("create_subscription", "timeout", when="after")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.subscribe(payer, "price_pro", operation_id="the first")
    # Another click, with another id: the first one is brought to its end, and nothing is doubled.
    with pytest.raises(errors.InvalidState) as raised:
        billing.subscribe(payer, "price_pro", operation_id="the second")
    assert raised.value.code == "already_subscribed"
    assert _made(kit, "customer.subscription.created") == 1
    row = billing.subscription(payer)
    assert row is not None
    assert row.is_active
    first = kit.state.db.session.get_one(models.Operation, "the first", populate_existing=True)
    assert (first.state, first.guard) == ("done", None)


def test_a_guard_whose_holder_still_works_isnt_taken(kit: Kit, payer: Organization) -> None:
    kit.fake.fail_next("create_subscription", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.subscribe(payer, "price_pro", operation_id="the first")
    first = kit.state.db.session.get_one(models.Operation, "the first", populate_existing=True)
    first.lease_token = uuid.uuid4()
    first.leased_until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    kit.state.db.session.commit()
    with pytest.raises(errors.OperationInProgress):
        billing.subscribe(payer, "price_pro", operation_id="the second")
    assert _made(kit, "customer.subscription.created") == 0


def test_a_subscribe_that_was_given_up_makes_no_second_one_when_its_repeated(
    kit: Kit, payer: Organization
) -> None:
    kit.fake.fail_next("create_subscription", "timeout")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.subscribe(payer, "price_pro", operation_id="the first")
    billing.subscribe(payer, "price_team", operation_id="the second")
    with pytest.raises(errors.InvalidState) as raised:
        billing.subscribe(payer, "price_pro", operation_id="the first")
    assert raised.value.code == "already_subscribed"
    assert _made(kit, "customer.subscription.created") == 1


def _lost(kit: Kit, row: models.Subscription, when: str) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.increment(row, operation_id="the first")


def test_an_increment_that_was_never_made_isnt_made_along_with_the_next(
    kit: Kit, subscription: models.Subscription
) -> None:
    _lost(kit, subscription, "before")
    assert billing.increment(subscription).items[0].quantity == 2
    # Whoever asked for the first has it all the same, on top of what there is by now.
    assert billing.increment(subscription, operation_id="the first").items[0].quantity == 3
    kit.deliver()
    assert subscription.items[0].quantity == 3


def test_an_increment_that_was_made_is_told_of_before_the_next_is_counted(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    _lost(kit, subscription, "after")
    with pytest.raises(errors.InvalidState) as raised:
        billing.increment(subscription)
    assert raised.value.code == "quantity_changed"
    assert subscription.items[0].quantity == 2
    assert calls.count("update_subscription") == 1
    assert billing.increment(subscription, operation_id="the first").items[0].quantity == 2
    assert billing.increment(subscription).items[0].quantity == 3
    kit.deliver()
    assert subscription.items[0].quantity == 3
    kit.assert_settled()


def test_a_decrement_after_an_increment_of_unknown_end_waits_until_that_can_be_asked_for(
    kit: Kit, subscription: models.Subscription
) -> None:
    _lost(kit, subscription, "before")
    kit.fake.fail_next("fetch", "unavailable")
    with pytest.raises(errors.ProcessorUnavailable):
        billing.decrement(subscription)
    assert billing.increment(subscription, 3).items[0].quantity == 4
    assert billing.decrement(subscription).items[0].quantity == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_quantity_set_again_after_a_lost_answer_is_billed_once(
    kit: Kit, subscription: models.Subscription, when: str
) -> None:
    kit.fake.fail_next("update_subscription", "timeout", when=when)
    with pytest.raises(errors.ProcessorUnavailable):
        billing.update_quantity(subscription, 4, proration="always_invoice")
    again = billing.update_quantity(subscription, 4, proration="always_invoice")
    assert again.items[0].quantity == 4
    kit.deliver()
    charged = [each.amount for each in billing.list_charges(subscription.customer)]
    assert sorted(charged) == [1900, 5700]


def test_news_that_come_between_call_and_commit_arent_overwritten(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor_id, item = subscription.processor_id, subscription.items[0].processor_id
    update = kit.fake.update_subscription

    def overtaken(*args: Any, **options: Any) -> Any:
        answer = update(*args, **options)
        update(processor_id, {"items": [{"id": item, "quantity": 7}]}, key="elsewhere")
        kit.fake.deliver(kit.app)
        return answer

    monkeypatch.setattr(kit.fake, "update_subscription", overtaken)
    kit.advance(seconds=1)
    paused = billing.pause(subscription)
    assert paused.is_paused
    assert paused.items[0].quantity == 7
    kit.assert_settled()


def test_a_failed_payment_is_told_although_news_of_it_came_first(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = kit.fake.update_subscription
    kit.fake.fail_next("update_subscription", "decline", decline_code="lost_card")

    def overtaken(*args: Any, **options: Any) -> Any:
        answer = update(*args, **options)
        kit.fake.deliver(kit.app)
        return answer

    monkeypatch.setattr(kit.fake, "update_subscription", overtaken)
    with pytest.raises(errors.CardError) as raised:
        billing.swap_plan(subscription, "price_team", proration="always_invoice")
    assert raised.value.decline_code == "lost_card"
    assert subscription.is_past_due


def test_what_was_deleted_between_call_and_commit_is_given_as_it_ended(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, payer_id = kit.fake.update_subscription, subscription.customer.processor_id
    fetch = kit.fake.fetch

    def overtaken(*args: Any, **options: Any) -> Any:
        answer = update(*args, **options)
        kit.fake.delete_customer(payer_id)
        kit.fake.deliver(kit.app)
        return answer

    def gone(kind: str, processor_id: str, **options: Any) -> Any:
        raise errors.NotFound(f"No such {kind}.")

    monkeypatch.setattr(kit.fake, "update_subscription", overtaken)
    monkeypatch.setattr(kit.fake, "fetch", gone)
    assert billing.pause(subscription).is_ended
    monkeypatch.setattr(kit.fake, "fetch", fetch)


def test_who_stood_still_until_another_had_subscribed_sends_nothing_any_more(
    kit: Kit, payer: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, owner_id = kit.state.db.session, payer.id
    note_sent, made = operations.note_sent, []

    def subscribe_elsewhere() -> None:
        with kit.app.app_context():
            owner = session.get(Organization, owner_id)
            made.append(billing.subscribe(owner, "price_pro").processor_id)

    def stand_still(*args: Any) -> None:
        monkeypatch.setattr(operations, "note_sent", note_sent)
        long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        session.execute(sa.update(models.Operation).values(leased_until=long_ago))
        session.commit()
        thread = threading.Thread(target=contextvars.Context().run, args=(subscribe_elsewhere,))
        thread.start()
        thread.join()
        note_sent(*args)

    monkeypatch.setattr(operations, "note_sent", stand_still)
    with pytest.raises(errors.OperationInProgress, match="sent nothing"):
        billing.subscribe(payer, "price_pro")
    kit.deliver()
    found = session.query(models.Subscription).all()
    assert [row.processor_id for row in found] == made
