"""The card that a schedule charges in its phases.

What was mirrored before has it in the object as it came.

Revision ID: 0015_cards_of_schedules
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015_cards_of_schedules"
down_revision = "0014_coupons_of_accounts"
branch_labels = None
depends_on = None


def exact(length: int) -> sa.types.TypeEngine[str]:
    """A string that tells upper from lower case on every database."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, "mysql", "mariadb")


#: The card is told as its id or whole.
FROM_RAW = {
    "mysql": """COALESCE(
        JSON_VALUE(raw, '$.default_settings.default_payment_method.id'),
        JSON_VALUE(raw, '$.default_settings.default_payment_method')
    )""",
    "postgresql": """COALESCE(
        raw #>> '{default_settings,default_payment_method,id}',
        raw #>> '{default_settings,default_payment_method}'
    )""",
    "sqlite": """COALESCE(
        json_extract(raw, '$.default_settings.default_payment_method.id'),
        json_extract(raw, '$.default_settings.default_payment_method')
    )""",
}


def upgrade() -> None:
    op.add_column(
        "accrue_subscription_schedules",
        sa.Column("default_payment_method_processor_id", exact(255), nullable=True),
    )
    # SQLAlchemy may call a MariaDB by either name.
    dialect = op.get_context().dialect.name.replace("mariadb", "mysql")
    if dialect in FROM_RAW:
        schedules = sa.table(
            "accrue_subscription_schedules", sa.column("default_payment_method_processor_id")
        )
        known = sa.literal_column(FROM_RAW[dialect])
        op.execute(
            sa.update(schedules)
            .values(default_payment_method_processor_id=known)
            .where(known.is_not(None))
        )


def downgrade() -> None:
    op.drop_column("accrue_subscription_schedules", "default_payment_method_processor_id")
