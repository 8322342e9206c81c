"""Links to mounted pages.

Revision ID: 0005_page_links
"""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0005_page_links"
down_revision = "0004_sync_runs"
branch_labels = None
depends_on = None


def instant() -> sa.types.TypeEngine[datetime.datetime]:
    """A time in UTC with microseconds."""
    precise = mysql.DATETIME(fsp=6)
    return sa.DateTime(timezone=True).with_variant(precise, "mysql", "mariadb")


def upgrade() -> None:
    json = sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True), "postgresql"
    )
    op.create_table(
        "accrue_page_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("checkout_session_id", sa.Uuid(), nullable=True),
        sa.Column("details", json, nullable=False),
        sa.Column("expires_at", instant(), nullable=False),
        sa.Column("used_at", instant(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_page_links_customer_id"
        ),
        sa.ForeignKeyConstraint(
            ["checkout_session_id"],
            ["accrue_checkout_sessions.id"],
            name="fk_accrue_page_links_checkout_session_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_page_links"),
        sa.UniqueConstraint("token_hash", name="uq_accrue_page_links_token_hash"),
    )
    for column in ("customer_id", "checkout_session_id"):
        op.create_index(f"ix_accrue_page_links_{column}", "accrue_page_links", [column])


def downgrade() -> None:
    op.drop_table("accrue_page_links")
