"""What processors say themselves that customers may use.

Revision ID: 0009_entitlement_summaries
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0009_entitlement_summaries"
down_revision = "0008_connect"
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


def document() -> sa.types.TypeEngine[t.Any]:
    """JSON."""
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def row() -> tuple[sa.Column[t.Any], ...]:
    """The columns of every row."""
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
    )


def mirrored() -> tuple[sa.Column[t.Any], ...]:
    """The columns of every mirrored row."""
    return (
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("processor_id", exact(255), nullable=False),
        sa.Column("created", instant(), nullable=True),
        sa.Column("deleted_at", instant(), nullable=True),
        sa.Column("fresh_from", instant(), nullable=True),
        sa.Column("fresh_to", instant(), nullable=True),
        sa.Column("fresh_event", exact(255), nullable=True),
        sa.Column("lock_version", sa.Integer(), nullable=False),
        sa.Column("metadata", document(), nullable=False),
        sa.Column("raw", document(), nullable=False),
        sa.Column("data", document(), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "accrue_entitlement_summaries",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("lookup_keys", document(), nullable=False),
        sa.Column("feature_processor_ids", document(), nullable=False),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["accrue_customers.id"],
            name="fk_accrue_entitlement_summaries_customer_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_entitlement_summaries"),
        sa.UniqueConstraint(
            "processor",
            "processor_id",
            name="uq_accrue_entitlement_summaries_processor_processor_id",
        ),
    )
    op.create_index(
        "ix_accrue_entitlement_summaries_customer_id",
        "accrue_entitlement_summaries",
        ["customer_id"],
    )
    op.create_index(
        "ix_accrue_entitlement_summaries_list", "accrue_entitlement_summaries", ["created", "id"]
    )


def downgrade() -> None:
    op.drop_table("accrue_entitlement_summaries")
