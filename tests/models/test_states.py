"""What a subscription's columns mean, row by row: the points that are easily got wrong.

``states`` asks the predicate and its SQL twin, which have to say the same.
"""

from __future__ import annotations

import datetime
import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.ids import new_id
from flask_accrue.plans import EntitlementPolicy
from tests.models.conftest import NOW

if t.TYPE_CHECKING:
    import collections.abc as c

    from sqlalchemy import orm

    from tests.ledger.conftest import SetClock

DAY = datetime.timedelta(days=1)
MICROSECOND = datetime.timedelta(microseconds=1)
STATES = (
    "is_ended",
    "is_active",
    "is_trialing",
    "is_canceling",
    "is_paused",
    "is_past_due",
    "is_incomplete",
    "has_incomplete_payment",
    "is_dunning",
    "is_recurring",
)
NO_GRACE = EntitlementPolicy()
GRACE = EntitlementPolicy(grace=14 * DAY)
BY_BEHAVIOR = EntitlementPolicy(paused_by_behavior=True)

Make: t.TypeAlias = "c.Callable[..., models.Subscription]"


@pytest.fixture
def subscription(session: orm.Session, customer: models.Customer) -> Make:
    """Give a function that stores a subscription, active unless it's told otherwise."""

    def make(**values: t.Any) -> models.Subscription:
        row = models.Subscription(
            **{
                "id": new_id(),
                "customer_id": customer.id,
                "processor": "fake",
                "processor_id": f"sub_{new_id().hex}",
                "status": "active",
                **values,
            }
        )
        session.add(row)
        session.commit()
        return row

    return make


def twin(row: models.Subscription, sql: t.Any) -> t.Any:
    session = sa.inspect(row).session
    assert session is not None
    return session.scalar(sa.select(sql).where(models.Subscription.id == row.id))


def states(row: models.Subscription) -> set[str]:
    """Return the names of the states that it is in."""
    said = {name for name in STATES if getattr(row, name)}
    assert said == {name for name in STATES if twin(row, getattr(models.Subscription, name))}
    return said


def ends_at(row: models.Subscription) -> datetime.datetime | None:
    assert twin(row, models.Subscription.ends_at) == row.ends_at
    return row.ends_at


def entitles(row: models.Subscription, policy: EntitlementPolicy = NO_GRACE) -> bool:
    said = row.is_entitling(policy)
    assert twin(row, models.Subscription.is_entitling(policy)) is said
    return said


# -- canceling -------------------------------------------------------------------------------------


def test_it_is_canceling_only_while_the_end_is_ahead_and_active_all_the_same(
    subscription: Make, clock: SetClock
) -> None:
    row = subscription(cancel_at_period_end=True, current_period_end=clock.now() + DAY)

    assert states(row) == {"is_active", "is_canceling"}
    assert entitles(row)
    clock.moment += DAY - MICROSECOND
    assert states(row) == {"is_active", "is_canceling"}
    clock.moment += MICROSECOND
    assert states(row) == {"is_ended"}
    assert not entitles(row)


@pytest.mark.parametrize(
    "also",
    [{}, {"pause_behavior": "keep_as_draft"}, {"status": "past_due", "past_due_since": NOW - DAY}],
)
def test_what_the_processor_does_not_have_entitles_to_nothing_whatever_its_status(
    subscription: Make, also: dict[str, t.Any]
) -> None:
    policy = EntitlementPolicy(grace=14 * DAY, paused_by_behavior=True)
    row = subscription(**also)

    assert entitles(row, policy)
    assert not entitles(subscription(deleted_at=NOW - DAY, **also), policy)
    # It's no time that is waited for: since when it's gone was noted when it was gone.
    assert not entitles(subscription(deleted_at=NOW + DAY, **also), policy)


# -- ended -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", ["ended_at", "cancel_at", "current_period_end"])
def test_canceled_with_an_end_ahead_is_ended_without_grace(
    subscription: Make, clock: SetClock, ahead: str
) -> None:
    row = subscription(
        status="canceled", cancel_at_period_end=True, **{ahead: clock.now() + 30 * DAY}
    )

    assert states(row) == {"is_ended"}
    assert not entitles(row, GRACE)


@pytest.mark.parametrize("status", ["active", "trialing", "past_due", "unheard_of"])
@pytest.mark.parametrize("behind", ["ended_at", "cancel_at", "current_period_end"])
def test_any_status_with_an_end_behind_is_ended(
    subscription: Make, clock: SetClock, status: str, behind: str
) -> None:
    row = subscription(
        status=status,
        cancel_at_period_end=True,
        past_due_since=clock.now() - DAY,
        **{behind: clock.now() - MICROSECOND},
    )

    assert "is_ended" in states(row)
    assert not states(row) & {"is_active", "is_trialing", "is_canceling", "is_recurring"}
    assert not entitles(row, GRACE)


