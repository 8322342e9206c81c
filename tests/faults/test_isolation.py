"""A host whose engine keeps one view of the database for a transaction."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from flask_accrue import billing, mirror, models, telemetry
from flask_accrue.origins import Actor, Origin
from flask_accrue.unit_of_work import UnitOfWork, write
from tests.host import Organization, create_host


@pytest.mark.only("postgresql")
def test_writers_of_one_customer_all_succeed_under_repeatable_read(database_url: str) -> None:
    app, db, _ = create_host(
        database_url, SQLALCHEMY_ENGINE_OPTIONS={"isolation_level": "REPEATABLE READ"}
    )
    with app.app_context():
        org = Organization(name="Acme", email=None)
        db.session.add(org)
        customer_id = billing.customer(org).id
        db.session.remove()
    errors: list[Exception] = []

    def count(number: int) -> None:
        def work(uow: UnitOfWork) -> None:
            customer = uow.lock_customer(customer_id)
            seen = int(customer.preferred_timezone or 0)
            mirror.set_local(uow, customer, "customer", customer, preferred_timezone=str(seen + 1))

        with app.app_context():
            for _ in range(10):
                try:
                    write(work, origin=Origin(Actor("system")))
                except Exception as error:  # noqa: BLE001 - told to the test
                    errors.append(error)

    threads = [threading.Thread(target=count, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with app.app_context():
        row = db.session.scalars(sa.select(models.Customer)).one()
        assert row.preferred_timezone == "60"
        db.session.remove()
        db.engine.dispose()


@pytest.mark.only("postgresql")
def test_what_an_operation_sends_is_reckoned_from_what_the_one_before_left(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, db, _ = create_host(
        database_url, SQLALCHEMY_ENGINE_OPTIONS={"isolation_level": "REPEATABLE READ"}
    )
    levels: list[str] = []

    def note(moment: str) -> None:
        if moment == "operation.begun":
            levels.append(db.session.connection().get_isolation_level())

    monkeypatch.setattr(telemetry, "_observers", [note])
    with app.app_context():
        org = Organization(name="Acme", email=None)
        db.session.add(org)
        billing.customer(org)
        db.session.remove()
        db.engine.dispose()
    assert levels == ["READ COMMITTED"]
