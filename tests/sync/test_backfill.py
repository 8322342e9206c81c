"""Adopting an account: everything comes here once, is linked by what somebody says, and stays as it is."""

from __future__ import annotations

import datetime
import decimal
import gc
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.errors import InvalidRequest, UnsupportedByProcessor
from flask_accrue.ledger import verify
from flask_accrue.processors import Processor
from flask_accrue.processors.stripe import StripeProcessor
from flask_accrue.sync.account import rarely_collected
from tests.host import Organization
from tests.processors.stripe.stripe_bodies import START

if TYPE_CHECKING:
    from tests.sync.account import Account


def test_everything_of_an_account_comes_here_and_a_second_run_changes_nothing(
    account: Account,
) -> None:
    numbers = range(1, 131)
    account.own(*numbers)
    account.prime_rest()
    for number in numbers:
        account.prime(number)

    first = account.sync()

    kinds: dict[Any, int] = {
        models.Customer: 130,
        models.PaymentMethod: 130,
        models.Subscription: 130,
        models.Invoice: 130,
        models.InvoicePayment: 130,
        models.PaymentIntent: 130,
        models.Charge: 130,
        models.Refund: 1,
        models.Product: 1,
        models.Price: 2,
        models.ConnectAccount: 1,
        models.Transfer: 1,
    }
    assert {model: account.count(model) for model in kinds} == kinds
    assert not first.is_clean
    assert first.counts["customer"] == {"seen": 130, "created": 130}
    owner = account.db.session.get(Organization, 77)
    held = billing.subscription(owner)
    assert held is not None
    assert held.processor_id == "sub_77"
    assert verify().findings == []

    before = account.state()
    second = account.sync()
    assert second.is_clean
    assert second.counts["customer"] == {"seen": 130, "unchanged": 130}
    assert account.state() == before


def test_what_comes_keeps_its_fractions_letters_and_times(account: Account) -> None:
    account.own(1)
    account.put("coupon", "EIGHTH", START, percent_off=12.5, name='Ünïcode "ŝ" \\ \U0001f600\n')
    account.prime(1)
    account.sync()
    coupon = account.find(models.Coupon, "EIGHTH")
    assert coupon.percent_off == decimal.Decimal("12.5")
    assert coupon.name == 'Ünïcode "ŝ" \\ \U0001f600\n'
    assert coupon.created == datetime.datetime.fromtimestamp(START, datetime.UTC)
    assert coupon.raw["percent_off"] == 12.5
    assert coupon.deleted_at is None
    assert coupon.data == {}


def test_a_customer_s_default_card_is_known_in_whatever_order_they_come(account: Account) -> None:
    account.own(1, 2)
    account.prime(1, invoice_settings={"default_payment_method": "pm_1"})
    account.prime(2, invoice_settings={"default_payment_method": "pm_2"})
    account.put("payment_method", "pm_second", START + 90, 1, type="card", card={"brand": "visa"})
    account.sync()
    for number in (1, 2):
        customer = account.find(models.Customer, f"cus_{number}")
        default = account.find(models.PaymentMethod, f"pm_{number}")
        assert customer.default_payment_method_id == default.id
    assert verify().findings == []
    assert account.sync().is_clean


def test_a_subscription_is_written_once_with_what_it_has_from_its_invoices(
    account: Account,
) -> None:
    account.own(1)
    account.prime(1)
    account.sync()
    row = account.find(models.Subscription, "sub_1")
    assert row.paid_until is not None
    entries = account.db.session.scalars(
        account.db.select(models.LedgerEntry.type).filter_by(subject_id=str(row.id))
    )
    assert list(entries) == ["subscription.created"]


