"""Whether a customer is charged tax.

Revision ID: 0016_tax_exempt
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_tax_exempt"
down_revision = "0015_cards_of_schedules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of those that there are the processor says so when it tells of them next.
    op.add_column(
        "accrue_customers",
        sa.Column("tax_exempt", sa.String(20), nullable=False, server_default="none"),
    )


def downgrade() -> None:
    op.drop_column("accrue_customers", "tax_exempt")
