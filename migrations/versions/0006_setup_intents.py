"""Cards that are set up for later.

Revision ID: 0006_setup_intents
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0006_setup_intents"
down_revision = "0005_page_links"
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
        "accrue_setup_intents",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("usage", sa.String(length=50), nullable=False),
        sa.Column("payment_method_processor_id", exact(255), nullable=True),
        sa.Column("error_code", exact(255), nullable=True),
        sa.Column("error_decline_code", exact(255), nullable=True),
        sa.Column("cancellation_reason", exact(255), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_setup_intents_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_setup_intents"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_setup_intents_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_setup_intents_customer_id", "accrue_setup_intents", ["customer_id"])
    op.create_index("ix_accrue_setup_intents_list", "accrue_setup_intents", ["created", "id"])


def downgrade() -> None:
    op.drop_table("accrue_setup_intents")
