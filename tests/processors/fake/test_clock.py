from __future__ import annotations

import datetime

import pytest

from flask_accrue.clock import real_now
from flask_accrue.money import Money
from flask_accrue.processors.fake import FakeProcessor

UTC = datetime.UTC
MINUTE = datetime.timedelta(minutes=1)


def test_by_default_it_is_real_time_plus_what_it_was_advanced_by():
    fake = FakeProcessor()
    assert abs(fake.clock.now() - real_now()) < MINUTE

    fake.advance(datetime.timedelta(days=3))

    ahead = fake.clock.now() - real_now()
    assert datetime.timedelta(days=3) - MINUTE < ahead < datetime.timedelta(days=3) + MINUTE
    assert fake.clock.now() < fake.clock.now()
    fake.close()


def test_frozen_it_stands_until_it_is_advanced(fake, start):
    assert fake.clock.now() == fake.clock.now() == start

    fake.advance(datetime.timedelta(hours=2, microseconds=5))
    assert fake.clock.now() == start + datetime.timedelta(hours=2, microseconds=5)

    fake.advance(datetime.datetime(2026, 3, 1, tzinfo=UTC))
    assert fake.clock.now() == datetime.datetime(2026, 3, 1, tzinfo=UTC)


def test_thawed_it_goes_on_from_there(fake, start):
    fake.thaw()

    assert start < fake.clock.now() < start + MINUTE
    fake.freeze()
    assert fake.clock.now() == fake.clock.now()


def test_its_times_are_aware_and_in_utc(fake):
    assert fake.clock.now().tzinfo is UTC
    fake.thaw()
    assert fake.clock.now().tzinfo is UTC


def test_it_does_not_go_back(fake, shop, start):
    with pytest.raises(ValueError, match="can't go back"):
        fake.advance(datetime.timedelta(seconds=-1))
    shop.customer()
    with pytest.raises(ValueError, match="Freeze it before"):
        fake.freeze(start - datetime.timedelta(days=1))


def test_without_a_zone_a_moment_is_refused(fake):
    with pytest.raises(ValueError, match="aware"):
        fake.advance(datetime.datetime(2027, 1, 1))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="aware"):
        fake.freeze(datetime.datetime(2027, 1, 1))  # noqa: DTZ001


def test_before_there_are_customers_it_may_be_set_back_with_its_catalog():
    fake = FakeProcessor()
    fake.create_product("Pro", id="prod_pro")
    fake.create_price("prod_pro", Money(1, "usd"), id="price_pro")
    then = datetime.datetime(2024, 2, 29, tzinfo=UTC)

    fake.freeze(then)

    assert fake.clock.now() == then
    assert fake.fetch("price", "price_pro").main.created == then
    assert {event.created for event in fake.pending_events()} == {then}
    read = [fake.read_event(event.body) for event in fake.pending_events()]
    assert {(event.created, event.object.created) for event in read} == {(then, then)}
    fake.close()


def test_freezing_ahead_goes_through_what_falls_due(fake, shop):
    answer = shop.subscribe(shop.customer())

    fake.freeze(datetime.datetime(2026, 4, 15, tzinfo=UTC))

    assert len(shop.invoices(answer.main.customer)) == 3


def test_what_fell_due_while_nobody_looked_happens_before_anything_else(fake, shop, start):
    answer = shop.subscribe(shop.customer(), trial=datetime.timedelta(hours=3))
    shop.forget_events()

    # As though real time had passed: the clock moves, and nobody advances the Fake.
    from flask_accrue.processors.fake import clock

    with fake._engine.store.writing() as connection:
        clock.move(connection, start + datetime.timedelta(hours=5))

    assert shop.subscription(answer).status == "active"
    due = [(event.created, event.type) for event in fake.pending_events()][:2]
    assert due == [
        (start + datetime.timedelta(hours=3), "invoice.created"),
        (start + datetime.timedelta(hours=3), "customer.subscription.updated"),
    ]
    assert fake.catch_up() == 0


def test_an_answer_is_as_old_as_the_second_in_which_it_was_given(fake, shop, start):
    fake.advance(datetime.timedelta(milliseconds=250))

    answer = shop.fake.fetch("customer", shop.customer())

    assert answer.fresh_from == start
    assert answer.fresh_to == start + datetime.timedelta(milliseconds=250)
    assert fake.pending_events()[-1].created == start
