from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from flask_login import AnonymousUserMixin
from werkzeug.local import LocalProxy

from flask_accrue import (
    ConfigError,
    entitled,
    entitlement_quantity,
    features_for,
    has_active_plan,
    models,
)
from tests.entitlements.conftest import DAY, MOMENT, NOW
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.entitlements.conftest import Host

sqlite = pytest.mark.only("sqlite")


# -- what grants -----------------------------------------------------------------------------------


def test_an_active_plan_gives_its_features_and_limits_and_nothing_else(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, "price_pro")
    assert entitled(owner, "reports") is True
    assert entitled(owner, "exports") is False
    assert has_active_plan(owner, "pro") is True
    assert has_active_plan(owner, "team") is False
    assert features_for(owner) == {"reports"}
    assert entitlement_quantity(owner, "projects") == 10
    assert entitlement_quantity(owner, "seats") == 0


def test_an_owner_is_told_from_others_by_type_and_id(host: Host) -> None:
    payer, other = host.owner("Payer"), host.owner("Other")
    host.hold(payer)
    assert entitled(payer, "reports")
    assert not entitled(other, "reports")

    customer = host.session.query(models.Customer).one()
    customer.owner_type = "Person"
    host.session.commit()
    assert not entitled(payer, "reports")


def test_a_customer_and_a_proxy_stand_for_their_owner(host: Host) -> None:
    owner = host.owner()
    host.hold(owner)
    assert entitled(host.session.query(models.Customer).one(), "reports")
    assert entitled(LocalProxy(lambda: owner), "reports")


@sqlite
@pytest.mark.parametrize(
    ("state", "granted"),
    [
        ({"status": "trialing", "trial_end": NOW + DAY}, True),
        ({"status": "trialing", "trial_end": NOW - DAY}, True),  # until the processor speaks
        ({"status": "active"}, True),
        ({"status": "active", "cancel_at_period_end": True}, True),
        ({"status": "active", "cancel_at": NOW + MOMENT}, True),
        ({"status": "active", "cancel_at": NOW}, False),
        ({"status": "active", "cancel_at": NOW - DAY}, False),
        ({"status": "active", "ended_at": NOW + DAY}, False),
        (
            {"status": "active", "cancel_at_period_end": True, "current_period_end": NOW - DAY},
            False,
        ),
        ({"status": "canceled", "cancel_at": NOW + DAY}, False),
        ({"status": "canceled", "ended_at": NOW}, False),
        ({"status": "past_due", "past_due_since": NOW - MOMENT}, False),
        ({"status": "unpaid", "past_due_since": NOW - MOMENT}, False),
        ({"status": "incomplete"}, False),
        ({"status": "incomplete_expired"}, False),
        ({"status": "paused"}, False),
        ({"status": "active", "pause_behavior": "void", "paid_until": NOW + DAY}, False),
        ({"status": "active", "pause_behavior": "keep_as_draft"}, False),
        ({"status": "a word of tomorrow"}, False),
        ({"status": "ACTIVE"}, False),
        ({"status": ""}, False),
        ({"status": "active", "deleted_at": NOW}, False),
        ({"status": "active", "quantity": 0}, False),
        ({"status": "active", "quantity": None}, True),
        ({"status": "active", "removed_at": NOW}, False),
        ({"status": "active", "removed_at": NOW + DAY}, False),
    ],
)
def test_each_state_grants_or_not(host: Host, state: dict[str, Any], granted: bool) -> None:
    owner = host.owner()
    host.hold(owner, **state)
    assert entitled(owner, "reports") is granted
    assert has_active_plan(owner, "pro") is granted
    assert features_for(owner) == ({"reports"} if granted else set())
    assert entitlement_quantity(owner, "projects") == (10 if granted else 0)


def test_a_scheduled_end_closes_the_gate_at_that_very_moment(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, cancel_at=NOW + DAY)
    host.clock.moment = NOW + DAY - MOMENT
    assert entitled(owner, "reports")
    host.clock.moment = NOW + DAY
    assert not entitled(owner, "reports")


def test_resubscribing_after_a_cancel_opens_it_again(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, status="canceled", ended_at=NOW - DAY)
    assert not entitled(owner, "reports")
    host.hold(owner)
    assert entitled(owner, "reports")


def test_an_item_that_the_processor_dropped_loses_access_and_its_neighbor_keeps_it(
    host: Host,
) -> None:
    owner = host.owner()
    subscription = host.hold(owner, "price_pro")
    dropped = host.add_item(subscription, "price_team", quantity=3)
    assert entitled(owner, "exports")
    dropped.removed_at = NOW
    host.session.commit()
    assert not entitled(owner, "exports")
    assert entitled(owner, "reports")


