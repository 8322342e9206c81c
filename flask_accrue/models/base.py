"""What all tables share: the declarative base, column types and the mirrored row."""

from __future__ import annotations

import datetime
import decimal
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.hybrid import hybrid_property

from ..clock import UTC, real_now
from ..ids import new_id

JsonDict: t.TypeAlias = dict[str, t.Any]
JsonList: t.TypeAlias = list[t.Any]


class UtcDateTime(sa.TypeDecorator[datetime.datetime]):
    """An instant with microseconds, aware and in UTC on every database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[t.Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone can't be stored: {value!r}. Use UTC.")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Percent(sa.TypeDecorator[decimal.Decimal]):
    """Percents with up to four decimals, without a float: stored as an integer of ten-thousandths."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: decimal.Decimal | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int((value * 10_000).to_integral_value())

    def process_result_value(
        self, value: int | None, dialect: sa.Dialect
    ) -> decimal.Decimal | None:
        return None if value is None else decimal.Decimal(value) / 10_000


def exact(length: int) -> sa.types.TypeEngine[str]:
    """Return a string type that tells ``sub_aB`` from ``sub_Ab`` on every database."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, "mysql", "mariadb")


Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(orm.DeclarativeBase):
    """The base of Accrue's tables, apart from the host's own; used through the host's session."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: t.ClassVar[dict[t.Any, t.Any]] = {
        datetime.datetime: UtcDateTime,
        uuid.UUID: sa.Uuid,
        str: exact(255),
        int: sa.BigInteger,
        decimal.Decimal: Percent,
        JsonDict: Json,
        JsonList: Json,
    }

    def __repr__(self) -> str:
        """Name the row by its processor's id or ours, and by how it stands; load nothing for it."""
        state = sa.inspect(self)
        name = (
            state.dict.get("processor_id")
            or state.dict.get("id")
            or next(iter(state.identity or ()), None)
        )
        said = [name, *(state.dict.get(each) for each in ("type", "kind", "status", "state"))]
        return f"<{' '.join([type(self).__name__, *(str(each) for each in said if each is not None)])}>"


class Row(Base):
    """A row with a time-ordered id and its local times, which are real time."""

    __abstract__ = True

    id: orm.Mapped[uuid.UUID] = orm.mapped_column(primary_key=True, default=new_id)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(default=real_now)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        default=real_now, onupdate=real_now
    )


class Due(Row):
    """A row that something has to be done about, at a time; workers lease it.

    :cvar WAITING: the states in which it isn't finished.
    :ivar next_attempt_at: when it's due, in billing time.
    :ivar claimed_until: until when a worker holds it, in real time.
    :ivar attempts: how often it was claimed.
    """

    __abstract__ = True
    WAITING: t.ClassVar[tuple[str, ...]] = ("pending",)

    state: orm.Mapped[str] = orm.mapped_column(sa.String(20), default="pending")
    attempts: orm.Mapped[int] = orm.mapped_column(sa.Integer, default=0)
    next_attempt_at: orm.Mapped[datetime.datetime]
    claim_token: orm.Mapped[uuid.UUID | None]
    claimed_until: orm.Mapped[datetime.datetime | None]
    last_error: orm.Mapped[str | None] = orm.mapped_column(sa.Text)

    @hybrid_property
    def is_waiting(self) -> bool:
        """Not finished: new, or to be tried again."""
        return self.state in self.WAITING

    @is_waiting.inplace.expression
    @classmethod
    def _is_waiting(cls) -> sa.ColumnElement[bool]:
        return cls.state.in_(cls.WAITING)