def test_what_was_paid_is_linked_whichever_comes_first(account: Account) -> None:
    account.own(*range(1, 4))
    for number in range(1, 4):
        account.prime(number)
    account.sync("customers", "charges")
    assert account.find(models.Charge, "ch_2").invoice_processor_id is None
    account.sync("invoices")
    assert account.sync("charges").is_clean
    account.own(4)
    account.prime(4)
    account.sync()
    for number in range(1, 5):
        assert account.find(models.Charge, f"ch_{number}").invoice_processor_id == f"in_{number}"
        intent = account.find(models.PaymentIntent, f"pi_{number}")
        assert intent.invoice_processor_id == f"in_{number}"
    assert verify().findings == []


def test_a_page_takes_no_statement_for_each_object(account: Account) -> None:
    account.own(*range(1, 61))
    for number in range(1, 61):
        account.prime(number)
    # A dozen kinds take about eight each; one for each of any of them would add sixty.
    assert statements(account) < 120


def statements(account: Account) -> int:
    """Return how many statements a run takes, but for cards, which are listed a customer at a time."""
    counted: list[str] = []
    engine = account.db.engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        counted.append(statement)

    account.sync("catalog", "customers", "invoices", "subscriptions", "charges", "refunds")
    sa.event.remove(engine, "before_cursor_execute", note)
    return len(counted)


def test_a_kind_can_be_asked_for_by_itself(account: Account) -> None:
    account.own(1)
    account.prime(1)
    account.sync("customers")
    assert account.count(models.Customer) == 1
    assert account.count(models.Subscription) == 0
    account.sync("subscriptions")
    assert account.count(models.Subscription) == 1
    with pytest.raises(InvalidRequest, match="There is nothing called 'subs' to sync"):
        account.sync("subs")


def test_a_customer_that_names_no_owner_stays_away_with_all_it_has_and_is_told(
    account: Account,
) -> None:
    account.own(1)
    account.prime(1)
    account.prime(2)
    account.change("cus_2", metadata={})
    account.prime(3)
    account.change("cus_3", metadata={"accrue_owner": "Spaceship:3"})

    report = account.sync()

    assert account.count(models.Customer) == 1
    assert account.count(models.Subscription) == 1
    assert sorted(each.processor_id for each in account.unlinked) == ["cus_2", "cus_3"]
    assert report.counts["customer"]["unlinked"] == 2
    assert report.counts["subscription"]["unlinked"] == 2
    assert account.sync().is_clean


def test_a_customer_of_another_installation_stays_away_however_else_it_could_be_linked(
    account: Account,
) -> None:
    account.own(1, 2)
    account.prime(1)
    account.prime(2)
    elsewhere = {"accrue_owner": "Organization:2", "accrue_installation": "staging"}
    account.change("cus_2", metadata=elsewhere)
    linked: list[str] = []
    account.accrue.customer_linker(lambda customer: linked.append(customer.processor_id))

    report = account.sync(link_by_email=True)

    assert account.count(models.Customer) == 1
    assert linked == []
    assert [(each.processor_id, each.reason) for each in account.unlinked] == [
        ("cus_2", "it's of another installation, called 'staging'")
    ]
    assert report.counts["customer"]["unlinked"] == 1


def test_an_email_links_a_customer_only_where_one_owner_and_one_customer_have_it(
    account: Account,
) -> None:
    account.own(1, 2, 3, 4)
    twice = account.db.session.get(Organization, 4)
    twice.email = "owner3@host.example"
    account.db.session.commit()
    for number in (1, 2, 3, 9):
        account.prime(number)
        account.change(f"cus_{number}", metadata={})
    account.put("customer", "cus_twin", 5, email="owner2@host.example")

    account.sync("customers")
    assert account.count(models.Customer) == 0

    account.sync("customers", link_by_email=True)
    [row] = account.db.session.scalars(account.db.select(models.Customer))
    assert (row.processor_id, row.owner_id) == ("cus_1", "1")
    assert {each.processor_id: each.reason for each in account.unlinked} == {
        "cus_2": "several customers at stripe have its e-mail address",
        "cus_twin": "several customers at stripe have its e-mail address",
        "cus_3": "several here have its e-mail address",
        "cus_9": "nobody here has its e-mail address",
    }


