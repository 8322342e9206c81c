"""What a row looks like in a console, a log and a failing test."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from flask_accrue import models
from flask_accrue.models.base import Base

ID = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("row", "looks"),
    [
        (models.Subscription(processor_id="sub_1", status="active"), "<Subscription sub_1 active>"),
        (models.Customer(id=ID, processor_id="cus_1", email="a@b.example"), "<Customer cus_1>"),
        (
            models.LedgerEntry(id=7, type="subscription.created"),
            "<LedgerEntry 7 subscription.created>",
        ),
        (models.Operation(id="op-1", kind="charge", state="done"), "<Operation op-1 charge done>"),
        (
            models.WebhookEvent(id=ID, processor_id="evt_1", type="invoice.paid", state="dead"),
            "<WebhookEvent evt_1 invoice.paid dead>",
        ),
        (models.SyncRun(id=ID), f"<SyncRun {ID}>"),
        (models.Invoice(), "<Invoice>"),
    ],
)
def test_a_row_is_named_by_what_it_is_and_how_it_stands(row: Base, looks: str) -> None:
    assert repr(row) == looks


@pytest.mark.only("sqlite")
def test_looking_at_a_row_asks_the_database_nothing(session: orm.Session) -> None:
    row = models.SyncRun(processor="fake", asked={}, progress={}, counts={}, token=ID)
    session.add(row)
    session.commit()
    name = sa.inspect(row).identity[0]
    assert sa.inspect(row).expired_attributes
    assert repr(row) == f"<SyncRun {name}>"
    session.expunge(row)
    assert repr(row) == f"<SyncRun {name}>"
    with pytest.raises(orm.exc.DetachedInstanceError):
        row.state  # noqa: B018 - as anything else would
