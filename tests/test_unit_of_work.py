"""The lock of a write transaction: whoever waited for it sees what the holder wrote."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, mirror
from flask_accrue.origins import Actor, Origin
from flask_accrue.unit_of_work import UnitOfWork, write
from tests.host import Organization, app, kit, org

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue.testing import Kit

__all__ = ["app", "kit", "org"]

ORIGIN = Origin(Actor("system"))


@pytest.mark.only("postgresql")
@pytest.mark.parametrize("at_once", [False, True])
def test_who_waited_for_a_customer_sees_it_as_the_holder_left_it(
    app: Flask, kit: Kit, org: Organization, at_once: bool
) -> None:
    customer = billing.customer(org)
    customer_id, names = customer.id, (customer.processor, customer.processor_id)
    seen: list[str | None] = []
    failed: list[BaseException] = []

    def wait_and_read() -> None:
        def read(uow: UnitOfWork) -> None:
            if at_once:
                found = uow.lock_processor_customers(names[0], {names[1]})[names[1]]
            else:
                found = uow.lock_customer(customer_id)
            seen.append(found.preferred_timezone)

        try:
            with app.app_context():
                write(read, origin=ORIGIN)
                kit.state.db.session.remove()
        except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
            failed.append(error)

    waiter = threading.Thread(target=contextvars.Context().run, args=(wait_and_read,))

    def hold(uow: UnitOfWork) -> None:
        held = uow.lock_customer(customer_id)
        waiter.start()
        with kit.state.db.engine.connect() as other:
            while not other.scalar(sa.text(_WAITING)):
                other.rollback()
        mirror.set_local(uow, held, "customer", held, preferred_timezone="Europe/Vienna")

    write(hold, origin=ORIGIN)
    waiter.join()
    assert not failed
    assert seen == ["Europe/Vienna"]


_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class Refused(Exception):
    """What a driver of MariaDB or MySQL raises: the number comes first, and there's no SQLSTATE."""


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    ("error", "number"),
    [
        (sa.exc.OperationalError, 1213),
        (sa.exc.OperationalError, 1205),
        (sa.exc.OperationalError, 1020),
        (sa.exc.IntegrityError, 1062),
    ],
)
def test_a_race_that_was_lost_on_mariadb_is_run_again(
    app: Flask, kit: Kit, error: type[sa.exc.DBAPIError], number: int
) -> None:
    tries = []

    def lose_once(uow: UnitOfWork) -> str:
        tries.append(uow)
        if len(tries) == 1:
            raise error("INSERT", {}, Refused(number, "as the server says it"))
        return "done"

    assert write(lose_once, origin=ORIGIN) == "done"
    assert len(tries) == 2


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("number", [1064, 1452])
def test_what_mariadb_refuses_for_good_is_tried_once(app: Flask, kit: Kit, number: int) -> None:
    tries = []

    def fail(uow: UnitOfWork) -> None:
        tries.append(uow)
        raise sa.exc.IntegrityError("INSERT", {}, Refused(number, "as the server says it"))

    with pytest.raises(sa.exc.IntegrityError):
        write(fail, origin=ORIGIN)
    assert len(tries) == 1