def test_a_text_that_is_longer_than_its_column_keeps_nothing_else_from_coming(
    account: Account,
) -> None:
    account.own(1)
    account.prime_rest()
    account.prime(1)
    account.change("prod_pro", name="\u00fc" * 3000)
    account.change("price_pro", nickname="n" * 3000)
    account.change("cus_1", name="Ada" * 300)
    account.change("sub_1", metadata={"accrue_name": "addon " * 40})

    account.sync()

    assert account.find(models.Product, "prod_pro").name == "\u00fc" * 255
    assert account.find(models.Price, "price_pro").nickname == "n" * 255
    assert account.find(models.Customer, "cus_1").name == ("Ada" * 300)[:512]
    assert account.find(models.Subscription, "sub_1").name == ("addon " * 40)[:100]
    assert account.count(models.Charge) == 1
    assert account.sync().is_clean


@pytest.mark.parametrize("searches", [True, False])
def test_an_email_is_the_same_however_it_is_spelled(account: Account, searches: bool) -> None:
    account.own(1, 2)
    account.prime(1)
    account.change("cus_1", metadata={}, email="Owner1@Host.example")
    account.put("customer", "cus_twin", 5, email="owner1@host.example")
    account.put("customer", "cus_loud", 6, email="OWNER2@HOST.EXAMPLE")
    if not searches:
        # As for merchants in India.
        account.server.queue_answer(400, path="/search$", times=9)

    account.sync("customers", link_by_email=True)

    linked = account.db.session.execute(
        sa.select(models.Customer.processor_id, models.Customer.owner_id)
    ).all()
    assert linked == ([("cus_loud", "2")] if searches else [])
    several = "several customers at stripe have its e-mail address"
    unsaid = "stripe can't tell here who else has its e-mail address in another spelling"
    ids = ["cus_1", "cus_twin"] if searches else ["cus_1", "cus_loud", "cus_twin"]
    told = {each.processor_id: each.reason for each in account.unlinked}
    assert told == dict.fromkeys(ids, several if searches else unsaid)


def test_a_host_links_customers_by_what_it_knows(account: Account) -> None:
    account.own(1, 2)
    for number in (1, 2):
        account.prime(number)
        account.change(f"cus_{number}", metadata={"shop": f"number {number}"})

    @account.accrue.customer_linker
    def link(customer: Any) -> Organization | None:
        if customer.metadata.get("shop") != "number 2":
            return None
        found: Organization | None = account.db.session.get(Organization, 2)
        return found

    account.sync()
    owner = account.db.session.get(Organization, 2)
    assert billing.customer(owner).processor_id == "cus_2"
    assert [each.processor_id for each in account.unlinked] == ["cus_1"]


def test_an_owner_that_has_a_customer_is_given_no_second_one(account: Account) -> None:
    account.own(1)
    account.prime(1)
    account.sync("customers")
    account.put("customer", "cus_other", 7, metadata={"accrue_owner": "Organization:1"})
    account.sync("customers")
    assert account.count(models.Customer) == 1
    assert [each.reason for each in account.unlinked] == [
        "its owner, Organization:1, has another customer here, cus_1"
    ]


def test_everything_is_what_the_processor_has_and_what_is_named_has_to_be_there(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.own(1)
    account.prime_rest()
    account.prime(1)
    # As a processor of the host's own may be.
    monkeypatch.setattr(StripeProcessor, "list_tax_ids", Processor.list_tax_ids)

    assert account.sync().counts["customer"] == {"seen": 1, "created": 1}
    with pytest.raises(UnsupportedByProcessor):
        account.sync("tax_ids")


def test_of_runs_side_by_side_the_last_one_puts_back_how_often_garbage_is_looked_for() -> None:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        first, second = rarely_collected(), rarely_collected()
        for run in (first, second):
            run.__enter__()
        assert gc.get_threshold()[0] > 700
        for run in (first, second):
            run.__exit__(None, None, None)
        assert gc.get_threshold() == (700, 10, 10)
    finally:
        gc.set_threshold(*before)
