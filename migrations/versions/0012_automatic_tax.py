"""Whether the processor reckons the tax of a subscription's invoices.

Revision ID: 0012_automatic_tax
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_automatic_tax"
down_revision = "0011_webhook_tallies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accrue_subscriptions", sa.Column("automatic_tax", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("accrue_subscriptions", "automatic_tax")
