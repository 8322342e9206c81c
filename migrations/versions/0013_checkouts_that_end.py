"""Checkout sessions by the time they end, which the hourly sweep of them reads.

Revision ID: 0013_checkouts_that_end
"""

from __future__ import annotations

from alembic import op

revision = "0013_checkouts_that_end"
down_revision = "0012_automatic_tax"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_accrue_checkout_sessions_expiry", "accrue_checkout_sessions", ["status", "expires_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_accrue_checkout_sessions_expiry", "accrue_checkout_sessions")
