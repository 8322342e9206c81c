"""Customers and what they pay with, in the shapes of old and current versions."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import Json, sample, tax_id

CARD: Json = {
    "id": "card_1",
    "object": "card",
    "customer": "cus_1",
    "brand": "American Express",
    "last4": "0005",
    "exp_month": 6,
    "exp_year": 2031,
    "fingerprint": "88PuXw9tEmvYe69o",
    "funding": "credit",
    "metadata": {},
}


def read_customer(**changes: t.Any) -> objects.Customer:
    found = read(sample("customer", id="cus_1", **changes))
    assert isinstance(found, objects.Customer)
    return found


def read_method(raw: Json) -> objects.PaymentMethod:
    found = read(raw)
    assert isinstance(found, objects.PaymentMethod)
    return found


def test_a_customer_is_read() -> None:
    found = read_customer(
        name="Ada",
        email="ada@example.com",
        preferred_locales=["de-AT", "en"],
        currency="EUR",
        balance=-500,
        metadata={"accrue_owner": "Organization:1"},
    )

    assert (found.name, found.email, found.preferred_locale) == ("Ada", "ada@example.com", "de-AT")
    assert (found.currency, found.balance) == ("eur", -500)
    assert found.metadata == {"accrue_owner": "Organization:1"}


@pytest.mark.parametrize(
    ("said", "read"),
    [("none", "none"), ("reverse", "reverse"), ("exempt", "exempt"), (None, "none")],
)
def test_whether_a_customer_pays_tax_is_read(said: str | None, read: str) -> None:
    assert read_customer(tax_exempt=said).tax_exempt == read


def test_what_a_customer_doesnt_have_is_none() -> None:
    found = read_customer(preferred_locales=None, currency=None, balance=None, metadata=None)

    assert (found.preferred_locale, found.currency, found.balance) == (None, None, 0)
    assert found.metadata == {}


def test_a_deleted_customer_has_only_its_id() -> None:
    found = read({"id": "cus_1", "object": "customer", "deleted": True})

    assert found == objects.Customer(processor_id="cus_1", deleted=True)


@pytest.mark.parametrize(
    ("method", "source", "wanted"),
    [
        ("pm_1", None, "pm_1"),
        ("pm_1", "card_1", "pm_1"),
        (None, "card_1", "card_1"),
        (None, CARD, "card_1"),
        ({"id": "pm_1", "object": "payment_method"}, None, "pm_1"),
        (None, None, None),
    ],
)
def test_the_default_is_the_payment_method_before_the_older_source(
    method: object, source: object, wanted: str | None
) -> None:
    changes: Json = {
        "invoice_settings": {"default_payment_method": method},
        "default_source": source,
    }

    assert read_customer(**changes).default_payment_method == wanted
    raw = sample("customer", **changes)
    assert StripeProcessor(None).default_payment_method_of(raw) == wanted


def test_a_raw_customer_that_says_nothing_has_no_default() -> None:
    assert StripeProcessor(None).default_payment_method_of({}) is None


def test_a_card_is_read_alike_as_payment_method_as_card_and_as_source() -> None:
    card = {
        "brand": "amex",
        "last4": "0005",
        "exp_month": 6,
        "exp_year": 2031,
        "fingerprint": "88PuXw9tEmvYe69o",
    }
    method = sample("payment_method", id="card_1", type="card", card=card)
    source = sample("source", id="card_1", type="card", card=card | {"brand": "American Express"})

    found = [read_method(raw) for raw in (method, CARD, source)]

    for each in found:
        assert (each.processor_id, each.customer, each.type) == ("card_1", "cus_1", "card")
        assert (each.brand, each.last4) == ("amex", "0005")
        assert (each.exp_month, each.exp_year) == (6, 2031)
        assert each.fingerprint == "88PuXw9tEmvYe69o"


@pytest.mark.parametrize(
    ("written", "brand"),
    [
        ("Visa", "visa"),
        ("visa", "visa"),
        ("MasterCard", "mastercard"),
        ("Diners Club", "diners"),
        ("JCB", "jcb"),
        ("Unknown", "unknown"),
    ],
)
def test_brands_are_written_in_one_way(written: str, brand: str) -> None:
    assert read_method(CARD | {"brand": written}).brand == brand


def test_other_methods_have_what_they_have() -> None:
    debit = sample(
        "payment_method", type="sepa_debit", sepa_debit={"last4": "3000", "fingerprint": "f"}
    )

    found = read_method(debit)

    assert (found.type, found.last4, found.fingerprint) == ("sepa_debit", "3000", "f")
    assert (found.brand, found.exp_month) == (None, None)
    assert read_method(sample("payment_method", type="link", link=None)).last4 is None


def test_a_bank_account_is_a_payment_method_too() -> None:
    account = {"id": "ba_1", "object": "bank_account", "customer": "cus_1", "last4": "6789"}

    found = read_method(account)

    assert (found.processor_id, found.type, found.last4) == ("ba_1", "bank_account", "6789")


def test_a_detached_method_has_no_customer() -> None:
    assert read_method(sample("payment_method", customer=None)).customer is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("preferred_locales", "de"), ("preferred_locales", [1]), ("balance", "0"), ("name", 1)],
)
def test_a_wrong_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(sample("customer") | {name: value})
    assert caught.value.param == name


def test_a_tax_id_says_how_far_it_is_verified() -> None:
    found = read(tax_id())

    assert isinstance(found, objects.TaxId)
    assert (found.type, found.value, found.country) == ("eu_vat", "ATU12345678", "AT")
    assert found.verification_status == "pending"
    unverified = read(tax_id(verification=None))
    assert isinstance(unverified, objects.TaxId)
    assert unverified.verification_status is None
