"""Coupons and promotion codes of connected accounts, whose ids may be the platform's, too.

Revision ID: 0014_coupons_of_accounts
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014_coupons_of_accounts"
down_revision = "0013_checkouts_that_end"
branch_labels = None
depends_on = None

TABLES = ("accrue_coupons", "accrue_promotion_codes")
BEFORE = ["processor", "processor_id"]
AFTER = [*BEFORE, "account_key"]


def unique(table: str, columns: list[str]) -> str:
    """The name of a unique constraint."""
    return f"uq_{table}_{'_'.join(columns)}"


def upgrade() -> None:
    binary = mysql.VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin")
    account = sa.String(64).with_variant(binary, "mysql", "mariadb")
    for table in TABLES:
        # What is there is the platform's; what comes says whose it is.
        op.add_column(table, sa.Column("account_key", account, nullable=False, server_default=""))
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                "account_key", server_default=None, existing_type=account, existing_nullable=False
            )
            batch.drop_constraint(unique(table, BEFORE), type_="unique")
            batch.create_unique_constraint(unique(table, AFTER), AFTER)


def downgrade() -> None:
    for table in TABLES:
        # The table before has no place for those of accounts.
        op.execute(sa.text(f"DELETE FROM {table} WHERE account_key <> ''"))  # noqa: S608 - names of ours
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(unique(table, AFTER), type_="unique")
            batch.drop_column("account_key")
            batch.create_unique_constraint(unique(table, BEFORE), BEFORE)
