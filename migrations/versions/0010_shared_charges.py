"""What a charge made for a connected account moved there, and what the platform keeps of it; charges whose
own fee isn't known.

Revision ID: 0010_shared_charges
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010_shared_charges"
down_revision = "0009_entitlement_summaries"
branch_labels = None
depends_on = None


def exact(length: int) -> sa.types.TypeEngine[str]:
    """A string that tells upper from lower case on every database."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("accrue_charges", sa.Column("transfer_processor_id", exact(255), nullable=True))
    op.add_column("accrue_charges", sa.Column("application_fee", sa.BigInteger(), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_accrue_charges_without_fee",
            "accrue_charges",
            ["created", "id"],
            postgresql_where=sa.text("fee IS NULL"),
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("ix_accrue_charges_without_fee", "accrue_charges")
    op.drop_column("accrue_charges", "application_fee")
    op.drop_column("accrue_charges", "transfer_processor_id")
