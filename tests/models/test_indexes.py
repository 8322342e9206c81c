"""Lists of the back office, and what jobs look for, are read by an index, also where few of many rows are
wanted.
"""

from __future__ import annotations

import typing as t
import uuid

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.admin import filters
from flask_accrue.admin.operators import Operator
from flask_accrue.admin.queries import Rows
from flask_accrue.admin.resources import CUSTOMERS, EVENTS, SUBSCRIPTIONS, WEBHOOKS
from flask_accrue.billing.mounted_sweep import expire_checkouts
from tests.models.conftest import NOW

if t.TYPE_CHECKING:
    import collections.abc as c

    from sqlalchemy import orm

ROWS = 20_000

# Those of the other processor are the oldest, as where a host has moved from it.
FILL = """
INSERT INTO accrue_customers (id, created_at, updated_at, processor, processor_id, created, deleted_at,
    lock_version, metadata, raw, data, owner_type, owner_id, generation, name, email, balance)
SELECT gen_random_uuid(), now(), now(), CASE WHEN i > :rows * 0.9 THEN 'braintree' ELSE 'stripe' END,
    'cus_' || md5(i::text), now() - i * interval '1 minute', CASE WHEN i % 900 = 2 THEN now() END,
    1, '{}', '{}', '{}', 'Organization', i::text, 1, md5((i * 3)::text), md5((i * 5)::text), 0
FROM generate_series(1, :rows) AS i;
INSERT INTO accrue_subscriptions (id, created_at, updated_at, processor, processor_id, created,
    lock_version, metadata, raw, data, customer_id, name, status, collection_method,
    cancel_at_period_end, current_period_end, pause_behavior)
SELECT gen_random_uuid(), now(), now(), processor, 'sub_' || md5(owner_id), created,
    1, '{}', '{}', '{}', id, 'default',
    CASE i % 900 WHEN 1 THEN 'trialing' WHEN 2 THEN 'past_due' WHEN 3 THEN 'incomplete'
        WHEN 4 THEN 'a new word' WHEN 5 THEN 'paused' ELSE 'active' END,
    'charge_automatically', i % 900 = 6, now() + interval '9 days',
    CASE WHEN i % 900 = 7 THEN 'void' END
FROM (SELECT *, owner_id::integer AS i FROM accrue_customers) AS customers;
INSERT INTO accrue_webhook_events (id, created_at, updated_at, processor, endpoint, processor_id, type,
    livemode, occurred_at, received_at, payload, state, attempts, next_attempt_at)
SELECT gen_random_uuid(), now(), now(), CASE WHEN i % 900 = 1 THEN 'braintree' ELSE 'stripe' END, '',
    'evt_' || md5(i::text), CASE WHEN i % 900 = 2 THEN 'charge.failed' ELSE 'charge.succeeded' END,
    true, now(), now() - i * interval '1 minute', '{}',
    CASE i % 900 WHEN 3 THEN 'dead' WHEN 4 THEN 'pending' ELSE 'succeeded' END, 1, now()
FROM generate_series(1, :rows) AS i;
INSERT INTO accrue_events (chain, sequence, type, schema_version, actor_type, subject_type, subject_id,
    customer_id, data, operation_id, cause_webhook_id, recorded_at, key_id, previous_hash, hash)
SELECT 'customer:1', i, CASE WHEN i % 900 = 1 THEN 'charge.failed' ELSE 'charge.succeeded' END, 1,
    CASE WHEN i % 900 = 2 THEN 'admin' ELSE 'webhook' END, 'charge', gen_random_uuid()::text,
    gen_random_uuid(), '{}', i::text, gen_random_uuid(), now() - (:rows - i) * interval '1 minute',
    'k1', '', ''
FROM generate_series(1, :rows) AS i;
INSERT INTO accrue_checkout_sessions (id, created_at, updated_at, processor, processor_id, created,
    lock_version, metadata, raw, data, customer_id, mode, status, payment_status, expires_at)
SELECT gen_random_uuid(), now(), now(), 'stripe', 'cs_mounted_' || md5(i::text), now(),
    1, '{}', '{}', '{}', gen_random_uuid(), 'payment',
    CASE WHEN i % 900 = 1 THEN 'open' WHEN i % 2 = 1 THEN 'expired' ELSE 'complete' END, 'unpaid',
    CAST(:now AS timestamptz) + i * CASE i % 900 WHEN 1 THEN interval '1 hour' ELSE interval '-1 hour' END
FROM generate_series(1, :rows) AS i
"""
ID = "0192f0c4-0000-7000-8000-000000000000"
FEW: list[tuple[t.Any, dict[str, str]]] = [
    (CUSTOMERS, {"q": "ab12"}),
    (CUSTOMERS, {"q": "cus_ab12"}),
    (CUSTOMERS, {"state": "deleted"}),
    (CUSTOMERS, {"processor": "braintree"}),
    (SUBSCRIPTIONS, {"q": "ab12"}),
    (SUBSCRIPTIONS, {"q": "sub_ab12"}),
    (SUBSCRIPTIONS, {"state": "trialing"}),
    (SUBSCRIPTIONS, {"state": "canceling"}),
    (SUBSCRIPTIONS, {"state": "past_due"}),
    (SUBSCRIPTIONS, {"state": "paused"}),
    (SUBSCRIPTIONS, {"state": "incomplete"}),
    (SUBSCRIPTIONS, {"processor": "braintree"}),
    (WEBHOOKS, {"q": "evt_ab12"}),
    (WEBHOOKS, {"state": "dead"}),
    (WEBHOOKS, {"state": "waiting"}),
    (WEBHOOKS, {"type": "charge.failed"}),
    (WEBHOOKS, {"processor": "braintree"}),
    (EVENTS, {"type": "charge.failed"}),
    (EVENTS, {"subject": f"charge:{ID}"}),
    (EVENTS, {"subject": ID}),
    (EVENTS, {"subject": "ch_1"}),
    (EVENTS, {"operation": "7"}),
    (EVENTS, {"who": "admin"}),
    (EVENTS, {"from": "2999-01-01"}),
    (EVENTS, {"until": "1999-01-01"}),
]
pytestmark = pytest.mark.only("postgresql")


