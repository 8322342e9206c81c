from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_accrue import entitled, features_for, models
from flask_accrue.billable import owner_reference
from flask_accrue.entitlements.holdings import read_holdings
from flask_accrue.models.subscriptions import STATUSES
from flask_accrue.plans import EntitlementPolicy
from tests.entitlements.conftest import DAY, MOMENT, NOW
from tests.host import Organization

if TYPE_CHECKING:
    from tests.entitlements.conftest import Host

# -- one definition --------------------------------------------------------------------------------

# Around the boundaries: the clock stands at NOW, and grace is a day.
MOMENTS = st.one_of(
    st.none(),
    st.sampled_from(
        [NOW + days * DAY + by for days in (-1, 0, 1) for by in (-MOMENT, DAY * 0, MOMENT)]
    ),
)
SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "status": st.sampled_from([*STATUSES, "active", "past_due", "a word of tomorrow"]),
        "current_period_end": MOMENTS,
        "cancel_at_period_end": st.booleans(),
        "cancel_at": MOMENTS,
        "ended_at": st.one_of(st.none(), st.none(), MOMENTS),
        "pause_behavior": st.sampled_from(
            [None, None, "void", "keep_as_draft", "mark_uncollectible", "a word of tomorrow"]
        ),
        "past_due_since": MOMENTS,
        "paid_until": MOMENTS,
        "deleted_at": st.sampled_from([None, None, NOW]),
        "quantity": st.sampled_from([None, 0, 1, 5]),
        "removed_at": st.sampled_from([None, None, NOW]),
    }
)
POLICIES = st.builds(
    EntitlementPolicy,
    grace=st.sampled_from([None, datetime.timedelta(), DAY]),
    paused_by_behavior=st.booleans(),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(st.lists(SUBSCRIPTIONS, min_size=1, max_size=12), POLICIES)
def test_the_gate_grants_exactly_what_the_sql_twins_of_the_predicates_select(
    host: Host, held: list[dict[str, Any]], policy: EntitlementPolicy
) -> None:
    owner = host.owner()
    for number, values in enumerate(held):
        host.hold(owner, f"price_{number}", **values)
    selected = host.session.scalars(
        sa.select(models.SubscriptionItem.price_processor_id)
        .join(models.Subscription)
        .join(models.Customer)
        .where(
            models.Customer.owner_id == str(owner.id),
            models.Subscription.is_entitling(policy),
            models.SubscriptionItem.is_live,
        )
    )
    read = read_holdings(*owner_reference(owner))
    assert read is not None
    assert {each.price_id for each in read if each.grants(policy)} == set(selected)


def test_each_column_is_read_into_its_own_place(host: Host) -> None:
    owner = host.owner()
    values: dict[str, Any] = {
        "status": "past_due",
        "current_period_end": NOW + 1 * DAY,
        "cancel_at_period_end": True,
        "cancel_at": NOW + 2 * DAY,
        "pause_behavior": "void",
        "past_due_since": NOW + 3 * DAY,
        "paid_until": NOW + 4 * DAY,
        "quantity": 5,
    }
    host.hold(owner, "price_pro", processor="acme", **values)
    read = read_holdings(*owner_reference(owner))
    assert read is not None
    (holding,) = read
    assert {name: getattr(holding, name) for name in values} == values
    assert (holding.processor, holding.price_id) == ("acme", "price_pro")
    assert (holding.ended_at, holding.deleted_at, holding.removed_at) == (None, None, None)


# -- within the host's session ---------------------------------------------------------------------


def test_the_hosts_pending_rows_are_not_flushed(host: Host) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.add(Organization(name=None))  # which no flush would survive
    assert entitled(owner, "reports")
    assert host.session.new


def test_a_row_that_the_host_changed_and_did_not_save_decides_nothing(host: Host) -> None:
    owner = host.owner()
    subscription = host.hold(owner, status="canceled")
    subscription.status = "active"
    assert not entitled(owner, "reports")
    assert subscription.status == "active"


def test_what_was_just_committed_is_seen(host: Host) -> None:
    owner = host.owner()
    subscription = host.hold(owner)
    assert entitled(owner, "reports")
    subscription.status = "canceled"
    host.session.commit()
    assert not entitled(owner, "reports")


# -- a database that fails -------------------------------------------------------------------------


def lose_the_table(host: Host) -> None:
    """Make every statement of the gate fail, as before the migrations have run."""
    with host.db.engine.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE accrue_subscription_items RENAME TO accrue_items_elsewhere")
        )


def test_a_database_error_denies_is_logged_and_leaves_a_session_that_works(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.commit()
    lose_the_table(host)
    assert entitled(owner, "reports") is False
    assert features_for(owner) == frozenset()
    assert "a gate denies" in caplog.text
    assert "accrue_subscription_items" in caplog.text
    assert not host.session().in_transaction()
    assert host.session.get_one(Organization, owner.id).name == "Acme"


@pytest.mark.only("postgresql")
def test_a_transaction_that_the_gate_broke_is_rolled_back(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    owner = host.owner()
    lose_the_table(host)
    host.session.add(Organization(name="never saved"))
    host.session.flush()
    assert entitled(owner, "reports") is False
    assert "the transaction was rolled back" in caplog.text
    names = host.session.scalars(sa.select(Organization.name)).all()
    assert names == ["Acme"]


@pytest.mark.only("sqlite")
def test_a_transaction_that_survives_the_gates_error_stays_the_hosts(host: Host) -> None:
    owner = host.owner()
    lose_the_table(host)
    host.session.add(Organization(name="saved all the same"))
    host.session.flush()
    assert entitled(owner, "reports") is False
    host.session.commit()
    names = host.session.scalars(sa.select(Organization.name)).all()
    assert names == ["Acme", "saved all the same"]


@pytest.mark.only("postgresql")
def test_a_transaction_that_was_broken_before_is_left_to_the_host(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.commit()
    with pytest.raises(sa.exc.DBAPIError):
        host.session.execute(sa.text("SELECT no_such_column"))
    assert entitled(owner, "reports") is False
    assert "a gate denies" in caplog.text
    with pytest.raises(sa.exc.DBAPIError):
        host.session.execute(sa.text("SELECT 1"))
    host.session.rollback()
    assert entitled(owner, "reports") is True


def test_a_flush_that_failed_before_is_left_to_the_host(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.commit()
    host.session.add(Organization(name=None))
    with pytest.raises(sa.exc.IntegrityError):
        host.session.flush()
    assert entitled(owner, "reports") is False
    assert "a gate denies" in caplog.text
    with pytest.raises(sa.exc.PendingRollbackError):
        host.session.execute(sa.text("SELECT 1"))
    host.session.rollback()
    assert entitled(owner, "reports") is True


@pytest.mark.only("postgresql")
def test_a_connection_that_died_denies_once_and_the_next_one_answers(host: Host) -> None:
    owner = host.owner()
    host.hold(owner)
    host.session.commit()
    pid = host.session.scalar(sa.text("SELECT pg_backend_pid()"))
    host.session.add(Organization(name="never saved"))
    host.session.flush()
    with host.db.engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert entitled(owner, "reports") is False
    assert entitled(owner, "reports") is True
