"""Tax that the processor reckons, and what it goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, ledger, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


@pytest.fixture
def german(kit: Kit, payer: Organization) -> Organization:
    """Give an organization that is in Germany, where a fifth less a hundredth is added."""
    billing.update_customer_tax_location(payer, {"country": "DE", "postal_code": "10115"})
    kit.deliver()
    return payer


def bill(payer: Organization, *amounts: Money, behavior: str = "exclusive") -> models.Invoice:
    made = billing.create_invoice(payer, currency=amounts[0].currency, automatic_tax=True)
    for amount in amounts:
        billing.add_invoice_item(made, amount, tax_behavior=behavior)
    return made


def check_sums(invoice: models.Invoice) -> None:
    """Check that the lines add up to the invoice, and its parts to the whole."""
    lines = invoice.items
    assert invoice.subtotal == sum(line.amount for line in lines)
    assert invoice.inclusive_tax == sum(line.inclusive_tax for line in lines)
    assert invoice.tax - invoice.inclusive_tax == sum(line.tax for line in lines)
    assert invoice.tax == sum(part["amount"] for part in invoice.total_taxes)
    total = invoice.subtotal - invoice.discount + invoice.tax - invoice.inclusive_tax
    assert invoice.total == total


def test_tax_comes_on_top_of_each_line_rounded_half_to_even(kit: Kit, german: Organization) -> None:
    made = bill(german, Money(1050, "usd"), Money(50, "usd"), Money(-250, "usd"))

    # 199.5, 9.5 and -47.5 cents.
    assert [line.tax for line in made.items] == [200, 10, -48]
    assert (made.subtotal, made.tax, made.inclusive_tax, made.total) == (850, 162, 0, 1012)
    assert made.automatic_tax_status == "complete"
    check_sums(made)


def test_tax_that_an_amount_holds_changes_no_total(kit: Kit, german: Organization) -> None:
    made = bill(german, Money(11900, "usd"), Money(1, "usd"), behavior="inclusive")
    billing.finalize_invoice(made)

    assert [line.inclusive_tax for line in made.items] == [1900, 0]
    assert (made.tax, made.inclusive_tax, made.total) == (1900, 1900, 11901)
    check_sums(made)


def test_both_kinds_stand_beside_each_other(kit: Kit, german: Organization) -> None:
    made = bill(german, Money(1000, "usd"))
    billing.add_invoice_item(made, Money(1190, "usd"), tax_behavior="inclusive")

    assert [(part["inclusive"], part["amount"]) for part in made.total_taxes] == [
        (False, 190),
        (True, 190),
    ]
    assert [part["taxable_amount"] for part in made.total_taxes] == [1000, 1000]
    check_sums(made)


@pytest.mark.parametrize(
    ("currency", "amount", "tax"),
    [("jpy", 1050, 200), ("kwd", 5050, 960), ("isk", 105000, 20000), ("huf", 1050, 200)],
)
def test_tax_is_what_can_be_paid_in_any_currency(
    kit: Kit, german: Organization, currency: str, amount: int, tax: int
) -> None:
    made = bill(german, Money(amount, currency))

    assert (made.tax, made.total_money) == (tax, Money(amount + tax, currency))


def test_a_subscription_is_taxed_from_its_first_bill_on(kit: Kit, german: Organization) -> None:
    product = kit.fake.create_product("Pro, tax inside")
    inside = kit.fake.create_price(
        product, Money(1190, "usd"), "month", "price_inside", tax_behavior="inclusive"
    )
    made = billing.subscribe(
        german, items={"price_pro": 1, inside.processor_id: 1}, automatic_tax=True
    )
    said = billing.preview_upcoming_invoice(made)
    kit.advance(days=32)
    kit.deliver()

    renewal, first = billing.list_invoices(german)
    for each in (first, renewal):
        check_sums(each)
        assert each.inclusive_tax == 190
        assert each.tax > 190
        assert each.is_paid
    assert (said.tax, said.inclusive_tax, said.total) == (renewal.tax, 190, renewal.total)
    assert made.is_active


def test_without_a_place_nothing_is_finalized(kit: Kit, payer: Organization) -> None:
    made = bill(payer, Money(1000, "usd"))
    assert (made.automatic_tax_status, made.tax) == ("requires_location_inputs", 0)

    for act in (
        lambda: billing.finalize_invoice(made),
        lambda: billing.subscribe(payer, "price_pro", automatic_tax=True),
    ):
        with pytest.raises(errors.InvalidRequest) as raised:
            act()
        assert raised.value.code == "customer_tax_location_invalid"
    assert made.is_draft
    billing.update_customer_tax_location(payer, {"country": "AT"})
    billing.finalize_invoice(made)
    assert (made.total, made.automatic_tax_status) == (1200, "complete")


def test_a_draft_that_goes_on_by_itself_without_a_place_stays_one(
    kit: Kit, payer: Organization
) -> None:
    made = billing.create_invoice(payer, currency="usd", automatic_tax=True, auto_advance=True)
    billing.add_invoice_item(made, Money(1000, "usd"))

    kit.advance(hours=2)
    kit.deliver()

    assert made.is_draft
    assert "invoice.finalization_failed" in [event.type for event in kit.fake.events()]


def test_a_place_is_kept_out_of_the_ledger(kit: Kit, german: Organization) -> None:
    payer = billing.customer(german)
    assert payer.raw["address"] == {"country": "DE", "postal_code": "10115"}
    assert payer.country == "DE"

    entry = models.LedgerEntry
    told = kit.state.db.session.execute(sa.select(entry.data, entry.state)).all()
    assert "10115" not in repr(told)
    assert ledger.verify().is_intact


@pytest.mark.parametrize(
    "address",
    [{}, {"country": "de"}, {"country": "Germany"}, {"country": "US"}, {"country": "ZZ"}],
)
def test_a_place_that_isnt_recognized_has_one_code(payer: Organization, address: Any) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.update_customer_tax_location(payer, address)

    assert raised.value.code == "customer_tax_location_invalid"
    assert not billing.customer(payer).raw.get("address")


def test_what_is_no_address_is_refused_before_any_call(
    payer: Organization, calls: list[str]
) -> None:
    wrong: list[dict[str, Any]] = [
        {"address": "Berlin"},
        {"address": {"country": "DE", "planet": "Earth"}},
        {"address": {"country": "DE", "city": 3}},
        {"address": {"country": "DE"}, "ip_address": "here"},
    ]
    for given in wrong:
        with pytest.raises(errors.InvalidRequest) as raised:
            billing.update_customer_tax_location(payer, **given)
        assert raised.value.code == "parameter_invalid"
    assert calls == []


# -- who is charged no tax -------------------------------------------------------------------------


def taxes_of(payer: Organization, behavior: str = "exclusive") -> tuple[int, int, list[Any]]:
    made = bill(payer, Money(1190, "usd"), behavior=behavior)
    check_sums(made)
    parts = [(part["amount"], part["taxable_amount"], part["reason"]) for part in made.total_taxes]
    return made.total, made.tax, parts


@pytest.mark.parametrize(
    ("tax_exempt", "reason"), [("exempt", "customer_exempt"), ("reverse", "reverse_charge")]
)
def test_who_is_exempt_is_charged_what_the_lines_say(
    kit: Kit, german: Organization, tax_exempt: str, reason: str
) -> None:
    assert taxes_of(german) == (1416, 226, [(226, 1190, "standard_rated")])
    for _ in range(2):
        assert billing.set_tax_exempt(german, tax_exempt).tax_exempt == tax_exempt
        kit.deliver()
    entry = kit.assert_entry("customer.updated", billing.customer(german))
    assert entry.data["changes"]["tax_exempt"] == ["none", tax_exempt]
    assert entry.state["tax_exempt"] == tax_exempt
    # What a price holds isn't taken off.
    for behavior in ("exclusive", "inclusive"):
        assert taxes_of(german, behavior) == (1190, 0, [(0, 0, reason)])
    billing.set_tax_exempt(german, "none")
    assert taxes_of(german, "inclusive") == (1190, 190, [(190, 1000, "standard_rated")])


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("word", ["never", "", None, True])
def test_an_exemption_that_there_isnt_is_refused_before_any_call(
    payer: Organization, calls: list[str], word: Any
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.set_tax_exempt(payer, word)
    assert raised.value.param == "tax_exempt"
    assert calls == []


def test_a_draft_is_taxed_as_its_customer_is_when_it_is_finalized(
    kit: Kit, german: Organization
) -> None:
    made = bill(german, Money(1000, "usd"))
    assert made.tax == 190
    billing.set_tax_exempt(german, "reverse")
    billing.finalize_invoice(made)
    assert (made.total, made.total_taxes[0]["reason"]) == (1000, "reverse_charge")


@pytest.mark.parametrize(
    ("seller", "country", "number", "tax"),
    [
        ("AT", "DE", ("eu_vat", "DE123456789"), 0),
        ("US", "DE", ("eu_vat", "DE123456789"), 0),
        # The tax office isn't asked, neither there nor here.
        ("AT", "DE", ("eu_vat", "DE111111111"), 0),
        ("DE", "GR", ("eu_vat", "EL123456789"), 0),
        ("DE", "DE", ("eu_vat", "DE123456789"), 226),
        (None, "DE", ("eu_vat", "DE123456789"), 226),
        ("AT", "DE", ("eu_vat", "FR123456789"), 226),
        ("AT", "DE", ("de_stn", "1234567890"), 226),
        ("AT", "DE", None, 226),
        ("DE", "GB", ("gb_vat", "GB123456789"), 238),
    ],
)
@pytest.mark.only("sqlite")
def test_a_business_elsewhere_in_the_union_pays_the_tax_itself(
    kit: Kit,
    payer: Organization,
    seller: str | None,
    country: str,
    number: tuple[str, str] | None,
    tax: int,
) -> None:
    kit.fake.configure(tax_country=seller)
    billing.update_customer_tax_location(payer, {"country": country})
    added = None if number is None else billing.add_tax_id(payer, *number)
    total, charged, [(_, _, reason)] = taxes_of(payer)
    assert (total, charged) == (1190 + tax, tax)
    assert reason == ("standard_rated" if tax else "reverse_charge")
    if added is not None and country == "DE":
        billing.remove_tax_id(added)
        assert taxes_of(payer)[1] == 226


def test_a_subscription_of_a_business_renews_without_tax(kit: Kit, german: Organization) -> None:
    kit.fake.configure(tax_country="AT")
    billing.add_tax_id(german, "eu_vat", "DE123456789")
    made = billing.subscribe(german, "price_pro", automatic_tax=True)
    assert billing.preview_upcoming_invoice(made).tax == 0
    kit.advance(days=32)
    for each in billing.list_invoices(german):
        assert (each.total, each.total_taxes[0]["reason"]) == (1900, "reverse_charge")
    kit.assert_settled()


@pytest.mark.only("sqlite")
def test_where_no_tax_is_collected_that_is_the_reason(kit: Kit, payer: Organization) -> None:
    billing.update_customer_tax_location(payer, {"country": "BR"})
    assert taxes_of(payer) == (1190, 0, [(0, 0, "not_collecting")])


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("country", ["de", "Germany", "D1"])
def test_the_seller_is_in_a_country_of_two_letters(kit: Kit, country: str) -> None:
    with pytest.raises(errors.ConfigError):
        kit.fake.configure(tax_country=country)


# -- numbers at tax offices ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "value", "status", "country"),
    [
        ("eu_vat", "DE123456789", "verified", "DE"),
        ("eu_vat", "ATU111111111", "unverified", "AT"),
        ("gb_vat", "GB222222222", "pending", "GB"),
        ("us_ein", "12-3456789", "unavailable", "US"),
    ],
)
def test_a_tax_id_is_verified_after_it_was_added(
    kit: Kit, payer: Organization, type: str, value: str, status: str, country: str
) -> None:
    made = billing.add_tax_id(payer, type, value)
    assert made.verification_status in ("pending", "unavailable")

    kit.advance(minutes=1)
    kit.deliver()

    assert (made.verification_status, made.country) == (status, country)
    assert billing.add_tax_id(payer, type, value) == made
    assert billing.list_tax_ids(payer) == [made]


def test_a_removed_tax_id_is_gone(kit: Kit, payer: Organization, calls: list[str]) -> None:
    made = billing.add_tax_id(payer, "eu_vat", "DE123456789")

    billing.remove_tax_id(made)

    assert made.deleted_at is not None
    assert billing.list_tax_ids(payer) == []
    del calls[:]
    assert billing.remove_tax_id(made) == made
    assert calls == []
    again = billing.add_tax_id(payer, "eu_vat", "DE123456789")
    assert billing.list_tax_ids(payer) == [again]


@pytest.mark.parametrize(
    ("type", "value"),
    [("vat", "DE1"), ("eu_vat", "US123456789"), ("eu_vat", ""), ("eu_vat", "DE\n1"), (3, "DE1")],
)
def test_what_cant_be_a_tax_id_is_refused_before_any_call(
    payer: Organization, calls: list[str], type: Any, value: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.add_tax_id(payer, type, value)

    assert raised.value.code == "tax_id_invalid"
    assert calls == []


def test_a_number_that_is_there_isnt_given_for_another_under_the_same_id(
    kit: Kit, payer: Organization
) -> None:
    billing.add_tax_id(payer, "eu_vat", "DE123456789")
    other = billing.add_tax_id(payer, "eu_vat", "DE111111111", operation_id="op")
    with pytest.raises(errors.IdempotencyConflict):
        billing.add_tax_id(payer, "eu_vat", "DE123456789", operation_id="op")
    assert billing.add_tax_id(payer, "eu_vat", "DE111111111", operation_id="op") is other
