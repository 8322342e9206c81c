"""Customers and their cards: which one is the default, and what is left when they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import mirror, models
from flask_accrue.mirror import Source
from flask_accrue.unit_of_work import UnitOfWork, write
from tests.mirror.conftest import HOUR, ORIGIN, START
from tests.mirror.said import card, customer, item, subscription

if TYPE_CHECKING:
    from tests.mirror.conftest import Mirror


def default_of(mirrored: Mirror) -> str | None:
    found = mirrored.customer.default_payment_method
    return None if found is None else found.processor_id


def naming(default: str | None) -> dict[str, object]:
    """Return what a customer says of its default, in the words of the contract and of its raw object."""
    return {"default_payment_method": default, "raw": {"default_payment_method": default}}


def test_there_is_one_default_the_one_that_the_customer_named_last(mirrored: Mirror) -> None:
    for id in ("pm_1", "pm_2"):
        mirrored.put(card(id))
    for named in ("pm_1", "pm_2", None, "pm_1"):
        mirrored.put(customer(**naming(named)))
        assert default_of(mirrored) == named


def test_a_default_that_is_not_here_yet_is_none_until_its_card_comes(mirrored: Mirror) -> None:
    mirrored.put(customer(**naming("pm_1")))
    assert default_of(mirrored) is None
    mirrored.put(card("pm_2"))
    assert default_of(mirrored) is None
    mirrored.put(card("pm_1"))
    assert default_of(mirrored) == "pm_1"


def test_a_card_that_comes_detached_never_becomes_the_default(mirrored: Mirror) -> None:
    mirrored.put(customer(**naming("pm_1")))
    row = mirrored.put(card("pm_1", customer=None))
    assert default_of(mirrored) is None
    assert not row.is_attached
    # Nor by news of the customer that still name it.
    mirrored.put(customer(**naming("pm_1")))
    assert default_of(mirrored) is None


@pytest.mark.parametrize("gone", [{"customer": None}, {"deleted": True}])
def test_a_detached_default_clears_the_default_and_stays_for_old_charges(
    mirrored: Mirror, gone: dict[str, object]
) -> None:
    mirrored.put(card(brand="visa"))
    mirrored.put(customer(**naming("pm_1")))
    row = mirrored.put(card(brand="visa", **gone))
    assert (row.is_attached, row.last4, row.brand) == (False, "4242", "visa")
    assert row.detached_at == mirrored.now
    assert default_of(mirrored) is None
    assert mirrored.verbs("payment_method") == ["attached", "detached"]
    assert mirrored.entries("customer")[-1].data["changes"]["default_payment_method_id"][1] is None


def test_the_earliest_news_of_a_detachment_dates_it(mirrored: Mirror) -> None:
    mirrored.put(card())
    mirrored.put(card(customer=None), at=START + 9 * HOUR)
    assert mirrored.put(card(customer=None), at=START + 5 * HOUR).detached_at == START + 5 * HOUR
    assert mirrored.put(card(customer=None), at=START + 7 * HOUR).detached_at == START + 5 * HOUR


def test_a_deleted_customer_ends_all_that_is_its_and_keeps_its_name(mirrored: Mirror) -> None:
    mirrored.put(card())
    mirrored.put(customer(email="ada@example.com", **naming("pm_1")))
    mirrored.put(subscription())
    mirrored.put(customer(name=None, deleted=True))
    row = mirrored.customer
    assert (row.name, row.email, row.deleted_at) == ("Acme", "ada@example.com", mirrored.now)
    assert (row.owner_key, row.default_payment_method_id) == (None, None)
    ended = mirrored.find("subscription", "sub_1")
    assert (ended.is_ended, ended.ended_at, ended.deleted_at) == (True, mirrored.now, None)
    assert mirrored.find("payment_method", "pm_1").detached_at == mirrored.now
    count = len(mirrored.entries())
    mirrored.put(customer(deleted=True), at=mirrored.now + HOUR)
    assert len(mirrored.entries()) == count
    assert mirrored.customer.deleted_at == mirrored.now


def test_what_comes_late_for_a_deleted_customer_is_over_as_well(mirrored: Mirror) -> None:
    mirrored.put(customer(deleted=True))
    since = mirrored.now
    late = mirrored.put(subscription())
    assert (late.status, late.ended_at) == ("canceled", since)
    assert mirrored.put(card()).detached_at == since


def test_an_earlier_end_of_a_customer_moves_the_ends_that_it_caused_and_no_others(
    mirrored: Mirror,
) -> None:
    mirrored.put(subscription(processor_id="sub_1"))
    by_itself = START + 2 * HOUR
    mirrored.put(
        subscription(
            processor_id="sub_2", status="canceled", ended_at=by_itself, items=(item("si_2"),)
        )
    )
    mirrored.put(customer(deleted=True), at=START + 9 * HOUR)
    mirrored.put(customer(deleted=True), at=START + 6 * HOUR)
    assert mirrored.find("subscription", "sub_1").ended_at == START + 6 * HOUR
    assert mirrored.find("subscription", "sub_2").ended_at == by_itself


def test_an_owner_is_free_again_after_its_customer_was_deleted(mirrored: Mirror) -> None:
    def another(uow: UnitOfWork) -> models.Customer:
        return mirror.create_customer(
            uow,
            "fake",
            customer(processor_id="cus_2"),
            Source(START, START),
            owner_type="Organization",
            owner_id="1",
            generation=2,
        )

    with pytest.raises(sa.exc.IntegrityError):
        write(another, origin=ORIGIN)
    mirrored.put(customer(deleted=True))
    write(another, origin=ORIGIN)
    assert mirrored.find("customer", "cus_2").owner_key == "Organization:1"
    chains = {entry.chain for entry in mirrored.entries("customer")}
    assert len(chains) == 2


def test_a_name_and_a_balance_that_are_gone_are_gone_here(mirrored: Mirror) -> None:
    mirrored.put(customer(balance=-500, currency="usd", preferred_locale="de"))
    row = mirrored.put(customer(name=None, balance=0))
    assert (row.name, row.balance, row.currency, row.preferred_locale) == (None, 0, None, None)
    assert row.fresh_to == mirrored.now
