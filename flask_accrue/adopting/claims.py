"""What a host has stored about whose a customer is: in a column, in dj-stripe's tables, in a CSV file."""

from __future__ import annotations

import collections.abc as c
import csv
import importlib
import typing as t

import sqlalchemy as sa

from ..billable import Billable, billable_types, key_as_written, key_text
from ..errors import InvalidRequest
from ..state import current_state

#: dj-stripe's table of customers; ``id`` is Stripe's id, ``subscriber_id`` the host's.
_DJ_STRIPE: t.Final = "djstripe_customer"
_CSV_COLUMNS: t.Final = ("owner_type", "owner_id", "customer_id")


class Claim(t.NamedTuple):
    """That a customer at the processor belongs to an owner, as somebody has stored it.

    :ivar where: in which row or line it's stored.
    """

    owner_type: str
    owner_id: str
    customer: str
    where: str


def claims_of_model(model: str | type[t.Any], column: str) -> c.Iterator[Claim]:
    """Give what a column of a billable model says; rows where it's empty say nothing.

    :param model: the class, or where it is: ``myapp.models:Organization``.
    :param column: which holds the customer's id at the processor.
    :raises InvalidRequest: when there is no such model or column, or it isn't billable.
    """
    billable = billable_model(model)
    mapper = sa.inspect(billable)
    found = mapper.columns.get(column)
    if found is None:
        found = next((each for each in mapper.columns if each.name == column), None)
    if found is None:
        raise InvalidRequest(
            f"{billable.__name__} has no column {column!r}. It has: {', '.join(mapper.columns.keys())}.",
            param="customer_column",
        )
    session = current_state().db.session
    # Attributes, and not columns: of a table that models share, they give the rows of this one alone.
    *primary_key, attribute = (
        getattr(billable, mapper.get_property_by_column(each).key)
        for each in (*mapper.primary_key, found)
    )
    statement = sa.select(*primary_key, attribute).where(attribute.is_not(None))
    for *key, customer in session.execute(statement.order_by(*primary_key)).all():
        if str(customer).strip():
            owner_id = key_text(key)
            where = f"{mapper.local_table.name} {owner_id}"
            yield Claim(billable.billable_type(), owner_id, str(customer).strip(), where)
    session.rollback()


def claims_of_dj_stripe(
    model: str | type[t.Any], url: str | None = None, *, livemode: bool | None = None
) -> c.Iterator[Claim]:
    """Give what dj-stripe's customers say, by their subscribers; those of nobody say nothing.

    :param model: the billable that the subscribers are here, under the same primary keys.
    :param url: of the database that has dj-stripe's tables; ``None``: it's the app's own.
    :param livemode: leave out customers of the other mode; ``None``: take all.
    :raises InvalidRequest: when the table or a column of it isn't there, or the URL is none.
    """
    billable = billable_model(model)
    engine = _engine(url) if url is not None else current_state().db.engine
    try:
        with engine.connect() as connection:
            table = _dj_stripe_table(connection)
            columns = table.columns
            statement = sa.select(columns["id"], columns["subscriber_id"]).where(
                columns["subscriber_id"].is_not(None)
            )
            if livemode is not None and "livemode" in columns:
                mode = columns["livemode"]
                statement = statement.where(sa.or_(mode.is_(None), mode == livemode))
            # How a deleted customer is marked depends on the release.
            if "date_purged" in columns:
                statement = statement.where(columns["date_purged"].is_(None))
            if "deleted" in columns:
                statement = statement.where(columns["deleted"].is_not(True))
            rows = connection.execute(statement.order_by(columns["id"])).all()
    finally:
        if url is not None:
            engine.dispose()
    for customer, subscriber in rows:
        where = f"{_DJ_STRIPE} {customer}"
        owner_id = key_as_written(billable, key_text([subscriber]))
        yield Claim(billable.billable_type(), owner_id, customer, where)


