"""Coupons, promotion codes, tax ids, disputes, credit notes, schedules and checkout sessions.

Revision ID: 0002_coupons_to_checkout
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0002_coupons_to_checkout"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None

TABLES = (
    "accrue_coupons",
    "accrue_promotion_codes",
    "accrue_tax_ids",
    "accrue_disputes",
    "accrue_credit_notes",
    "accrue_subscription_schedules",
    "accrue_checkout_sessions",
)


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
        "accrue_coupons",
        sa.Column("name", exact(255), nullable=True),
        sa.Column("amount_off", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("percent_off", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.String(length=20), nullable=False),
        sa.Column("duration_in_months", sa.Integer(), nullable=True),
        sa.Column("max_redemptions", sa.BigInteger(), nullable=True),
        sa.Column("times_redeemed", sa.BigInteger(), nullable=False),
        sa.Column("redeem_by", instant(), nullable=True),
        sa.Column("is_valid", sa.Boolean(), nullable=False),
        sa.Column("product_processor_ids", document(), nullable=True),
        sa.Column("currency_options", document(), nullable=True),
        *mirrored(),
        *row(),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_coupons"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_coupons_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_coupons_list", "accrue_coupons", ["created", "id"])
    op.create_table(
        "accrue_promotion_codes",
        sa.Column("code", exact(500), nullable=False),
        sa.Column("coupon_processor_id", exact(255), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("only_for_processor_id", exact(255), nullable=True),
        sa.Column("expires_at", instant(), nullable=True),
        sa.Column("max_redemptions", sa.BigInteger(), nullable=True),
        sa.Column("times_redeemed", sa.BigInteger(), nullable=False),
        sa.Column("first_time_transaction", sa.Boolean(), nullable=False),
        sa.Column("minimum_amount", sa.BigInteger(), nullable=True),
        sa.Column("minimum_amount_currency", sa.String(length=3), nullable=True),
        sa.Column("currency_options", document(), nullable=True),
        *mirrored(),
        *row(),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_promotion_codes"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_promotion_codes_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_promotion_codes_code", "accrue_promotion_codes", ["code"])
    op.create_index(
        "ix_accrue_promotion_codes_coupon_processor_id",
        "accrue_promotion_codes",
        ["coupon_processor_id"],
    )
    op.create_index("ix_accrue_promotion_codes_list", "accrue_promotion_codes", ["created", "id"])
    op.create_table(
        "accrue_tax_ids",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("value", exact(255), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("verification_status", sa.String(length=50), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_tax_ids_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_tax_ids"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_tax_ids_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_tax_ids_customer_id", "accrue_tax_ids", ["customer_id"])
    op.create_index("ix_accrue_tax_ids_list", "accrue_tax_ids", ["created", "id"])
    op.create_table(
        "accrue_disputes",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("charge_processor_id", exact(255), nullable=False),
        sa.Column("payment_intent_processor_id", exact(255), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", exact(255), nullable=False),
        sa.Column("is_charge_refundable", sa.Boolean(), nullable=False),
        sa.Column("evidence_due_by", instant(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_disputes_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_disputes"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_disputes_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_disputes_charge_processor_id", "accrue_disputes", ["charge_processor_id"]
    )
    op.create_index("ix_accrue_disputes_customer_id", "accrue_disputes", ["customer_id"])
    op.create_index("ix_accrue_disputes_list", "accrue_disputes", ["created", "id"])
    op.create_table(
        "accrue_credit_notes",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_processor_id", exact(255), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("pre_payment_amount", sa.BigInteger(), nullable=False),
        sa.Column("post_payment_amount", sa.BigInteger(), nullable=False),
        sa.Column("out_of_band_amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=50), nullable=True),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("voided_at", instant(), nullable=True),
        sa.Column("refund_processor_ids", document(), nullable=False),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_credit_notes_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_credit_notes"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_credit_notes_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_credit_notes_customer_id", "accrue_credit_notes", ["customer_id"])
    op.create_index(
        "ix_accrue_credit_notes_invoice_processor_id",
        "accrue_credit_notes",
        ["invoice_processor_id"],
    )
    op.create_index("ix_accrue_credit_notes_list", "accrue_credit_notes", ["created", "id"])
    op.create_table(
        "accrue_subscription_schedules",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_processor_id", exact(255), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("end_behavior", sa.String(length=50), nullable=False),
        sa.Column("phases", document(), nullable=False),
        sa.Column("current_phase_start", instant(), nullable=True),
        sa.Column("current_phase_end", instant(), nullable=True),
        sa.Column("canceled_at", instant(), nullable=True),
        sa.Column("completed_at", instant(), nullable=True),
        sa.Column("released_at", instant(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["accrue_customers.id"],
            name="fk_accrue_subscription_schedules_customer_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_subscription_schedules"),
        sa.UniqueConstraint(
            "processor",
            "processor_id",
            name="uq_accrue_subscription_schedules_processor_processor_id",
        ),
    )
    op.create_index(
        "ix_accrue_subscription_schedules_customer",
        "accrue_subscription_schedules",
        ["customer_id", "created", "id"],
    )
    op.create_index(
        "ix_accrue_subscription_schedules_list", "accrue_subscription_schedules", ["created", "id"]
    )
    op.create_index(
        "ix_accrue_subscription_schedules_subscription_processor_id",
        "accrue_subscription_schedules",
        ["subscription_processor_id"],
    )
    op.create_table(
        "accrue_checkout_sessions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=50), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("payment_status", sa.String(length=50), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("amount_total", sa.BigInteger(), nullable=True),
        sa.Column("subscription_processor_id", exact(255), nullable=True),
        sa.Column("payment_intent_processor_id", exact(255), nullable=True),
        sa.Column("setup_intent_processor_id", exact(255), nullable=True),
        sa.Column("invoice_processor_id", exact(255), nullable=True),
        sa.Column("client_reference_id", exact(255), nullable=True),
        sa.Column("expires_at", instant(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_checkout_sessions_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_checkout_sessions"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_checkout_sessions_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_checkout_sessions_customer",
        "accrue_checkout_sessions",
        ["customer_id", "created", "id"],
    )
    op.create_index(
        "ix_accrue_checkout_sessions_list", "accrue_checkout_sessions", ["created", "id"]
    )
    op.create_index(
        "ix_accrue_checkout_sessions_subscription_processor_id",
        "accrue_checkout_sessions",
        ["subscription_processor_id"],
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