class Mirrored(Row):
    """A row that mirrors an object of a processor. Only :mod:`flask_accrue.mirror` writes it.

    :ivar created: when the processor made the object.
    :ivar fresh_from: the row tells how the object stood at some moment between this …
    :ivar fresh_to: … and this, in the processor's time. ``None``: nothing is known.
    :ivar fresh_event: the processor's id of the event it was last written from, or ``None``.
    :ivar meta: the processor's metadata (the column is named ``metadata``).
    :ivar raw: the object as the processor sent it, less secrets.
    :ivar data: the host's own, which the mirror never touches.
    """

    __abstract__ = True

    processor: orm.Mapped[str] = orm.mapped_column(exact(32))
    processor_id: orm.Mapped[str]
    created: orm.Mapped[datetime.datetime | None]
    deleted_at: orm.Mapped[datetime.datetime | None]
    fresh_from: orm.Mapped[datetime.datetime | None]
    fresh_to: orm.Mapped[datetime.datetime | None]
    fresh_event: orm.Mapped[str | None]
    lock_version: orm.Mapped[int] = orm.mapped_column(sa.Integer, nullable=False, default=1)
    meta: orm.Mapped[JsonDict] = orm.mapped_column("metadata", default=dict)
    raw: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)
    data: orm.Mapped[JsonDict] = orm.mapped_column(default=dict)

    @orm.declared_attr.directive
    def __mapper_args__(cls) -> dict[str, t.Any]:  # noqa: N805 - a directive's first argument is the class
        return {"version_id_col": cls.__table__.c.lock_version}

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805
        return mirrored_constraints(cls.__tablename__)


class CatalogRow(Mirrored):
    """What is sold, or taken off, on the platform or in a connected account.

    :ivar account_key: the connected account whose it is, an empty string: the platform's. Part of what names
        the row, since whoever makes it may choose its id.
    """

    __abstract__ = True

    account_key: orm.Mapped[str] = orm.mapped_column(exact(64), default="")

    @orm.declared_attr.directive
    def __table_args__(cls) -> tuple[t.Any, ...]:  # noqa: N805 - a directive's first argument is the class
        return (
            sa.UniqueConstraint("processor", "processor_id", "account_key"),
            sa.Index(f"ix_{cls.__tablename__}_list", "created", "id"),
        )

    @hybrid_property
    def account(self) -> str | None:
        """The connected account whose it is, or ``None``: the platform's."""
        return self.account_key or None

    @account.inplace.expression
    @classmethod
    def _account(cls) -> sa.ColumnElement[str | None]:
        return sa.func.nullif(cls.account_key, "")


def mirrored_constraints(table: str) -> tuple[t.Any, ...]:
    """Return what every mirrored table has: unique processor ids, and an index for lists."""
    return (
        sa.UniqueConstraint("processor", "processor_id"),
        sa.Index(f"ix_{table}_list", "created", "id"),
    )


def postgresql_index(name: str, *columns: t.Any, **options: t.Any) -> sa.Index:
    """Return an index that is made on PostgreSQL alone.

    It's for conditions and beginnings, which other databases have no index for, or don't use it.
    """
    return sa.Index(name, *columns, **options).ddl_if(dialect="postgresql")


def beginnings_index(name: str, column: str) -> sa.Index:
    """Return the index for ``LIKE 'beginning%'``, which no index in the order of a language serves."""
    return postgresql_index(name, column, postgresql_ops={column: "text_pattern_ops"})


def lower_beginnings_index(name: str, column: str) -> sa.Index:
    """Return the index for ``lower(column) LIKE 'beginning%'``."""
    lower = sa.func.lower(sa.literal_column(column)).label("lower")
    return postgresql_index(name, lower, postgresql_ops={"lower": "text_pattern_ops"})


def insert_unless_there(model: type[Base], dialect: str) -> t.Any:
    """Return the INSERT that does nothing about a row whose unique columns are taken."""
    table = t.cast(sa.Table, model.__table__)
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return mysql.insert(table).prefix_with("IGNORE")


def soft_reference(target: str, column: str) -> str:
    """Return the join of a reference by processor id; ``{self}`` is the class that refers.

    Mirrored rows name each other by the processor's ids instead of by foreign keys, so that they
    may arrive in any order.
    """
    return (
        f"and_(foreign({{self}}.{column}) == remote({target}.processor_id), "
        f"foreign({{self}}.processor) == remote({target}.processor))"
    )


def catalog_reference(target: str, column: str) -> str:
    """Return the join of such a reference within a catalog: to what is of the same account."""
    return (
        f"and_({soft_reference(target, column)}, "
        f"foreign({{self}}.account_key) == remote({target}.account_key))"
    )
