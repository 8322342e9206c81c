"""Lists of all objects of a kind, page by page."""

from __future__ import annotations

import pytest

from flask_accrue.errors import UnsupportedByProcessor


def test_pages_hold_each_object_once_the_newest_first(fake, shop):
    made = [shop.customer() for _ in range(130)]
    gone = shop.customer()
    fake.delete_customer(gone)

    first = fake.page("customer")
    second = fake.page("customer", after=first.after)

    ids = [each.processor_id for page in (first, second) for each in page.answer.objects]
    assert ids == made[::-1]
    assert len(first.answer.objects) == 100
    assert second.after is None


def test_customers_are_found_by_their_whole_address(fake, shop):
    one = fake.create_customer(
        name=None, email="ada@example.org", preferred_locale=None, metadata={}, key=shop.key()
    ).main
    shop.customer()

    assert fake.page("customer", email="ada@example.org").answer.objects == (one,)
    assert fake.page("customer", email="Ada@Example.org").answer.objects == (one,)
    assert fake.page("customer", email="ada@example").answer.objects == ()


def test_cards_are_listed_by_customer_alone(fake):
    with pytest.raises(UnsupportedByProcessor):
        fake.page("payment_method")
