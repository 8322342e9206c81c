"""Who had which coupon.

Revision ID: 0007_redemptions
"""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007_redemptions"
down_revision = "0006_setup_intents"
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


def upgrade() -> None:
    op.create_table(
        "accrue_redemptions",
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("discount_processor_id", exact(255), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_processor_id", exact(255), nullable=True),
        sa.Column("coupon_processor_id", exact(255), nullable=False),
        sa.Column("promotion_code_processor_id", exact(255), nullable=True),
        sa.Column("redeemed_at", instant(), nullable=False),
        sa.Column("ends_at", instant(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_redemptions_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_redemptions"),
        sa.UniqueConstraint(
            "processor",
            "discount_processor_id",
            name="uq_accrue_redemptions_processor_discount_processor_id",
        ),
    )
    for name, columns in (
        ("customer_id", ["customer_id"]),
        ("list", ["redeemed_at", "id"]),
        ("coupon", ["processor", "coupon_processor_id"]),
        ("code", ["processor", "promotion_code_processor_id"]),
    ):
        op.create_index(f"ix_accrue_redemptions_{name}", "accrue_redemptions", columns)


def downgrade() -> None:
    op.drop_table("accrue_redemptions")
