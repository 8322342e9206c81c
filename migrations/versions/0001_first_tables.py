"""The first tables: customers to refunds, webhook events, operations and the ledger.

Revision ID: 0001_first_tables
"""

from __future__ import annotations

import datetime
import typing as t

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0001_first_tables"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "accrue_handler_runs",
    "accrue_webhook_events",
    "accrue_invoice_items",
    "accrue_subscription_items",
    "accrue_subscriptions",
    "accrue_refunds",
    "accrue_charges",
    "accrue_invoice_payments",
    "accrue_invoices",
    "accrue_payment_intents",
    "accrue_payment_methods",
    "accrue_customers",
    "accrue_products",
    "accrue_prices",
    "accrue_operations",
    "accrue_ledger_checkpoints",
    "accrue_events",
    "accrue_ledger_chains",
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


def row_number() -> sa.types.TypeEngine[int]:
    """A key that the database counts up."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def body() -> sa.types.TypeEngine[str]:
    """A text of up to 16 MB."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


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
        "accrue_customers",
        sa.Column("owner_type", sa.String(length=100), nullable=False),
        sa.Column("owner_id", exact(255), nullable=False),
        sa.Column("account", exact(64), nullable=True),
        sa.Column("owner_key", sa.String(length=440), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("name", exact(512), nullable=True),
        sa.Column("email", exact(512), nullable=True),
        sa.Column("preferred_locale", sa.String(length=35), nullable=True),
        sa.Column("preferred_timezone", sa.String(length=64), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("discounts", document(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("default_payment_method_id", sa.Uuid(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["default_payment_method_id"],
            ["accrue_payment_methods.id"],
            name="fk_accrue_customers_default_payment_method_id",
            ondelete="SET NULL",
            use_alter=True,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_customers"),
        sa.UniqueConstraint(
            "processor", "owner_key", name="uq_accrue_customers_processor_owner_key"
        ),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_customers_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_customers_list", "accrue_customers", ["created", "id"])
    op.create_index("ix_accrue_customers_owner", "accrue_customers", ["owner_type", "owner_id"])
    op.create_index(
        "ix_accrue_customers_processor", "accrue_customers", ["processor", "created", "id"]
    )
    op.create_table(
        "accrue_events",
        sa.Column("id", row_number(), autoincrement=True, nullable=False),
        sa.Column("chain", exact(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("actor_type", sa.String(length=20), nullable=False),
        sa.Column("actor_id", exact(255), nullable=True),
        sa.Column("subject_type", sa.String(length=50), nullable=False),
        sa.Column("subject_id", exact(255), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("data", document(), nullable=False),
        sa.Column("state", document(), nullable=True),
        sa.Column("operation_id", exact(255), nullable=True),
        sa.Column("trace_id", sa.String(length=64), nullable=True),
        sa.Column("cause_entry_id", sa.BigInteger(), nullable=True),
        sa.Column("cause_webhook_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", instant(), nullable=True),
        sa.Column("recorded_at", instant(), nullable=False),
        sa.Column("key_id", exact(64), nullable=False),
        sa.Column("previous_hash", exact(64), nullable=False),
        sa.Column("hash", exact(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_events"),
        sa.UniqueConstraint("chain", "sequence", name="uq_accrue_events_chain_sequence"),
    )
    op.create_index("ix_accrue_events_actor", "accrue_events", ["actor_type", "id"])
    op.create_index("ix_accrue_events_cause_webhook", "accrue_events", ["cause_webhook_id"])
    op.create_index("ix_accrue_events_customer", "accrue_events", ["customer_id", "id"])
    op.create_index("ix_accrue_events_operation", "accrue_events", ["operation_id"])
    op.create_index("ix_accrue_events_recorded", "accrue_events", ["recorded_at", "id"])
    op.create_index(
        "ix_accrue_events_subject", "accrue_events", ["subject_id", "subject_type", "id"]
    )
    op.create_index("ix_accrue_events_type", "accrue_events", ["type", "id"])
    op.create_table(
        "accrue_ledger_chains",
        sa.Column("chain", exact(64), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", exact(64), nullable=False),
        sa.Column("checkpointed", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_accrue_ledger_chains"),
        sa.UniqueConstraint("customer_id", name="uq_accrue_ledger_chains_customer_id"),
    )
    op.create_table(
        "accrue_ledger_checkpoints",
        sa.Column("id", row_number(), autoincrement=True, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", instant(), nullable=False),
        sa.Column("heads", document(), nullable=False),
        sa.Column("key_id", exact(64), nullable=False),
        sa.Column("previous_hash", exact(64), nullable=False),
        sa.Column("hash", exact(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_ledger_checkpoints"),
        sa.UniqueConstraint("number", name="uq_accrue_ledger_checkpoints_number"),
    )
    op.create_table(
        "accrue_operations",
        sa.Column("id", exact(255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", exact(255), nullable=False),
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("account", exact(64), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("fingerprint", exact(64), nullable=False),
        sa.Column("request", document(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("guard", exact(255), nullable=True),
        sa.Column("result", document(), nullable=True),
        sa.Column("error", document(), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("leased_until", instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", instant(), nullable=False),
        sa.Column("sent_at", instant(), nullable=True),
        sa.Column("finished_at", instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_operations"),
        sa.UniqueConstraint("guard", name="uq_accrue_operations_guard"),
    )
    op.create_index("ix_accrue_operations_customer_id", "accrue_operations", ["customer_id"])
    op.create_index("ix_accrue_operations_open", "accrue_operations", ["state", "started_at"])
    op.create_table(
        "accrue_prices",
        sa.Column("product_processor_id", exact(255), nullable=False),
        sa.Column("nickname", exact(255), nullable=True),
        sa.Column("lookup_key", exact(255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("unit_amount", sa.BigInteger(), nullable=True),
        sa.Column("interval", sa.String(length=10), nullable=True),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("usage_type", sa.String(length=20), nullable=False),
        sa.Column("tax_behavior", sa.String(length=20), nullable=False),
        *mirrored(),
        *row(),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_prices"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_prices_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_prices_list", "accrue_prices", ["created", "id"])
    op.create_index("ix_accrue_prices_lookup_key", "accrue_prices", ["lookup_key"])
    op.create_index(
        "ix_accrue_prices_product_processor_id", "accrue_prices", ["product_processor_id"]
    )
    op.create_table(
        "accrue_products",
        sa.Column("name", exact(255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        *mirrored(),
        *row(),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_products"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_products_processor_processor_id"
        ),
    )
    op.create_index("ix_accrue_products_list", "accrue_products", ["created", "id"])
    op.create_table(
        "accrue_charges",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_captured", sa.BigInteger(), nullable=False),
        sa.Column("amount_refunded", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("captured", sa.Boolean(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("payment_intent_processor_id", exact(255), nullable=True),
        sa.Column("payment_method_processor_id", exact(255), nullable=True),
        sa.Column("invoice_processor_id", exact(255), nullable=True),
        sa.Column("failure_code", exact(255), nullable=True),
        sa.Column("decline_code", exact(255), nullable=True),
        sa.Column("receipt_url", sa.Text(), nullable=True),
        sa.Column("capture_before", instant(), nullable=True),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.Column("net", sa.BigInteger(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_charges_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_charges"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_charges_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_charges_customer", "accrue_charges", ["customer_id", "created", "id"]
    )
    op.create_index(
        "ix_accrue_charges_invoice_processor_id", "accrue_charges", ["invoice_processor_id"]
    )
    op.create_index("ix_accrue_charges_list", "accrue_charges", ["created", "id"])
    op.create_index(
        "ix_accrue_charges_payment_intent_processor_id",
        "accrue_charges",
        ["payment_intent_processor_id"],
    )
    op.create_table(
        "accrue_invoice_payments",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_processor_id", exact(255), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("amount_requested", sa.BigInteger(), nullable=True),
        sa.Column("amount_paid", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("payment_intent_processor_id", exact(255), nullable=True),
        sa.Column("charge_processor_id", exact(255), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("paid_at", instant(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_invoice_payments_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_invoice_payments"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_invoice_payments_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_invoice_payments_charge_processor_id",
        "accrue_invoice_payments",
        ["charge_processor_id"],
    )
    op.create_index(
        "ix_accrue_invoice_payments_invoice",
        "accrue_invoice_payments",
        ["processor", "invoice_processor_id"],
    )
    op.create_index("ix_accrue_invoice_payments_list", "accrue_invoice_payments", ["created", "id"])
    op.create_index(
        "ix_accrue_invoice_payments_payment_intent_processor_id",
        "accrue_invoice_payments",
        ["payment_intent_processor_id"],
    )
    op.create_table(
        "accrue_invoices",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_processor_id", exact(255), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("discount_amounts", document(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("inclusive_tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("total_taxes", document(), nullable=False),
        sa.Column("automatic_tax_status", sa.String(length=50), nullable=True),
        sa.Column("starting_balance", sa.BigInteger(), nullable=False),
        sa.Column("ending_balance", sa.BigInteger(), nullable=True),
        sa.Column("amount_due", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid", sa.BigInteger(), nullable=False),
        sa.Column("amount_remaining", sa.BigInteger(), nullable=False),
        sa.Column("billing_reason", sa.String(length=50), nullable=True),
        sa.Column("collection_method", sa.String(length=50), nullable=False),
        sa.Column("auto_advance", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("next_payment_attempt", instant(), nullable=True),
        sa.Column("due_date", instant(), nullable=True),
        sa.Column("period_start", instant(), nullable=True),
        sa.Column("period_end", instant(), nullable=True),
        sa.Column("finalized_at", instant(), nullable=True),
        sa.Column("paid_at", instant(), nullable=True),
        sa.Column("voided_at", instant(), nullable=True),
        sa.Column("first_failed_at", instant(), nullable=True),
        sa.Column("hosted_url", sa.Text(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_invoices_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_invoices"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_invoices_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_invoices_customer", "accrue_invoices", ["customer_id", "created", "id"]
    )
    op.create_index("ix_accrue_invoices_list", "accrue_invoices", ["created", "id"])
    op.create_index("ix_accrue_invoices_number", "accrue_invoices", ["number"])
    op.create_index(
        "ix_accrue_invoices_status_list", "accrue_invoices", ["status", "created", "id"]
    )
    op.create_index(
        "ix_accrue_invoices_subscription",
        "accrue_invoices",
        ["processor", "subscription_processor_id"],
    )
    op.create_table(
        "accrue_payment_intents",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_received", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("capture_method", sa.String(length=50), nullable=False),
        sa.Column("amount_capturable", sa.BigInteger(), nullable=False),
        sa.Column("payment_method_processor_id", exact(255), nullable=True),
        sa.Column("latest_charge_processor_id", exact(255), nullable=True),
        sa.Column("invoice_processor_id", exact(255), nullable=True),
        sa.Column("error_code", exact(255), nullable=True),
        sa.Column("error_decline_code", exact(255), nullable=True),
        sa.Column("canceled_at", instant(), nullable=True),
        sa.Column("cancellation_reason", exact(255), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_payment_intents_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_payment_intents"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_payment_intents_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_payment_intents_customer_id", "accrue_payment_intents", ["customer_id"]
    )
    op.create_index(
        "ix_accrue_payment_intents_invoice_processor_id",
        "accrue_payment_intents",
        ["invoice_processor_id"],
    )
    op.create_index("ix_accrue_payment_intents_list", "accrue_payment_intents", ["created", "id"])
    op.create_table(
        "accrue_payment_methods",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("brand", sa.String(length=50), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
        sa.Column("exp_month", sa.Integer(), nullable=True),
        sa.Column("exp_year", sa.Integer(), nullable=True),
        sa.Column("fingerprint", exact(255), nullable=True),
        sa.Column("detached_at", instant(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_payment_methods_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_payment_methods"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_payment_methods_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_payment_methods_customer_id", "accrue_payment_methods", ["customer_id"]
    )
    op.create_index("ix_accrue_payment_methods_list", "accrue_payment_methods", ["created", "id"])
    op.create_table(
        "accrue_refunds",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("charge_processor_id", exact(255), nullable=True),
        sa.Column("payment_intent_processor_id", exact(255), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", exact(255), nullable=True),
        sa.Column("failure_reason", exact(255), nullable=True),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.Column("net", sa.BigInteger(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_refunds_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_refunds"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_refunds_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_refunds_charge_processor_id", "accrue_refunds", ["charge_processor_id"]
    )
    op.create_index("ix_accrue_refunds_customer_id", "accrue_refunds", ["customer_id"])
    op.create_index("ix_accrue_refunds_list", "accrue_refunds", ["created", "id"])
    op.create_table(
        "accrue_subscriptions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("collection_method", sa.String(length=50), nullable=False),
        sa.Column("start_date", instant(), nullable=True),
        sa.Column("billing_cycle_anchor", instant(), nullable=True),
        sa.Column("current_period_start", instant(), nullable=True),
        sa.Column("current_period_end", instant(), nullable=True),
        sa.Column("trial_start", instant(), nullable=True),
        sa.Column("trial_end", instant(), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_at", instant(), nullable=True),
        sa.Column("canceled_at", instant(), nullable=True),
        sa.Column("ended_at", instant(), nullable=True),
        sa.Column("pause_behavior", sa.String(length=50), nullable=True),
        sa.Column("pause_resumes_at", instant(), nullable=True),
        sa.Column("past_due_since", instant(), nullable=True),
        sa.Column("paid_until", instant(), nullable=True),
        sa.Column("default_payment_method_processor_id", exact(255), nullable=True),
        sa.Column("latest_invoice_processor_id", exact(255), nullable=True),
        sa.Column("discounts", document(), nullable=True),
        *mirrored(),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["accrue_customers.id"], name="fk_accrue_subscriptions_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_subscriptions"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_subscriptions_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_subscriptions_customer", "accrue_subscriptions", ["customer_id", "created", "id"]
    )
    op.create_index("ix_accrue_subscriptions_list", "accrue_subscriptions", ["created", "id"])
    op.create_index(
        "ix_accrue_subscriptions_processor", "accrue_subscriptions", ["processor", "created", "id"]
    )
    op.create_index(
        "ix_accrue_subscriptions_status_list", "accrue_subscriptions", ["status", "created", "id"]
    )
    op.create_table(
        "accrue_webhook_events",
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("endpoint", exact(64), nullable=False),
        sa.Column("processor_id", exact(255), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("account", exact(255), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("api_version", sa.String(length=64), nullable=True),
        sa.Column("occurred_at", instant(), nullable=False),
        sa.Column("received_at", instant(), nullable=False),
        sa.Column("payload", body(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", instant(), nullable=False),
        sa.Column("claim_token", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", instant(), nullable=True),
        sa.Column("applied_at", instant(), nullable=True),
        sa.Column("finished_at", instant(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        *row(),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["accrue_customers.id"],
            name="fk_accrue_webhook_events_customer_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_webhook_events"),
        sa.UniqueConstraint(
            "processor",
            "endpoint",
            "processor_id",
            name="uq_accrue_webhook_events_processor_endpoint_processor_id",
        ),
    )
    op.create_index(
        "ix_accrue_webhook_events_customer",
        "accrue_webhook_events",
        ["customer_id", "received_at", "id"],
    )
    op.create_index(
        "ix_accrue_webhook_events_due", "accrue_webhook_events", ["state", "next_attempt_at"]
    )
    op.create_index("ix_accrue_webhook_events_list", "accrue_webhook_events", ["received_at", "id"])
    op.create_index(
        "ix_accrue_webhook_events_type", "accrue_webhook_events", ["type", "received_at", "id"]
    )
    op.create_table(
        "accrue_handler_runs",
        sa.Column("webhook_event_id", sa.Uuid(), nullable=False),
        sa.Column("handler", exact(255), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("finished_at", instant(), nullable=True),
        *row(),
        sa.ForeignKeyConstraint(
            ["webhook_event_id"],
            ["accrue_webhook_events.id"],
            name="fk_accrue_handler_runs_webhook_event_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_handler_runs"),
        sa.UniqueConstraint(
            "webhook_event_id", "handler", name="uq_accrue_handler_runs_webhook_event_id_handler"
        ),
    )
    op.create_table(
        "accrue_invoice_items",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("processor_id", exact(255), nullable=True),
        sa.Column("invoice_item_processor_id", exact(255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("inclusive_tax", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("price_processor_id", exact(255), nullable=True),
        sa.Column("subscription_processor_id", exact(255), nullable=True),
        sa.Column("subscription_item_processor_id", exact(255), nullable=True),
        sa.Column("period_start", instant(), nullable=True),
        sa.Column("period_end", instant(), nullable=True),
        sa.Column("proration", sa.Boolean(), nullable=False),
        sa.Column("raw", document(), nullable=False),
        *row(),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            ["accrue_invoices.id"],
            name="fk_accrue_invoice_items_invoice_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_invoice_items"),
        sa.UniqueConstraint(
            "invoice_id", "position", name="uq_accrue_invoice_items_invoice_id_position"
        ),
    )
    op.create_table(
        "accrue_subscription_items",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(length=32), nullable=False),
        sa.Column("processor_id", exact(255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("price_processor_id", exact(255), nullable=False),
        sa.Column("product_processor_id", exact(255), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("current_period_start", instant(), nullable=True),
        sa.Column("current_period_end", instant(), nullable=True),
        sa.Column("removed_at", instant(), nullable=True),
        sa.Column("raw", document(), nullable=False),
        *row(),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["accrue_subscriptions.id"],
            name="fk_accrue_subscription_items_subscription_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_subscription_items"),
        sa.UniqueConstraint(
            "processor", "processor_id", name="uq_accrue_subscription_items_processor_processor_id"
        ),
    )
    op.create_index(
        "ix_accrue_subscription_items_price_processor_id",
        "accrue_subscription_items",
        ["price_processor_id"],
    )
    op.create_index(
        "ix_accrue_subscription_items_subscription_id",
        "accrue_subscription_items",
        ["subscription_id"],
    )
    if op.get_context().dialect.supports_alter:
        op.create_foreign_key(
            "fk_accrue_customers_default_payment_method_id",
            "accrue_customers",
            "accrue_payment_methods",
            ["default_payment_method_id"],
            ["id"],
            ondelete="SET NULL",
        )
    if op.get_context().dialect.name == "postgresql":
        for name, table, column in BEGINNINGS:
            op.create_index(name, table, [sa.text(f"{column} text_pattern_ops")])
        for name, table, where in PARTIAL:
            op.create_index(name, table, ["created", "id"], postgresql_where=sa.text(where))
    chains = sa.table(
        "accrue_ledger_chains",
        sa.column("chain", sa.String),
        sa.column("sequence", sa.BigInteger),
        sa.column("hash", sa.String),
    )
    op.bulk_insert(
        chains,
        [{"chain": f"system:{n:02d}", "sequence": 0, "hash": ""} for n in range(16)],
    )
    for statement in TRIGGERS[op.get_context().dialect.name]:
        op.execute(sa.text(statement))


# What PostgreSQL alone has an index for: beginnings of a text, and rows that meet a condition.
BEGINNINGS = (
    ("ix_accrue_customers_email_begins", "accrue_customers", "lower(email)"),
    ("ix_accrue_customers_name_begins", "accrue_customers", "lower(name)"),
    ("ix_accrue_customers_owner_id_begins", "accrue_customers", "owner_id"),
    ("ix_accrue_customers_processor_id_begins", "accrue_customers", "processor_id"),
    ("ix_accrue_subscriptions_processor_id_begins", "accrue_subscriptions", "processor_id"),
    ("ix_accrue_webhook_events_processor_id_begins", "accrue_webhook_events", "processor_id"),
)
KNOWN = (
    "'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'incomplete', "
    "'incomplete_expired', 'paused'"
)
PARTIAL = (
    ("ix_accrue_customers_deleted", "accrue_customers", "deleted_at IS NOT NULL"),
    (
        "ix_accrue_subscriptions_canceling",
        "accrue_subscriptions",
        "cancel_at IS NOT NULL OR cancel_at_period_end",
    ),
    (
        "ix_accrue_subscriptions_incomplete",
        "accrue_subscriptions",
        f"status = 'incomplete' OR status NOT IN ({KNOWN})",
    ),
    (
        "ix_accrue_subscriptions_paused",
        "accrue_subscriptions",
        "status = 'paused' OR pause_behavior IS NOT NULL",
    ),
)


def downgrade() -> None:
    if op.get_context().dialect.supports_alter:
        op.drop_constraint(
            "fk_accrue_customers_default_payment_method_id", "accrue_customers", type_="foreignkey"
        )
    for table in TABLES:
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        for function in ("accrue_ledger_refuse", "accrue_ledger_continue", "accrue_ledger_guard"):
            op.execute(sa.text(f"DROP FUNCTION IF EXISTS {function}()"))


# The ledger's rules: an entry continues its chain and moves the head; nothing else is allowed, and
# nothing else moves a head. On SQLite INSERT OR REPLACE slips past a trigger on DELETE, but not past
# one before INSERT.
POSTGRESQL = (
    """
    CREATE FUNCTION accrue_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'accrue: the ledger is append-only, % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    # One trigger both checks and moves: one AFTER the row would run at the statement's end, too late
    # for the next row of the same INSERT.
    """
    CREATE FUNCTION accrue_ledger_continue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE accrue_ledger_chains SET sequence = NEW.sequence, hash = NEW.hash
            WHERE chain = NEW.chain AND sequence = NEW.sequence - 1 AND hash = NEW.previous_hash;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'accrue: entry % does not continue the chain %', NEW.sequence, NEW.chain
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER accrue_events_continue BEFORE INSERT ON accrue_events
        FOR EACH ROW EXECUTE FUNCTION accrue_ledger_continue()
    """,
    *(
        f"""
        CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION accrue_ledger_refuse()
        """
        for table in ("accrue_events", "accrue_ledger_checkpoints")
    ),
    """
    CREATE FUNCTION accrue_ledger_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'accrue: the head of the chain % only moves with an entry', NEW.chain
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    # At depth 0 a statement does it by itself; below, the entry's trigger does, by one step.
    """
    CREATE TRIGGER accrue_ledger_chains_guard BEFORE UPDATE ON accrue_ledger_chains FOR EACH ROW
        WHEN ((OLD.chain, OLD.customer_id, OLD.sequence, OLD.hash)
                IS DISTINCT FROM (NEW.chain, NEW.customer_id, NEW.sequence, NEW.hash)
            AND (pg_trigger_depth() = 0 OR (OLD.chain, OLD.customer_id, OLD.sequence + 1)
                IS DISTINCT FROM (NEW.chain, NEW.customer_id, NEW.sequence)))
        EXECUTE FUNCTION accrue_ledger_guard()
    """,
    """
    CREATE TRIGGER accrue_ledger_chains_begin BEFORE INSERT ON accrue_ledger_chains FOR EACH ROW
        WHEN (NEW.sequence <> 0 OR NEW.hash <> '') EXECUTE FUNCTION accrue_ledger_guard()
    """,
    """
    CREATE TRIGGER accrue_ledger_chains_immutable BEFORE DELETE OR TRUNCATE ON accrue_ledger_chains
        FOR EACH STATEMENT EXECUTE FUNCTION accrue_ledger_refuse()
    """,
)
SQLITE = (
    """
    CREATE TRIGGER accrue_events_continue BEFORE INSERT ON accrue_events
    WHEN NOT EXISTS (
        SELECT 1 FROM accrue_ledger_chains
        WHERE chain = NEW.chain AND sequence = NEW.sequence - 1 AND hash = NEW.previous_hash
    ) OR EXISTS (
        SELECT 1 FROM accrue_events
        WHERE id = NEW.id OR (chain = NEW.chain AND sequence = NEW.sequence)
    )
    BEGIN
        SELECT RAISE(ABORT, 'accrue: the entry does not continue its chain');
    END
    """,
    """
    CREATE TRIGGER accrue_events_advance AFTER INSERT ON accrue_events
    BEGIN
        UPDATE accrue_ledger_chains SET sequence = NEW.sequence, hash = NEW.hash
            WHERE chain = NEW.chain;
    END
    """,
    """
    CREATE TRIGGER accrue_ledger_checkpoints_new BEFORE INSERT ON accrue_ledger_checkpoints
    WHEN EXISTS (
        SELECT 1 FROM accrue_ledger_checkpoints WHERE id = NEW.id OR number = NEW.number
    )
    BEGIN
        SELECT RAISE(ABORT, 'accrue: the ledger is append-only, a replacement is refused');
    END
    """,
    *(
        f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN
            SELECT RAISE(ABORT, 'accrue: the ledger is append-only, {verb} on {table} is refused');
        END
        """
        for table, verb in (
            ("accrue_events", "UPDATE"),
            ("accrue_events", "DELETE"),
            ("accrue_ledger_checkpoints", "UPDATE"),
            ("accrue_ledger_checkpoints", "DELETE"),
            ("accrue_ledger_chains", "DELETE"),
        )
    ),
    """
    CREATE TRIGGER accrue_ledger_chains_guard
    BEFORE UPDATE OF chain, customer_id, sequence, hash ON accrue_ledger_chains
    WHEN NEW.chain IS NOT OLD.chain OR NEW.customer_id IS NOT OLD.customer_id
        OR ((NEW.sequence IS NOT OLD.sequence OR NEW.hash IS NOT OLD.hash) AND NOT EXISTS (
            SELECT 1 FROM accrue_events
            WHERE chain = OLD.chain AND sequence = OLD.sequence + 1 AND previous_hash = OLD.hash
                AND sequence = NEW.sequence AND hash = NEW.hash
        ))
    BEGIN
        SELECT RAISE(ABORT, 'accrue: the head of a chain only moves with an entry');
    END
    """,
    """
    CREATE TRIGGER accrue_ledger_chains_begin BEFORE INSERT ON accrue_ledger_chains
    WHEN NEW.sequence <> 0 OR NEW.hash <> '' OR EXISTS (
        SELECT 1 FROM accrue_ledger_chains
        WHERE chain = NEW.chain OR customer_id = NEW.customer_id
    )
    BEGIN
        SELECT RAISE(ABORT, 'accrue: a chain begins empty, and once');
    END
    """,
)
MYSQL = (
    """
    CREATE TRIGGER accrue_events_continue BEFORE INSERT ON accrue_events FOR EACH ROW
    BEGIN
        IF NOT EXISTS (
            SELECT 1 FROM accrue_ledger_chains
            WHERE chain = NEW.chain AND sequence = NEW.sequence - 1 AND hash = NEW.previous_hash
        ) THEN
            SIGNAL SQLSTATE '45000'
                SET MESSAGE_TEXT = 'accrue: the entry does not continue its chain';
        END IF;
    END
    """,
    """
    CREATE TRIGGER accrue_events_advance AFTER INSERT ON accrue_events FOR EACH ROW
        UPDATE accrue_ledger_chains SET sequence = NEW.sequence, hash = NEW.hash
            WHERE chain = NEW.chain
    """,
    *(
        f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} FOR EACH ROW
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'accrue: the ledger is append-only'
        """
        for table in ("accrue_events", "accrue_ledger_checkpoints")
        for verb in ("UPDATE", "DELETE")
    ),
)
TRIGGERS = {"postgresql": POSTGRESQL, "sqlite": SQLITE, "mysql": MYSQL, "mariadb": MYSQL}