# -- when it ends ----------------------------------------------------------------------------------


def test_the_end_is_ended_at_then_cancel_at_then_the_period_end_then_none(
    subscription: Make, session: orm.Session, clock: SetClock
) -> None:
    ended, canceling, period = (clock.now() + days * DAY for days in (1, 2, 3))
    row = subscription(
        ended_at=ended, cancel_at=canceling, cancel_at_period_end=True, current_period_end=period
    )

    assert ends_at(row) == ended
    row.ended_at = None
    session.commit()
    assert ends_at(row) == canceling
    row.cancel_at = None
    session.commit()
    assert ends_at(row) == period
    row.cancel_at_period_end = False
    session.commit()
    assert ends_at(row) is None
    assert states(row) == {"is_active", "is_recurring"}


def test_an_end_with_a_period_that_nobody_knows_is_none(subscription: Make) -> None:
    row = subscription(cancel_at_period_end=True, current_period_end=None)

    assert ends_at(row) is None
    assert states(row) == {"is_active", "is_recurring"}


# -- past due --------------------------------------------------------------------------------------


def test_past_due_grants_nothing_unless_grace_says_so(subscription: Make, clock: SetClock) -> None:
    row = subscription(status="past_due", past_due_since=clock.now())

    assert states(row) == {"is_past_due", "has_incomplete_payment", "is_dunning"}
    assert not entitles(row)
    assert entitles(row, GRACE)


def test_grace_ends_for_the_predicate_and_its_twin_at_one_moment(
    subscription: Make, clock: SetClock
) -> None:
    row = subscription(status="past_due", past_due_since=clock.now())

    clock.moment += 14 * DAY - MICROSECOND
    assert entitles(row, GRACE)
    clock.moment += MICROSECOND
    assert not entitles(row, GRACE)


def test_past_due_since_nobody_knows_when_grants_nothing(subscription: Make) -> None:
    row = subscription(status="past_due", past_due_since=None)

    assert states(row) == {"is_past_due", "has_incomplete_payment"}
    assert not entitles(row, GRACE)


# -- never paid ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["incomplete", "unpaid", "incomplete_expired", "unheard_of", ""])
def test_what_was_never_paid_grants_nothing(
    subscription: Make, clock: SetClock, status: str
) -> None:
    row = subscription(
        status=status,
        past_due_since=clock.now() - DAY,
        current_period_end=clock.now() + DAY,
        trial_end=clock.now() + DAY,
        paid_until=clock.now() + DAY,
    )

    for policy in (NO_GRACE, GRACE, BY_BEHAVIOR):
        assert not entitles(row, policy)


def test_an_incomplete_payment_is_incomplete_or_past_due(subscription: Make) -> None:
    has = {
        status
        for status in (*models.subscriptions.STATUSES, "unheard_of")
        if "has_incomplete_payment" in states(subscription(status=status))
    }

    assert has == {"incomplete", "past_due", "unheard_of"}


# -- on trial --------------------------------------------------------------------------------------


def test_an_ended_trial_is_no_trial_even_if_its_end_is_ahead(
    subscription: Make, clock: SetClock
) -> None:
    ahead = clock.now() + 7 * DAY
    running = subscription(status="trialing", trial_end=ahead)
    ended = subscription(status="trialing", trial_end=ahead, ended_at=clock.now())
    canceled = subscription(status="canceled", trial_end=ahead)

    assert states(running) == {"is_active", "is_trialing"}
    assert states(ended) == states(canceled) == {"is_ended"}
    assert entitles(running)
    assert not entitles(ended)


def test_a_trial_whose_end_was_cleared_goes_on(subscription: Make) -> None:
    assert states(subscription(status="trialing", trial_end=None)) == {"is_active", "is_trialing"}
    assert states(subscription(status="active", trial_end=None)) == {"is_active", "is_recurring"}


# -- a trial that is canceled ----------------------------------------------------------------------


def test_canceled_at_period_end_during_a_trial_ends_with_the_trial(
    subscription: Make, clock: SetClock
) -> None:
    trial_end = clock.now() + 7 * DAY
    row = subscription(
        status="trialing",
        trial_end=trial_end,
        current_period_end=trial_end,
        cancel_at_period_end=True,
    )

    assert ends_at(row) == trial_end
    assert states(row) == {"is_active", "is_trialing", "is_canceling"}
    clock.moment = trial_end
    assert states(row) == {"is_ended"}


# -- a trial that lapsed ---------------------------------------------------------------------------