def test_a_deleted_customer_grants_nothing(host: Host) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.query(models.Customer).one().deleted_at = NOW
    host.session.commit()
    assert not entitled(owner, "reports")


# -- grace -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grace", "days"), [(3, 3), ("dunning", 5), (0, 0), ("none", 0)], ids=str)
def test_grace_ends_exactly_that_long_after_the_first_failure(
    make_host: Callable[..., Host], grace: Any, days: int
) -> None:
    host = make_host(past_due_grace=grace, dunning_days=5)
    owner = host.owner()
    host.hold(owner, status="past_due", past_due_since=NOW)
    if days:
        host.clock.moment = NOW + days * DAY - MOMENT
        assert entitled(owner, "reports") is True
    host.clock.moment = NOW + days * DAY
    assert entitled(owner, "reports") is False


@sqlite
@pytest.mark.parametrize(
    "state",
    [
        {"status": "past_due", "past_due_since": None},
        {"status": "past_due", "past_due_since": NOW, "ended_at": NOW},
        {"status": "past_due", "past_due_since": NOW, "cancel_at": NOW - DAY},
        {"status": "unpaid", "past_due_since": NOW},
        {"status": "incomplete", "past_due_since": NOW},
        {"status": "canceled", "past_due_since": NOW},
        {"status": "past_due", "past_due_since": NOW, "pause_behavior": "void"},
    ],
)
def test_grace_is_for_a_running_subscription_that_is_past_due_and_for_no_other(
    make_host: Callable[..., Host], state: dict[str, Any]
) -> None:
    host = make_host(past_due_grace=3650)
    owner = host.owner()
    host.hold(owner, **state)
    assert not entitled(owner, "reports")


# -- paused ----------------------------------------------------------------------------------------


@sqlite
@pytest.mark.parametrize(
    ("state", "granted"),
    [
        ({"pause_behavior": "void", "paid_until": NOW + MOMENT}, True),
        ({"pause_behavior": "void", "paid_until": NOW}, False),
        # Never paid: the period at the moment of the pause doesn't count.
        ({"pause_behavior": "void", "current_period_end": NOW + DAY}, False),
        ({"pause_behavior": "keep_as_draft"}, True),
        ({"pause_behavior": "mark_uncollectible"}, True),
        ({"pause_behavior": "a word of tomorrow"}, False),
        ({"status": "paused", "paid_until": NOW + DAY}, False),
        ({"status": "canceled", "pause_behavior": "keep_as_draft"}, False),
        ({"status": "past_due", "pause_behavior": "keep_as_draft"}, False),
    ],
)
def test_paused_by_behavior_means_what_the_processor_says_of_it(
    make_host: Callable[..., Host], state: dict[str, Any], granted: bool
) -> None:
    host = make_host(paused="by_behavior")
    owner = host.owner()
    host.hold(owner, **state)
    assert entitled(owner, "reports") is granted


# -- several subscriptions -------------------------------------------------------------------------


def test_access_is_the_union_over_subscriptions_items_and_processors(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, "pro", processor="braintree")
    assert features_for(owner) == {"reports"}
    assert entitlement_quantity(owner, "projects") == 10
    host.hold(owner, "price_team", quantity=7, name="second")
    assert features_for(owner) == {"reports", "exports"}
    assert has_active_plan(owner, "pro")
    assert has_active_plan(owner, "team")


def test_the_largest_limit_counts_and_none_is_without_an_end(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, "price_pro")
    assert entitlement_quantity(owner, "history") == 12
    team = host.hold(owner, "price_team", name="second")
    assert entitlement_quantity(owner, "projects") == 50
    assert entitlement_quantity(owner, "history") is None
    team.status = "canceled"
    host.session.commit()
    assert entitlement_quantity(owner, "projects") == 10
    assert entitlement_quantity(owner, "history") == 12


@sqlite
@pytest.mark.parametrize(
    ("price", "quantity", "seats"),
    [
        ("price_team", 7, 7),
        ("price_team", 100, 100),
        ("price_team", 5000, 100),
        ("price_team", 0, 0),
        ("price_team", None, 1),
        ("price_crowd", 5000, 5000),
        ("price_team", -3, 0),
    ],
)
def test_a_limit_per_seat_is_the_quantity_at_most_its_maximum(
    host: Host, price: str, quantity: int | None, seats: int
) -> None:
    owner = host.owner()
    host.hold(owner, price, quantity=quantity)
    assert entitlement_quantity(owner, "seats") == seats


