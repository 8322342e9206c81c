"""A mirror with one customer, into which a test writes what a processor is said to have said."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import mirror, models
from flask_accrue.mirror import Source
from flask_accrue.origins import Actor, Origin
from flask_accrue.processors import objects
from flask_accrue.unit_of_work import UnitOfWork, write
from tests.host import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

__all__ = ["app"]

START = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
MONTH = datetime.timedelta(days=31)
ORIGIN = Origin(Actor("system"))


class Mirror:
    """The mirror of customer ``cus_1`` of the Fake; each thing is said an hour after the last."""

    def __init__(self, db: Any) -> None:
        self.db = db
        self.now = START

    def told(self, *, event: str | None = None, at: datetime.datetime | None = None) -> Source:
        """Return the source of news: an hour on, unless a time is given."""
        if at is None:
            self.now += HOUR
            at = self.now
        return Source(at, at, event)

    def within(self, work: Callable[[UnitOfWork, models.Customer], Any]) -> Any:
        """Do something in a transaction that has locked the customer."""

        def locked(uow: UnitOfWork) -> Any:
            customer = uow.lock_processor_customer("fake", "cus_1")
            assert customer is not None
            return work(uow, customer)

        return write(locked, origin=ORIGIN)

    def put(
        self,
        obj: objects.ProcessorObject,
        *,
        event: str | None = None,
        at: datetime.datetime | None = None,
        failed_at: datetime.datetime | None = None,
        attempt: int | None = None,
        looked_up: bool = False,
    ) -> Any:
        """Write an object, and return its row."""
        source = self.told(event=event, at=at)
        self.within(
            lambda uow, customer: mirror.write(
                uow,
                customer,
                obj,
                source,
                failed_at=failed_at,
                attempt=attempt,
                looked_up=looked_up,
            )
        )
        return self.find(obj.kind, obj.processor_id)

    def put_catalog(self, obj: objects.ProcessorObject, *, at: Any = None) -> Any:
        """Write a product or a price, and return its row."""
        source = self.told(at=at)

        def work(uow: UnitOfWork) -> None:
            uow.lock_system(obj.processor_id)
            mirror.write_catalog(uow, "fake", obj, source)

        write(work, origin=ORIGIN)
        return self.find(obj.kind, obj.processor_id)

    def find(self, kind: str, processor_id: str) -> Any:
        """Return a row as it is in the database, or ``None``."""
        self.db.session.rollback()
        self.db.session.expire_all()
        model = models.MIRRORED[kind]
        return self.db.session.scalars(
            sa.select(model).where(model.processor_id == processor_id)
        ).one_or_none()

    @property
    def customer(self) -> models.Customer:
        found: models.Customer = self.find("customer", "cus_1")
        return found

    def entries(self, subject_type: str | None = None) -> list[models.LedgerEntry]:
        """Return the ledger's entries, oldest first."""
        self.db.session.rollback()
        statement = sa.select(models.LedgerEntry).order_by(models.LedgerEntry.id)
        if subject_type is not None:
            statement = statement.where(models.LedgerEntry.subject_type == subject_type)
        return list(self.db.session.scalars(statement))

    def verbs(self, subject_type: str) -> list[str]:
        """Return what happened to things of a kind, in order."""
        return [entry.type.partition(".")[2] for entry in self.entries(subject_type)]


@pytest.fixture
def mirrored(app: Flask) -> Iterator[Mirror]:
    """Give the mirror, in which the customer ``cus_1`` is new."""
    with app.app_context():
        db = app.extensions["sqlalchemy"]
        made = Mirror(db)
        source = made.told()
        write(
            lambda uow: mirror.create_customer(
                uow,
                "fake",
                objects.Customer(processor_id="cus_1", name="Acme", created=START),
                source,
                owner_type="Organization",
                owner_id="1",
                generation=1,
            ),
            origin=ORIGIN,
        )
        yield made
        db.session.remove()