def claims_of_csv(lines: c.Iterable[str]) -> c.Iterator[Claim]:
    """Give what a CSV file says; its first line names ``owner_type``, ``owner_id`` and ``customer_id``.

    :raises InvalidRequest: for a file without those columns or in another encoding, and for a line that
        leaves one out.
    """
    reader = csv.DictReader(lines)
    for row in _readable(reader):
        values = [(row[name] or "").strip() for name in _CSV_COLUMNS]
        if not all(values):
            empty = ", ".join(
                name for name, value in zip(_CSV_COLUMNS, values, strict=True) if not value
            )
            raise InvalidRequest(
                f"Line {reader.line_num} of the CSV file has no {empty}.", param="csv"
            )
        owner_type, owner_id, customer = values
        model = billable_types().get(owner_type)
        if model is not None:
            owner_id = key_as_written(model, owner_id)
        yield Claim(owner_type, owner_id, customer, f"line {reader.line_num}")


def _readable(reader: csv.DictReader[str]) -> c.Iterator[dict[str, str | None]]:
    try:
        _check_columns(reader.fieldnames or ())
        yield from reader
    except csv.Error as error:
        raise InvalidRequest(
            f"Line {reader.reader.line_num} of the CSV file can't be read: {error}. Is it a CSV file, and "
            "are its quotes closed?",
            param="csv",
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"The CSV file isn't UTF-8: there is a byte 0x{error.object[error.start]:02x} in it that can't "
            "be read. Save it as UTF-8, and run this again.",
            param="csv",
        ) from None


def _check_columns(named: c.Sequence[str]) -> None:
    missing = [name for name in _CSV_COLUMNS if name not in named]
    if missing:
        raise InvalidRequest(
            f"The first line of the CSV file has to name the columns {', '.join(_CSV_COLUMNS)}; "
            f"it doesn't name {', '.join(missing)}. It names: {', '.join(named)[:200] or 'nothing'}. "
            "Columns are separated by commas.",
            param="csv",
        )


def billable_model(model: str | type[t.Any]) -> type[t.Any]:
    """Return a billable model, which may be told by where it is: ``myapp.models:Organization``.

    :raises InvalidRequest: when there is none, or it isn't billable.
    """
    found: t.Any = model
    if isinstance(model, str):
        module, _, name = model.partition(":")
        try:
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError) as error:
            raise InvalidRequest(
                f"There is no model {model!r} ({error}). Say where it is: myapp.models:Organization.",
                param="model",
            ) from None
    if not (isinstance(found, type) and issubclass(found, Billable)):
        raise InvalidRequest(
            f"{model!r} can't pay: its class doesn't inherit from Billable.", code="not_billable"
        )
    return found


def _engine(url: str) -> sa.Engine:
    # No error shows the URL: it may hold a password.
    try:
        return sa.create_engine(url)
    except sa.exc.NoSuchModuleError as error:
        said = f"SQLAlchemy has nothing for that kind of database ({error})"
    except sa.exc.ArgumentError:
        said = "it isn't the URL of a database"
    except ImportError as error:
        said = f"its driver isn't installed ({error})"
    raise InvalidRequest(
        f"The database with dj-stripe's tables can't be opened: {said}. Name it as SQLAlchemy does: "
        "postgresql+psycopg://user:password@host/name.",
        param="database",
    )


def _dj_stripe_table(connection: sa.Connection) -> sa.Table:
    try:
        table = sa.Table(_DJ_STRIPE, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    except sa.exc.NoSuchTableError:
        raise InvalidRequest(
            f"This database has no table {_DJ_STRIPE}. Name the one that has it by its URL.",
            param="dj_stripe",
        ) from None
    missing = [name for name in ("id", "subscriber_id") if name not in table.columns]
    if missing:
        raise InvalidRequest(
            f"{_DJ_STRIPE} has no column {' and no '.join(missing)}: this isn't as dj-stripe makes it. "
            "Write a CSV file instead.",
            param="dj_stripe",
        )
    return table