@sqlite
def test_seats_of_several_subscriptions_are_not_added_up(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, "price_team", quantity=7)
    host.hold(owner, "price_team", quantity=5, name="second")
    assert entitlement_quantity(owner, "seats") == 7


@sqlite
def test_a_price_of_one_processor_is_none_of_another(host: Host) -> None:
    owner = host.owner()
    host.hold(owner, "pro", processor="stripe")
    assert features_for(owner) == frozenset()


# -- each way to a denial --------------------------------------------------------------------------


@sqlite
@pytest.mark.parametrize(
    "owner",
    [None, Organization(), AnonymousUserMixin(), LocalProxy(lambda: None)],
    ids=["nobody", "not saved", "anonymous", "a proxy of nobody"],
)
def test_nobody_is_entitled_to_nothing_without_a_word_or_a_query(
    host: Host, owner: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with host.statements() as seen:
        assert entitled(owner, "reports") is False
        assert has_active_plan(owner, "pro") is False
        assert features_for(owner) == frozenset()
        assert entitlement_quantity(owner, "projects") == 0
    assert seen == []
    assert caplog.records == []


@sqlite
@pytest.mark.parametrize("owner", ["Organization:1", 1, object(), Organization])
def test_what_isnt_billable_is_denied_and_told_once(
    host: Host, owner: Any, caplog: pytest.LogCaptureFixture
) -> None:
    host.hold(host.owner())
    for _ in range(3):
        assert entitled(owner, "reports") is False
    (record,) = caplog.records
    assert "isn't a Billable" in record.message


def test_an_owner_without_a_customer_is_denied(host: Host) -> None:
    assert not entitled(host.owner(), "reports")


@sqlite
def test_a_name_that_no_plan_declares_is_denied_and_told_once_with_those_that_are(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    owner = host.owner()
    host.hold(owner)
    with host.statements() as seen:
        for _ in range(3):
            assert entitled(owner, "report") is False
            assert entitled(owner, "pro") is False
            assert has_active_plan(owner, "price_pro") is False
            assert entitlement_quantity(owner, "project") == 0
    assert seen == []
    told = [record.message for record in caplog.records]
    assert len(told) == 4
    assert "the feature 'report'" in told[0]
    assert "Declared: 'exports', 'reports'." in told[0]
    assert "Declared: 'crowd', 'pro', 'team'." in told[2]
    assert "Declared: 'history', 'projects', 'seats'." in told[3]


@sqlite
def test_names_from_outside_fill_neither_the_log_nor_memory(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5000):
        assert not entitled(None, f"feature\n{number}")
    assert len(caplog.records) <= 200
    assert len(host.app.extensions["accrue"].warned) <= 200
    assert all("\n" not in record.message for record in caplog.records)


@sqlite
def test_a_price_of_no_plan_grants_nothing_and_is_told_once(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    owner = host.owner()
    host.hold(owner, "price_forgotten")
    for _ in range(3):
        assert not entitled(owner, "reports")
        assert features_for(owner) == frozenset()
        assert entitlement_quantity(owner, "projects") == 0
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "The price 'price_forgotten' of stripe is in no plan" in record.message


@sqlite
def test_unmapped_raise_raises_whenever_the_answer_hangs_on_that_price(
    make_host: Callable[..., Host],
) -> None:
    host = make_host(unmapped="raise")
    owner = host.owner()
    forgotten = host.hold(owner, "price_forgotten")
    questions = (
        lambda: entitled(owner, "reports"),
        lambda: has_active_plan(owner, "pro"),
        lambda: features_for(owner),
        lambda: entitlement_quantity(owner, "projects"),
    )
    for question in questions:
        with pytest.raises(ConfigError) as caught:
            question()
        assert caught.value.code == "price_unmapped"

    host.hold(owner, "price_pro", name="second")
    assert entitled(owner, "reports")  # held for certain, whatever the other price stands for
    assert has_active_plan(owner, "pro")
    with pytest.raises(ConfigError):
        entitled(owner, "exports")
    with pytest.raises(ConfigError):
        entitlement_quantity(owner, "projects")

    forgotten.status = "canceled"
    host.session.commit()
    assert features_for(owner) == {"reports"}


@sqlite
def test_without_plans_everything_is_denied(make_host: Callable[..., Host]) -> None:
    host = make_host(plans={})
    owner = host.owner()
    host.hold(owner)
    assert not entitled(owner, "reports")
    assert not has_active_plan(owner, "pro")
