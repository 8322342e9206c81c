"""An app with a clock that the tests set, a customer with a chain, and somebody with triggers off."""

from __future__ import annotations

import contextlib
import datetime
import typing as t
import uuid

import flask
import flask_sqlalchemy
import pytest
import sqlalchemy as sa

from flask_accrue import Accrue, models
from flask_accrue.cli.ledger import ledger as commands
from flask_accrue.ids import new_id
from flask_accrue.ledger import append
from flask_accrue.origins import Actor, Origin
from flask_accrue.state import AccrueState
from flask_accrue.unit_of_work import UnitOfWork, write

if t.TYPE_CHECKING:
    import collections.abc as c

START = datetime.datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=datetime.UTC)
KEYS = ["k1:" + "QUJD" * 11, "k0:" + "REVG" * 11]


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime.datetime:
        """Return what it was set to."""
        return self.moment

    def advance(self, **span: float) -> datetime.datetime:
        """Move it on, and return what it says then."""
        self.moment += datetime.timedelta(**span)
        return self.moment


def make_app(database_url: str, **config: t.Any) -> flask.Flask:
    """Make an app with Accrue whose ledger has two keys."""
    app = flask.Flask("ledger-tests")
    app.config.update(
        SECRET_KEY="tests",
        SQLALCHEMY_DATABASE_URI=database_url,
        TESTING=True,
        ACCRUE_LEDGER_KEYS=KEYS,
    )
    app.config.update(config)
    flask_sqlalchemy.SQLAlchemy(app)
    Accrue(app)
    app.cli.add_command(commands)
    return app


@pytest.fixture
def app(database_url: str) -> c.Iterator[flask.Flask]:
    """Give an app on the test's own database, within its context."""
    app = make_app(database_url)
    with app.app_context():
        yield app
        db = app.extensions["sqlalchemy"]
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def state(app: flask.Flask, clock: SetClock) -> AccrueState:
    """Give what the app's Accrue is made of."""
    state: AccrueState = app.extensions["accrue"]
    return state


@pytest.fixture
def clock(app: flask.Flask) -> SetClock:
    """Give the app's clock."""
    clock = SetClock()
    app.extensions["accrue"].clock = clock
    return clock


@pytest.fixture
def session(state: AccrueState) -> t.Any:
    """Give the app's session."""
    return state.db.session


class Book:
    """Writes entries, and lets a superuser have their way with them."""

    def __init__(self, state: AccrueState, clock: SetClock) -> None:
        self.state = state
        self.clock = clock
        self.origin = Origin(Actor("user", "7"), operation_id="op-1", trace_id="t-1")

    def customer(self, entries: int = 1) -> models.Customer:
        """Make a customer whose chain has so many entries."""

        def create(uow: UnitOfWork) -> uuid.UUID:
            customer = models.Customer(
                id=new_id(),
                processor="fake",
                processor_id=f"cus_{new_id().hex}",
                owner_type="Organization",
                owner_id="1",
                owner_key=None,
            )
            uow.session.add(customer)
            uow.open_chain(customer)
            self.append_to(uow, customer, "customer.created", state={"name": "Acme", "number": 0})
            for number in range(1, entries):
                self.clock.advance(seconds=1)
                self.append_to(uow, customer, state={"name": "Acme", "number": number})
            return customer.id

        made = write(create, origin=self.origin)
        customer: models.Customer = self.state.db.session.get_one(models.Customer, made)
        return customer

    def owner_of(self, chain: str) -> models.Customer:
        """Return the customer whose chain that is."""
        found: models.Customer = self.state.db.session.get_one(
            models.Customer, uuid.UUID(chain.partition(":")[2])
        )
        return found

    def append_to(
        self,
        uow: UnitOfWork,
        customer: models.Customer,
        type: str = "customer.updated",
        subject: tuple[str, t.Any] | None = None,
        **content: t.Any,
    ) -> models.LedgerEntry:
        """Append an entry, about the customer unless told otherwise, to a chain that is locked."""
        subject_type, subject_id = subject or ("customer", customer.id)
        return append(
            uow,
            type,
            subject_type=subject_type,
            subject_id=str(subject_id),
            customer=customer,
            **content,
        )

    def record(self, customer: models.Customer, **content: t.Any) -> int:
        """Append one entry in a transaction of its own, a second later, and return its id."""
        self.clock.advance(seconds=1)
        customer_id = customer.id

        def work(uow: UnitOfWork) -> models.LedgerEntry:
            return self.append_to(uow, uow.lock_customer(customer_id), **content)

        return write(work, origin=self.origin).id

    def record_system(self, subject: str = "prod_1", **content: t.Any) -> models.LedgerEntry:
        """Append one entry about something that belongs to no customer."""

        def work(uow: UnitOfWork) -> models.LedgerEntry:
            uow.lock_system(subject)
            return append(
                uow,
                "product.created",
                subject_type="product",
                subject_id=subject,
                customer=None,
                **content,
            )

        return write(work, origin=self.origin)

    def entry(self, chain: str, sequence: int) -> t.Any:
        """Return an entry's row as the database has it."""
        (row,) = self.sql(
            "SELECT * FROM accrue_events WHERE chain = :chain AND sequence = :sequence",
            chain=chain,
            sequence=sequence,
        )
        return row

    def sql(self, statement: str, **parameters: t.Any) -> list[sa.Row[t.Any]]:
        """Run SQL with the rights of the app, commit, and return the rows that came out."""
        self.state.db.session.rollback()
        with self.state.db.engine.begin() as connection:
            result = connection.execute(sa.text(statement), parameters)
            return list(result) if result.returns_rows else []

    @contextlib.contextmanager
    def superuser(self) -> c.Iterator[c.Callable[..., sa.CursorResult[t.Any]]]:
        """Give a function that runs SQL with all triggers off."""
        self.state.db.session.rollback()
        with self.state.db.engine.begin() as connection:
            triggers = []
            if connection.dialect.name == "sqlite":
                found = connection.execute(
                    sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
                )
                triggers = found.all()
                for name, _ in triggers:
                    connection.execute(sa.text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(sa.text("SET LOCAL session_replication_role = replica"))

            def run(statement: str, **parameters: t.Any) -> sa.CursorResult[t.Any]:
                return connection.execute(sa.text(statement), parameters)

            yield run
            for _, sql in triggers:
                connection.exec_driver_sql(sql)


@pytest.fixture
def book(state: AccrueState, clock: SetClock) -> Book:
    """Give what writes entries."""
    return Book(state, clock)
