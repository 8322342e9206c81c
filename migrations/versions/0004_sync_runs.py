"""Runs of the command that compares a whole account.

Revision ID: 0004_sync_runs
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0004_sync_runs"
down_revision = "0003_meter_events"
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


def upgrade() -> None:
    op.create_table(
        "accrue_sync_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("asked", document(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("progress", document(), nullable=False),
        sa.Column("counts", document(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("finished_at", instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_sync_runs"),
    )
    op.create_index(
        "ix_accrue_sync_runs_open", "accrue_sync_runs", ["processor", "state", "created_at"]
    )


def downgrade() -> None:
    op.drop_table("accrue_sync_runs")