def fill(session: orm.Session) -> None:
    """Write many rows of each kind."""
    session.execute(sa.text("SET LOCAL session_replication_role = replica"))
    for statement in FILL.split(";\n"):
        values = {"rows": ROWS, "now": NOW}
        session.execute(
            sa.text(statement), {name: values[name] for name in values if f":{name}" in statement}
        )
    session.execute(sa.text("ANALYZE"))


def selects(session: orm.Session) -> list[tuple[str, t.Any]]:
    """Return a list to which each statement that is read from now on is added, with its values."""
    read: list[tuple[str, t.Any]] = []

    def note(*args: t.Any) -> None:
        if args[2].startswith("SELECT"):
            read.append(args[2:4])

    engine = session.get_bind(mapper=models.Customer.__mapper__).engine
    sa.event.listen(engine, "before_cursor_execute", note)
    return read


def scans(plan: dict[str, t.Any]) -> c.Iterator[dict[str, t.Any]]:
    """Give the parts of a plan that read a table."""
    if "Relation Name" in plan:
        yield plan
    for part in plan.get("Plans", ()):
        yield from scans(part)


def assert_reads_few_rows(session: orm.Session, statement: tuple[str, t.Any], name: str) -> None:
    """Fail where a statement goes through many rows that it doesn't want."""
    cursor = session.connection().connection.cursor()
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement[0]}", statement[1])
    [plan] = cursor.fetchone()[0]
    for scan in scans(plan["Plan"]):
        assert scan.get("Rows Removed by Filter", 0) < ROWS / 10, (name, scan)


def test_whatever_filter_leaves_few_rows_reads_few_rows(session: orm.Session) -> None:
    fill(session)
    statements = selects(session)
    operator = Operator(None, "1", "Ada")
    lists = [
        (
            Rows(resource, operator, *filters.conditions(resource.filters, values)),
            f"{resource.name} {values}",
        )
        for resource, values in FEW
    ]
    of_webhook = models.LedgerEntry.cause_webhook_id == uuid.UUID(ID)
    for rows, name in (*lists, (Rows(EVENTS, operator, of_webhook), "what a webhook changed")):
        for read in (lambda rows=rows: rows.page(None, 50), rows.count):
            statements.clear()
            read()
            assert_reads_few_rows(session, statements[0], name)


def test_the_sweep_of_checkouts_reads_those_whose_time_is_over(session: orm.Session) -> None:
    fill(session)
    session.commit()
    statements = selects(session)
    assert expire_checkouts() == 0
    [looked] = [each for each in statements if "accrue_checkout_sessions" in each[0]]
    assert_reads_few_rows(session, looked, "expire_checkouts")
