"""What counts as a change, and what the ledger is told of it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import mirror, models
from flask_accrue.mirror.changes import Draft, earlier, said, told
from flask_accrue.processors import objects
from flask_accrue.unit_of_work import UnitOfWork
from tests.mirror.conftest import HOUR, START
from tests.mirror.said import charge, customer, invoice, subscription

if TYPE_CHECKING:
    from tests.mirror.conftest import Mirror


def test_a_new_row_is_a_change_and_what_is_set_again_is_none() -> None:
    row = models.Customer(name="Acme", email=None)
    made = Draft(row, created=False)
    made.set(name="Acme", email=None)
    assert not made.is_change
    assert Draft(row, created=True).is_change


def test_a_change_tells_how_it_was_before_the_first_and_is_after_the_last() -> None:
    made = Draft(models.Customer(name="Acme"), created=False)
    made.set(name="Bolt")
    made.set(name="Crane")
    assert (made.before, made.after) == ({"name": "Acme"}, {"name": "Crane"})
    assert made.row.name == "Crane"


def test_what_is_taken_back_before_the_end_was_no_change() -> None:
    made = Draft(models.Customer(name="Acme"), created=False)
    made.set(name="Bolt")
    made.set(name="Acme")
    assert not made.is_change
    assert made.before == {}


def test_what_belongs_to_a_row_is_noted_where_it_differs() -> None:
    made = Draft(models.Subscription(), created=False)
    made.note("items", [1], [1])
    assert not made.is_change
    made.note("items", [1], [2])
    assert (made.before, made.after) == ({"items": [1]}, {"items": [2]})


def test_the_earlier_time_counts_and_what_is_unsaid_is_kept() -> None:
    assert earlier(None, START) == START
    assert earlier(START + HOUR, START) == earlier(START, START + HOUR) == START
    assert said(objects.UNSAID, 7) == 7
    assert said(None, 7) is None
    assert said(0, 7) == 0


# -- the ledger ------------------------------------------------------------------------------------


def test_an_entry_tells_the_change_and_the_state_after_it(mirrored: Mirror) -> None:
    mirrored.put(customer(name="Acme", balance=100))
    row = mirrored.put(customer(name="Bolt", balance=100))
    entry = mirrored.entries("customer")[-1]
    assert (entry.type, entry.subject_id) == ("customer.updated", str(row.id))
    assert entry.data == {"processor": "fake", "changes": {"name": ["Acme", "Bolt"]}}
    assert entry.state is not None
    assert (entry.state["name"], entry.state["balance"]) == ("Bolt", 100)
    assert entry.customer_id == row.id


def test_news_that_say_nothing_new_leave_no_entry_and_are_fresher(mirrored: Mirror) -> None:
    first = mirrored.put(customer(), event="evt_1").fresh_to
    count = len(mirrored.entries())
    row = mirrored.put(customer(), event="evt_2")
    assert len(mirrored.entries()) == count
    assert (row.fresh_to, row.fresh_event) == (first + HOUR, "evt_2")


@pytest.mark.parametrize("model", models.MIRRORED.values(), ids=lambda model: model.__name__)
def test_neither_bookkeeping_nor_raw_objects_nor_open_links_make_up_a_state(
    model: type[models.Mirrored],
) -> None:
    names = {attribute.key for attribute in model.__mapper__.column_attrs}
    state = set(told(model()))
    assert {"processor_id", "deleted_at"} <= state <= names
    assert not state & {"raw", "data", "fresh_from", "fresh_to", "fresh_event", "lock_version"}
    assert not {name for name in state if name.endswith(("_url", "_pdf"))}


@pytest.mark.parametrize(
    ("obj", "name"),
    [
        (invoice(hosted_url="https://pay.example/i/secret"), "hosted_url"),
        (charge(receipt_url="https://pay.example/r/secret"), "receipt_url"),
    ],
)
def test_a_link_that_opens_without_a_log_in_is_kept_and_never_told(
    mirrored: Mirror, obj: objects.ProcessorObject, name: str
) -> None:
    row = mirrored.put(obj)
    count = len(mirrored.entries())
    assert getattr(row, name).endswith("secret")
    # Nor is one that changes, by itself or along with something that is told.
    row = mirrored.put(dataclasses.replace(obj, **{name: "https://pay.example/new-secret"}))
    assert getattr(row, name) == "https://pay.example/new-secret"
    assert len(mirrored.entries()) == count
    mirrored.put(
        dataclasses.replace(obj, amount_refunded=5)
        if obj.kind == "charge"
        else (dataclasses.replace(obj, attempt_count=5))
    )
    assert len(mirrored.entries()) == count + 1
    for entry in mirrored.entries():
        assert "secret" not in json.dumps([entry.data, entry.state])


def test_what_the_host_keeps_with_a_row_is_told_by_its_keys(mirrored: Mirror) -> None:
    row = mirrored.put(subscription())

    def keep(data: dict[str, object]) -> None:
        def work(uow: UnitOfWork, owner: models.Customer) -> None:
            found = uow.find(models.Subscription, "fake", "sub_1")
            assert found is not None
            mirror.set_data(uow, owner, "subscription", found, data)

        mirrored.within(work)

    keep({"note": "call Ada", "rank": 1})
    keep({"note": "call Bob", "rank": 1})
    count = len(mirrored.entries())
    keep({"note": "call Bob", "rank": 1})
    entries = mirrored.entries("subscription")
    assert len(mirrored.entries()) == count
    assert [entry.data["changes"]["data"][1] for entry in entries[-2:]] == [
        ["note", "rank"],
        ["note"],
    ]
    assert "Ada" not in json.dumps([entry.data for entry in entries])
    assert mirrored.find("subscription", "sub_1").data["note"] == "call Bob"
    # And the mirror's own writers never touch it.
    mirrored.put(subscription(status="past_due"))
    assert mirrored.find("subscription", "sub_1").data["rank"] == 1
    assert row.id == mirrored.find("subscription", "sub_1").id


def test_the_raw_object_is_kept_as_it_came_last(mirrored: Mirror) -> None:
    mirrored.put(customer(raw={"id": "cus_1", "phone": "1"}))
    assert mirrored.put(customer(raw={"id": "cus_1", "phone": "2"})).raw["phone"] == "2"
    found = mirrored.db.session.scalar(sa.select(sa.func.count()).select_from(models.Customer))
    assert found == 1
