"""Meter events.

Revision ID: 0003_meter_events
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003_meter_events"
down_revision = "0002_coupons_to_checkout"
branch_labels = None
depends_on = None


def exact(length: int) -> sa.types.TypeEngine[str]:
    """A string that tells upper from lower case on every database."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, "mysql", "mariadb")


def instant() -> sa.types.TypeEngine[datetime.datetime]:
    """A time in UTC with microseconds."""
    precise = mysql.DATETIME(fsp=6)
    return sa.DateTime(timezone=True).with_variant(precise, "mysql", "mariadb")


def row() -> tuple[sa.Column[t.Any], ...]:
    """The columns of every row."""
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "accrue_meter_events",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("event_name", exact(100), nullable=False),
        sa.Column("identifier", exact(100), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", instant(), nullable=False),
        sa.Column("sent_at", instant(), nullable=True),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("reported_at", instant(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", instant(), nullable=False),
        sa.Column("claim_token", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", instant(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_meter_events_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_meter_events"),
        sa.UniqueConstraint(
            "processor", "identifier", name="uq_accrue_meter_events_processor_identifier"
        ),
    )
    op.create_index(
        "ix_accrue_meter_events_due", "accrue_meter_events", ["state", "next_attempt_at"]
    )
    op.create_index("ix_accrue_meter_events_list", "accrue_meter_events", ["created_at", "id"])
    op.create_index(
        "ix_accrue_meter_events_usage",
        "accrue_meter_events",
        ["customer_id", "event_name", "occurred_at"],
    )


def downgrade() -> None:
    op.drop_table("accrue_meter_events")
