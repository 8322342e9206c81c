"""Each predicate and its SQL twin say the same of any row, on every database.

What is tried is read off the models: a predicate that comes later is tried as well, over the columns
that its SQL reads and the words that its SQL compares them with.
"""

from __future__ import annotations

import datetime
import itertools
import typing as t

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.hybrid import HybridExtensionType
from sqlalchemy.sql import visitors

from flask_accrue import models
from flask_accrue.ids import new_id
from flask_accrue.models.base import UtcDateTime
from flask_accrue.plans import EntitlementPolicy
from tests.models.conftest import NOW

if t.TYPE_CHECKING:
    import collections.abc as c

    from sqlalchemy import orm

HYBRIDS: dict[type[models.Base], list[str]] = {
    mapper.class_: sorted(
        {
            descriptor.__name__
            for descriptor in mapper.all_orm_descriptors
            if descriptor.extension_type is HybridExtensionType.HYBRID_PROPERTY
        }
    )
    for mapper in models.Base.registry.mappers
}
WITH_HYBRIDS = sorted(
    (model for model, names in HYBRIDS.items() if names), key=lambda model: model.__name__
)

MICROSECOND = datetime.timedelta(microseconds=1)
SPANS = [datetime.timedelta(days=days) for days in (0, 1, 14, 400)]
MOMENTS = sorted(
    {
        NOW + sign * span + nudge * MICROSECOND
        for span in SPANS
        for sign in (-1, 1)
        for nudge in (-1, 0, 1)
    }
)
# Around the months and years of NOW, and what a processor may say by mistake.
NUMBERS = [-1, 0, 1, 4, 5, 6, 12, 13, 2025, 2026, 2027]
#: Besides those that the predicates know: what a processor may say one day, and near misses.
WORDS = {"", "unheard_of", "Active", "active ", "ACTIVE", "null"}
POLICIES = st.builds(
    EntitlementPolicy,
    grace=st.sampled_from([None, *SPANS, SPANS[2] + MICROSECOND]),
    paused_by_behavior=st.booleans(),
)
MARKS = {"current_period_end": {"cancel_at_period_end": True}, "exp_month": {"exp_year": 2026}}
THOROUGHLY = settings(
    max_examples=40,
    deadline=None,
    # One database serves all examples: each leaves it as it was.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def expressions(model: type[models.Base]) -> list[sa.ColumnElement[t.Any]]:
    """Return the SQL of all a model's predicates; for a policy under which it reads the most."""
    found = [getattr(model, name) for name in HYBRIDS[model]]
    if model is models.Subscription:
        policy = EntitlementPolicy(grace=SPANS[2], paused_by_behavior=True)
        found.append(models.Subscription.is_entitling(policy))
    return [sa.select(each).selected_columns[0] for each in found]


def read_by(sql: c.Iterable[sa.ColumnElement[t.Any]]) -> dict[str, set[str]]:
    """Return the columns that the SQL reads, each with the words that it's compared with."""
    read: dict[str, set[str]] = {}
    for element in (element for each in sql for element in visitors.iterate(each)):
        if isinstance(element, sa.Column):
            read.setdefault(element.key, set())
        elif isinstance(element, sa.BinaryExpression) and isinstance(element.left, sa.Column):
            value = getattr(element.right, "effective_value", None)
            many = value if isinstance(value, list | tuple) else [value]
            known = read.setdefault(element.left.key, set())
            known |= {each for each in many if isinstance(each, str)}
    return read


def choices_of(
    model: type[models.Base], unknown: c.Collection[str] = WORDS
) -> dict[str, list[t.Any]]:
    """Return what each column that a predicate reads may hold, NULL last where it may be."""
    choices: dict[str, list[t.Any]] = {}
    for name, words in read_by(expressions(model)).items():
        column = model.__table__.c[name]
        if isinstance(column.type, sa.Boolean):
            choices[name] = [False, True]
        elif isinstance(column.type, UtcDateTime):
            choices[name] = list(MOMENTS)
        elif isinstance(column.type, sa.Integer):
            choices[name] = list(NUMBERS)
        else:
            assert isinstance(column.type, sa.String), column
            choices[name] = sorted(words.union(unknown))
        if column.nullable:
            choices[name].append(None)
    return choices


def filler(column: sa.Column[t.Any], parents: dict[str, t.Any]) -> t.Any:
    """Return something for a column that no predicate reads."""
    for key in column.foreign_keys:
        return parents[key.target_fullname]
    if isinstance(column.type, UtcDateTime):
        return NOW
    if isinstance(column.type, sa.Integer | sa.Boolean):
        return 0
    length = getattr(column.type, "length", None)
    return new_id().hex if length is None or length >= 32 else "usd"[:length]


def rows_of(model: type[models.Base]) -> st.SearchStrategy[list[dict[str, t.Any]]]:
    """Return rows of a model over all that its predicates look at."""
    values = {
        # Half of them NULL where they may be: most predicates are about few columns at a time.
        name: st.none() | st.sampled_from(choices) if None in choices else st.sampled_from(choices)
        for name, choices in choices_of(model).items()
    }
    return st.lists(st.fixed_dictionaries(values), min_size=1, max_size=40)


def grid_of(model: type[models.Base]) -> list[dict[str, t.Any]]:
    """Return each combination of words, each with every value of every other column by itself."""
    choices = choices_of(model, unknown=["unheard_of"])
    words = {
        name: values
        for name, values in choices.items()
        if isinstance(model.__table__.c[name].type, sa.String)
    }
    others = {name: values for name, values in choices.items() if name not in words}
    plain = {
        name: values[-1] if values[-1] is None else values[0] for name, values in others.items()
    }
    singled = [plain] + [
        {**plain, name: value, **also}
        for name, values in others.items()
        for value in values
        # A column that only counts together with a mark is tried with the mark.
        for also in ([{}, MARKS[name]] if name in MARKS else [{}])
    ]
    return [
        dict(zip(words, said, strict=True)) | single
        for said in itertools.product(*words.values())
        for single in singled
    ]


@pytest.fixture
def parents(session: orm.Session, customer: models.Customer) -> dict[str, t.Any]:
    """Give the ids of what foreign keys point to."""
    subscription = models.Subscription(
        id=new_id(),
        customer_id=customer.id,
        processor="fake",
        processor_id="sub_1",
        status="active",
    )
    event = models.WebhookEvent(
        id=new_id(),
        processor="fake",
        processor_id="evt_1",
        type="ping",
        livemode=False,
        occurred_at=NOW,
        next_attempt_at=NOW,
        payload="{}",
    )
    session.add_all([subscription, event])
    session.commit()
    return {
        "accrue_customers.id": customer.id,
        "accrue_subscriptions.id": subscription.id,
        "accrue_webhook_events.id": event.id,
    }


def store(
    session: orm.Session,
    model: type[models.Base],
    rows: list[dict[str, t.Any]],
    parents: dict[str, t.Any],
) -> dict[t.Any, t.Any]:
    """Insert rows, and return them by id as they come back."""
    needed = [
        column
        for column in model.__table__.c
        if not column.nullable and column.default is None and column.key != "id"
    ]
    ids = [new_id() for _ in rows]
    full = [
        {column.key: filler(column, parents) for column in needed} | {"id": id} | row
        for id, row in zip(ids, rows, strict=True)
    ]
    session.execute(sa.insert(model), full)
    found = session.scalars(sa.select(model).where(model.__table__.c.id.in_(ids)))
    return {row.id: row for row in found}


def said_by_sql(
    session: orm.Session, model: type[models.Base], sql: t.Any, stored: c.Iterable[t.Any]
) -> dict[t.Any, t.Any]:
    """Return what the SQL says of each row. NULL isn't a word of a predicate: NOT of it is NULL."""
    key = model.__table__.c.id
    return {
        row[0]: row[1] for row in session.execute(sa.select(key, sql).where(key.in_(list(stored))))
    }


@pytest.mark.parametrize("model", WITH_HYBRIDS, ids=lambda model: model.__name__)
def test_each_predicate_agrees_with_its_twin(
    session: orm.Session, parents: dict[str, t.Any], model: type[models.Base]
) -> None:
    @THOROUGHLY
    @given(rows=rows_of(model))
    def agree(rows: list[dict[str, t.Any]]) -> None:
        try:
            stored = store(session, model, rows, parents)
            for name in HYBRIDS[model]:
                told = {id: getattr(row, name) for id, row in stored.items()}
                assert said_by_sql(session, model, getattr(model, name), stored) == told, name
        finally:
            session.rollback()

    agree()


@pytest.mark.parametrize("model", WITH_HYBRIDS, ids=lambda model: model.__name__)
def test_each_predicate_agrees_with_its_twin_at_every_edge(
    session: orm.Session, parents: dict[str, t.Any], model: type[models.Base]
) -> None:
    stored = store(session, model, grid_of(model), parents)
    for name in HYBRIDS[model]:
        told = {id: getattr(row, name) for id, row in stored.items()}
        assert said_by_sql(session, model, getattr(model, name), stored) == told, name


def test_what_entitles_agrees_with_its_twin_at_every_edge(
    session: orm.Session, parents: dict[str, t.Any]
) -> None:
    model = models.Subscription
    stored = store(session, model, grid_of(model), parents)
    for grace, by_behavior in itertools.product([None, *SPANS], [False, True]):
        policy = EntitlementPolicy(grace=grace, paused_by_behavior=by_behavior)
        told = {id: row.is_entitling(policy) for id, row in stored.items()}
        assert said_by_sql(session, model, model.is_entitling(policy), stored) == told, policy


def test_what_entitles_agrees_with_its_twin_under_any_policy(
    session: orm.Session, parents: dict[str, t.Any]
) -> None:
    model = models.Subscription

    @THOROUGHLY
    @given(rows=rows_of(model), policies=st.lists(POLICIES, min_size=1, max_size=4))
    def agree(rows: list[dict[str, t.Any]], policies: list[EntitlementPolicy]) -> None:
        try:
            stored = store(session, model, rows, parents)
            for policy in policies:
                told = {id: row.is_entitling(policy) for id, row in stored.items()}
                sql = model.is_entitling(policy)
                assert said_by_sql(session, model, sql, stored) == told, policy
                chosen = session.scalars(sa.select(model.id).where(sql, model.id.in_(list(stored))))
                assert set(chosen) == {id for id, entitles in told.items() if entitles}, policy
        finally:
            session.rollback()

    agree()


def test_the_predicates_are_found() -> None:
    assert {model.__name__ for model in WITH_HYBRIDS} >= {
        "Charge",
        "Customer",
        "Invoice",
        "PaymentIntent",
        "PaymentMethod",
        "Price",
        "Refund",
        "Subscription",
        "SubscriptionItem",
        "WebhookEvent",
    }
    assert {"ends_at", "is_active", "is_paused", "is_recurring"} <= set(
        HYBRIDS[models.Subscription]
    )


@pytest.mark.only("sqlite")
def test_rows_reach_what_the_predicates_look_at(session: orm.Session) -> None:
    read = read_by(expressions(models.Subscription))

    assert set(read) == {
        "status",
        "deleted_at",
        "ended_at",
        "cancel_at",
        "cancel_at_period_end",
        "current_period_end",
        "trial_end",
        "past_due_since",
        "pause_behavior",
        "paid_until",
    }
    assert read["status"] == set(models.subscriptions.STATUSES)
    assert read["pause_behavior"] == {"void", "keep_as_draft", "mark_uncollectible"}
