"""Products and prices of connected accounts, whose ids may be the platform's, too.

Revision ID: 0017_catalogs_of_accounts
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0017_catalogs_of_accounts"
down_revision = "0016_tax_exempt"
branch_labels = None
depends_on = None

TABLES = ("accrue_products", "accrue_prices")
BEFORE = ["processor", "processor_id"]
AFTER = [*BEFORE, "account_key"]
ITEMS = "accrue_subscription_items"


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
    op.add_column(ITEMS, sa.Column("account", account, nullable=True))
    items, subscriptions, customers = (
        sa.table(ITEMS, sa.column("subscription_id"), sa.column("account")),
        sa.table("accrue_subscriptions", sa.column("id"), sa.column("customer_id")),
        sa.table("accrue_customers", sa.column("id"), sa.column("account")),
    )
    in_accounts = (
        sa.select(subscriptions.c.id, customers.c.account)
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .where(customers.c.account.is_not(None))
        .subquery()
    )
    found = sa.select(in_accounts.c.account).where(in_accounts.c.id == items.c.subscription_id)
    op.execute(
        sa.update(items)
        .where(items.c.subscription_id.in_(sa.select(in_accounts.c.id)))
        .values(account=found.scalar_subquery())
    )


def downgrade() -> None:
    op.drop_column(ITEMS, "account")
    for table in TABLES:
        # The table before has no place for those of accounts.
        op.execute(sa.text(f"DELETE FROM {table} WHERE account_key <> ''"))  # noqa: S608 - names of ours
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(unique(table, AFTER), type_="unique")
            batch.drop_column("account_key")
            batch.create_unique_constraint(unique(table, BEFORE), BEFORE)
