"""Connected accounts, and transfers to them.

Revision ID: 0008_connect
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0008_connect"
down_revision = "0007_redemptions"
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
        "accrue_connect_accounts",
        sa.Column("owner_type", sa.String(length=100), nullable=True),
        sa.Column("owner_id", exact(255), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=True),
        sa.Column("dashboard", sa.String(length=20), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("email", exact(255), nullable=True),
        sa.Column("business_type", sa.String(length=50), nullable=True),
        sa.Column("business_name", exact(255), nullable=True),
        sa.Column("default_currency", sa.String(length=3), nullable=True),
        sa.Column("charges_enabled", sa.Boolean(), nullable=False),
        sa.Column("payouts_enabled", sa.Boolean(), nullable=False),
        sa.Column("details_submitted", sa.Boolean(), nullable=False),
        sa.Column("capabilities", document(), nullable=False),
        sa.Column("currently_due", document(), nullable=False),
        sa.Column("past_due", document(), nullable=False),
        sa.Column("disabled_reason", exact(255), nullable=True),
        sa.Column("due_by", instant(), nullable=True),
        *mirrored(),
        *row(),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_connect_accounts"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_connect_accounts_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_connect_accounts_list", "accrue_connect_accounts", ["created", "id"])
    op.create_index(
        "ix_accrue_connect_accounts_owner", "accrue_connect_accounts", ["owner_type", "owner_id"]
    )
    op.create_table(
        "accrue_transfers",
        sa.Column("destination_processor_id", exact(255), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_reversed", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("source_charge_processor_id", exact(255), nullable=True),
        sa.Column("transfer_group", exact(255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        *mirrored(),
        *row(),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_transfers"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_transfers_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_transfers_list", "accrue_transfers", ["created", "id"])
    op.create_index(
        "ix_accrue_transfers_destination",
        "accrue_transfers",
        ["destination_processor_id", "created", "id"],
    )
    op.create_index(
        "ix_accrue_transfers_source_charge_processor_id",
        "accrue_transfers",
        ["source_charge_processor_id"],
    )
    op.create_index("ix_accrue_transfers_transfer_group", "accrue_transfers", ["transfer_group"])


def downgrade() -> None:
    op.drop_table("accrue_transfers")
    op.drop_table("accrue_connect_accounts")