def test_a_trial_that_lapsed_before_its_news_came_is_active_and_no_trial(
    subscription: Make, clock: SetClock
) -> None:
    row = subscription(status="trialing", trial_end=clock.now() + DAY)

    clock.moment += DAY - MICROSECOND
    assert states(row) == {"is_active", "is_trialing"}
    clock.moment += MICROSECOND
    assert states(row) == {"is_active", "is_recurring"}
    assert entitles(row)


# -- paused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_paused_collection_shows_in_no_status_and_grants_nothing_by_default(
    subscription: Make, clock: SetClock, behavior: str
) -> None:
    row = subscription(pause_behavior=behavior, paid_until=clock.now() + DAY)

    assert states(row) == {"is_active", "is_recurring", "is_paused"}
    assert not entitles(row)
    assert not entitles(row, GRACE)


def test_void_takes_access_away_after_the_period_that_was_paid(
    subscription: Make, clock: SetClock
) -> None:
    """The latest period of a paid invoice counts, not the one in which the pause was seen."""
    row = subscription(
        pause_behavior="void",
        paid_until=clock.now() + DAY,
        current_period_end=clock.now() + 30 * DAY,
    )

    assert entitles(row, BY_BEHAVIOR)
    clock.moment += DAY - MICROSECOND
    assert entitles(row, BY_BEHAVIOR)
    clock.moment += MICROSECOND
    assert not entitles(row, BY_BEHAVIOR)


def test_void_without_anything_paid_grants_nothing(subscription: Make, clock: SetClock) -> None:
    row = subscription(pause_behavior="void", current_period_end=clock.now() + 30 * DAY)

    assert not entitles(row, BY_BEHAVIOR)


@pytest.mark.parametrize("behavior", ["keep_as_draft", "mark_uncollectible"])
def test_the_other_behaviors_keep_access(subscription: Make, behavior: str) -> None:
    assert entitles(subscription(pause_behavior=behavior), BY_BEHAVIOR)


def test_a_behavior_that_nobody_knows_grants_nothing(subscription: Make, clock: SetClock) -> None:
    row = subscription(pause_behavior="unheard_of", paid_until=clock.now() + DAY)

    assert not entitles(row, BY_BEHAVIOR)


def test_a_status_of_paused_grants_nothing_under_any_policy(
    subscription: Make, clock: SetClock
) -> None:
    """The processor's own word for a trial that ended without a card."""
    row = subscription(status="paused", paid_until=clock.now() + DAY)

    assert states(row) == {"is_paused"}
    for policy in (NO_GRACE, GRACE, BY_BEHAVIOR):
        assert not entitles(row, policy)


def test_a_pause_gives_nothing_to_what_has_no_access_anyway(
    subscription: Make, clock: SetClock
) -> None:
    """Neither the end of a subscription nor an unpaid one is mended by pausing it."""
    for status in ("canceled", "unpaid", "incomplete", "past_due"):
        row = subscription(
            status=status, pause_behavior="keep_as_draft", past_due_since=clock.now() - 20 * DAY
        )
        assert not entitles(row, EntitlementPolicy(grace=14 * DAY, paused_by_behavior=True))


# -- each status -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("trialing", {"is_active", "is_trialing"}),
        ("active", {"is_active", "is_recurring"}),
        ("past_due", {"is_past_due", "has_incomplete_payment"}),
        ("canceled", {"is_ended"}),
        ("unpaid", {"is_past_due"}),
        ("incomplete", {"is_incomplete", "has_incomplete_payment"}),
        ("incomplete_expired", {"is_ended"}),
        ("paused", {"is_paused"}),
        ("unheard_of", {"is_incomplete", "has_incomplete_payment"}),
    ],
)
def test_each_status_by_itself(subscription: Make, status: str, expected: set[str]) -> None:
    assert states(subscription(status=status)) == expected


@pytest.mark.parametrize(("quantity", "live"), [(None, True), (1, True), (0, False)])
def test_an_item_down_to_0_and_one_that_was_removed_stand_for_nothing(
    subscription: Make, session: orm.Session, clock: SetClock, quantity: int | None, live: bool
) -> None:
    item = models.SubscriptionItem(
        id=new_id(),
        subscription_id=subscription().id,
        processor="fake",
        processor_id="si_1",
        price_processor_id="price_1",
        quantity=quantity,
    )
    session.add(item)
    session.commit()
    assert item.is_live is live
    assert session.scalar(sa.select(models.SubscriptionItem.is_live)) is live

    item.removed_at = clock.now()
    session.commit()
    assert item.is_live is False
    assert session.scalar(sa.select(models.SubscriptionItem.is_live)) is False
