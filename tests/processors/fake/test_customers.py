from __future__ import annotations

import pytest

from flask_accrue.errors import InvalidRequest, NotFound
from flask_accrue.processors import objects


def test_a_customer_is_made_with_what_was_given(fake):
    answer = fake.create_customer(
        name="Ada", email="ada@example.com", preferred_locale="de", metadata={"a": "1"}, key="k"
    )

    made = answer.main
    assert made.processor_id.startswith("cus_")
    assert (made.name, made.email, made.preferred_locale) == ("Ada", "ada@example.com", "de")
    assert made.metadata == {"a": "1"}
    assert made.created == fake.clock.now()
    assert fake.fetch("customer", made.processor_id).main == made


def test_metadata_are_merged_and_an_empty_value_deletes(fake, shop):
    customer = shop.customer()
    fake.update_customer(customer, {"metadata": {"a": "1", "b": "2"}}, key="k1")

    changed = fake.update_customer(customer, {"metadata": {"a": "", "c": "3"}}, key="k2").main

    assert changed.metadata == {"b": "2", "c": "3"}


def test_the_default_card_must_be_the_customers_own(fake, shop):
    customer, other = shop.customer(), shop.customer()
    foreign = shop.card(other)

    with pytest.raises(InvalidRequest) as caught:
        fake.update_customer(customer, {"default_payment_method": foreign}, key="k")

    assert caught.value.code == "resource_missing"
    assert caught.value.param == "default_payment_method"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"nickname": "Ada"}, "nickname"),
        ({"name": 5}, "name"),
        ({"email": ["a@example.com"]}, "email"),
        ({"default_payment_method": {}}, "default_payment_method"),
    ],
)
def test_an_unknown_field_or_kind_of_value_is_refused_by_name(fake, shop, changes, param):
    with pytest.raises(InvalidRequest) as caught:
        fake.update_customer(shop.customer(), changes, key="k")

    assert caught.value.param == param


def test_an_unknown_customer_is_missing(fake):
    with pytest.raises(NotFound) as caught:
        fake.fetch("customer", "cus_nobody")

    assert caught.value.code == "resource_missing"
    assert caught.value.http_status == 404


def test_an_id_of_another_kind_is_missing(fake, shop):
    with pytest.raises(NotFound):
        fake.fetch("invoice", shop.customer())


def test_an_update_that_changes_nothing_writes_no_event(fake, shop):
    customer = shop.customer()
    shop.forget_events()

    fake.update_customer(customer, {"name": "Ada"}, key="k")

    assert shop.types() == []


def test_an_update_says_what_it_was_before(fake, shop):
    customer = shop.customer()
    shop.forget_events()

    fake.update_customer(customer, {"name": "Grace"}, key="k")

    (event,) = fake.pending_events()
    read = fake.read_event(event.body)
    assert read.type == "customer.updated"
    assert read.object.name == "Grace"
    assert read.raw["previous"] == {"name": "Ada"}
    assert read.customer == customer


def test_a_deleted_customer_is_still_known_as_deleted(fake, shop):
    customer = shop.customer()

    fake.delete_customer(customer)

    gone = fake.fetch("customer", customer).main
    assert gone.deleted
    assert gone.name is None
    with pytest.raises(NotFound):
        fake.update_customer(customer, {"name": "Grace"}, key="k")
    with pytest.raises(NotFound):
        fake.add_payment_method(customer, "pm_card_visa", key="k2")


def test_deleting_a_customer_ends_subscriptions_and_detaches_cards(fake, shop):
    customer = shop.customer()
    subscribed = shop.subscribe(customer)
    card = fake.list_payment_methods(customer).main.processor_id
    shop.forget_events()

    fake.delete_customer(customer)

    assert shop.subscription(subscribed).status == "canceled"
    with pytest.raises(NotFound):
        fake.fetch("payment_method", card)
    assert shop.types() == [
        "customer.subscription.deleted",
        "payment_method.detached",
        "customer.deleted",
    ]
    assert shop.advance(days=400) == 0


def test_a_customer_is_found_by_the_operation_that_made_it(fake):
    for number in range(3):
        fake.create_customer(
            name=str(number),
            email=None,
            preferred_locale=None,
            metadata={"accrue_operation": f"op-{number}"},
            key=f"k{number}",
        )

    assert fake.find("customer", "op-1").first(objects.Customer).name == "1"
    assert fake.find("customer", "op-9") is None
    assert fake.find("subscription", "op-1") is None


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({"a": 1}, "metadata[a]"),
        ({"a": None}, "metadata[a]"),
        ({"a": "x" * 501}, "metadata[a]"),
        ({"": "x"}, "metadata"),
        ({"k" * 41: "x"}, "metadata"),
        ({f"k{number}": "x" for number in range(51)}, "metadata"),
        ("a=b", "metadata"),
    ],
)
def test_metadata_that_no_processor_takes_are_refused(fake, shop, metadata, param):
    with pytest.raises(InvalidRequest) as made:
        fake.create_customer(
            name=None, email=None, preferred_locale=None, metadata=metadata, key="k1"
        )
    with pytest.raises(InvalidRequest) as changed:
        fake.update_customer(shop.customer(), {"metadata": metadata}, key="k2")

    assert (made.value.code, made.value.param) == ("metadata_invalid", param)
    assert changed.value.param == param
