"""What a charge made for a connected account moved there, and what the platform keeps of it; charges whose
own fee isn't known.

What was mirrored before has both in the object as it came.

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


#: The transfer is told as its id or whole; the fee as what was agreed on, as the whole fee, or as a number.
FROM_RAW = {
    "mysql": (
        "COALESCE(JSON_VALUE(raw, '$.transfer.id'), JSON_VALUE(raw, '$.transfer'))",
        """CAST(COALESCE(
            JSON_VALUE(raw, '$.application_fee_amount'),
            JSON_VALUE(raw, '$.application_fee.amount'),
            CASE JSON_TYPE(JSON_EXTRACT(raw, '$.application_fee'))
                WHEN 'INTEGER' THEN JSON_VALUE(raw, '$.application_fee') END
        ) AS SIGNED)""",
    ),
    "postgresql": (
        "COALESCE(raw #>> '{transfer,id}', raw ->> 'transfer')",
        """CAST(COALESCE(
            raw ->> 'application_fee_amount',
            raw #>> '{application_fee,amount}',
            CASE jsonb_typeof(raw -> 'application_fee') WHEN 'number' THEN raw ->> 'application_fee' END
        ) AS bigint)""",
    ),
    "sqlite": (
        "COALESCE(json_extract(raw, '$.transfer.id'), json_extract(raw, '$.transfer'))",
        """COALESCE(
            json_extract(raw, '$.application_fee_amount'),
            json_extract(raw, '$.application_fee.amount'),
            CASE json_type(raw, '$.application_fee')
                WHEN 'integer' THEN json_extract(raw, '$.application_fee') END
        )""",
    ),
}


def upgrade() -> None:
    op.add_column("accrue_charges", sa.Column("transfer_processor_id", exact(255), nullable=True))
    op.add_column("accrue_charges", sa.Column("application_fee", sa.BigInteger(), nullable=True))
    # SQLAlchemy may call a MariaDB by either name.
    dialect = op.get_context().dialect.name.replace("mariadb", "mysql")
    if dialect in FROM_RAW:
        transfer, fee = FROM_RAW[dialect]
        charges = sa.table(
            "accrue_charges", sa.column("transfer_processor_id"), sa.column("application_fee")
        )
        known = {
            "transfer_processor_id": sa.literal_column(transfer),
            "application_fee": sa.literal_column(fee),
        }
        is_shared = sa.or_(*(each.is_not(None) for each in known.values()))
        op.execute(sa.update(charges).values(known).where(is_shared))
    if dialect == "postgresql":
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
