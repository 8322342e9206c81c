"""What differs is told to the field, written when that's wanted, and never over what is newer."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import billing, models
from flask_accrue.errors import InvalidRequest, InvalidState
from flask_accrue.ledger import verify
from tests.host import Organization
from tests.processors.stripe.stripe_bodies import START

if TYPE_CHECKING:
    from tests.sync.account import Account

KINDS = {
    "product": ("prod_pro", {"name": "Pro, renamed"}, "name"),
    "price": ("price_pro", {"nickname": "Monthly"}, "nickname"),
    "customer": ("cus_1", {"name": "Renamed"}, "name"),
    "payment_method": ("pm_1", {"card": {"exp_month": 11}}, "exp_month"),
    "subscription": ("sub_1", {"cancel_at_period_end": True}, "cancel_at_period_end"),
    "invoice": ("in_1", {"number": "R-77"}, "number"),
    "payment_intent": ("pi_1", {"amount": 77}, "amount"),
    "charge": ("ch_1", {"amount_refunded": 300}, "amount_refunded"),
    "refund": ("re_1", {"status": "failed"}, "status"),
    "tax_id": ("txi_1", {"verification": {"status": "unverified"}}, "verification_status"),
    "checkout_session": ("cs_1", {"status": "expired"}, "status"),
    "connect_account": ("acct_1", {"payouts_enabled": True}, "payouts_enabled"),
    "transfer": ("tr_1", {"amount_reversed": 300}, "amount_reversed"),
}


@pytest.fixture
def adopted(account: Account) -> Account:
    """Give an account of two customers that is here as it is at Stripe."""
    account.own(1, 2)
    account.prime_rest()
    for number in (1, 2):
        account.prime(number)
    account.sync()
    return account


def drift(account: Account, kind: str) -> tuple[str, str]:
    """Change an object at Stripe, which tells nobody; return its id and the column it's in."""
    id, fields, column = KINDS[kind]
    if kind == "payment_method":
        [body] = [each for each in account.server.objects()["platform"] if each["id"] == id]
        fields = {"card": {**body["card"], "exp_month": 11}}
    account.change(id, **fields)
    return id, column


@pytest.mark.parametrize("kind", KINDS)
def test_what_differs_is_told_and_a_run_mends_it(adopted: Account, kind: str) -> None:
    model = models.MIRRORED[kind]
    id, column = drift(adopted, kind)
    before = adopted.state()
    here = getattr(adopted.find(model, id), column)

    looked = adopted.sync(dry_run=True)

    assert adopted.state() == before
    told = adopted.told()
    [(name, fields)] = told.items()
    assert name.startswith(f"{kind} {id} ")
    assert fields[column][0] == here
    assert looked.counts[kind]["updated"] == 1

    adopted.sync()

    assert adopted.told() == told
    assert getattr(adopted.find(model, id), column) == fields[column][1]
    entries = adopted.db.session.scalars(
        sa.select(models.LedgerEntry).order_by(models.LedgerEntry.id.desc()).limit(1)
    ).all()
    assert [(entry.actor_type, entry.actor_id) for entry in entries] == [("system", "sync")]
    assert verify().findings == []
    assert adopted.sync(dry_run=True).is_clean


def test_a_dry_run_of_a_new_account_tells_what_a_run_would_make_and_makes_nothing(
    account: Account,
) -> None:
    account.own(1)
    account.prime_rest()
    account.prime(1)
    before = account.state()

    account.sync(dry_run=True)

    assert account.state() == before
    assert account.count(models.SyncRun) == 0
    looked = {(each.kind, each.processor_id) for each in account.differences}
    account.sync()
    made = {(each.kind, each.processor_id) for each in account.differences if each.verb != "linked"}
    # Payments come inside their invoices, whose customers aren't here yet.
    assert made - looked == {("invoice_payment", "inpay_1")}
    assert looked <= made


def test_an_edit_behind_the_back_of_the_mirror_is_told_and_undone(adopted: Account) -> None:
    adopted.edit(models.Subscription, "sub_2", status="trialing")
    adopted.sync(dry_run=True)
    assert adopted.told() == {"subscription sub_2 trial_ended": {"status": ("trialing", "active")}}
    adopted.sync()
    assert adopted.find(models.Subscription, "sub_2").status == "active"


def test_a_bank_account_from_before_payment_methods_isnt_gone_because_it_isnt_listed(
    adopted: Account,
) -> None:
    body = {"id": "ba_1", "object": "bank_account", "customer": "cus_1", "last4": "6789"}
    adopted.tell("customer.source.created", body, START + 1)
    assert adopted.find(models.PaymentMethod, "ba_1").is_attached

    report = adopted.sync("payment_methods", repair=True)
    assert "gone" not in report.counts["payment_method"]
    billing.sync_payment_methods(adopted.find(models.Customer, "cus_1"))
    assert adopted.find(models.PaymentMethod, "ba_1").is_attached


def test_what_is_gone_is_told_and_ends_here_only_when_repaired(adopted: Account) -> None:
    adopted.delete("customer", "cus_2")
    adopted.delete("payment_method", "pm_1")
    adopted.delete("tax_id", "txi_1")

    report = adopted.sync()
    assert report.counts["customer"]["gone"] == 1
    assert report.counts["payment_method"]["gone"] == 1
    assert report.counts["tax_id"]["gone"] == 1
    assert adopted.find(models.Customer, "cus_2").is_deleted is False
    assert adopted.find(models.PaymentMethod, "pm_1").is_attached
    told = adopted.told()
    assert told["customer cus_2 deleted"]["deleted_at"][0] is None
    assert "subscription sub_2 canceled" in told
    assert "payment_method pm_1 detached" in told
    assert "tax_id txi_1 deleted" in told
    assert adopted.find(models.TaxId, "txi_1").deleted_at is None

    adopted.sync(dry_run=True)
    assert adopted.find(models.Customer, "cus_2").is_deleted is False
    assert adopted.told().keys() == told.keys()

    adopted.sync(repair=True)
    assert adopted.told().keys() == told.keys()
    assert adopted.find(models.Customer, "cus_2").is_deleted
    assert adopted.find(models.Subscription, "sub_2").is_ended
    assert not adopted.find(models.PaymentMethod, "pm_1").is_attached
    assert adopted.find(models.TaxId, "txi_1").deleted_at is not None
    assert adopted.find(models.Customer, "cus_1").is_deleted is False
    assert verify().findings == []
    assert adopted.sync("customers", "payment_methods", "tax_ids", dry_run=True).is_clean


def test_news_that_come_in_while_a_page_is_asked_for_win(adopted: Account) -> None:
    """The list was made before; its answer is on its way when the event is applied."""
    body = adopted.change("sub_1", cancel_at_period_end=False)
    adopted.change("sub_1", cancel_at_period_end=True)
    happened = int(datetime.datetime.now(datetime.UTC).timestamp()) + 1
    original = adopted.app.extensions["accrue"].processors["stripe"]
    told: list[str] = []

    class Overtaken(type(original)):  # type: ignore[misc]
        def page(self, kind: str, **options: Any) -> Any:
            page = super().page(kind, **options)
            if kind == "subscription" and not told:
                told.append(kind)
                adopted.change("sub_1", cancel_at_period_end=False)
                adopted.tell("customer.subscription.updated", body, happened)
            return page

    original.__class__ = Overtaken
    adopted.sync("subscriptions")
    assert told
    assert adopted.find(models.Subscription, "sub_1").cancel_at_period_end is False


@pytest.mark.parametrize("customers", [1, 4, 6])
def test_an_account_that_knows_none_of_our_customers_is_refused_before_anything_ends(
    account: Account, customers: int
) -> None:
    numbers = range(1, customers + 1)
    account.own(*numbers)
    for number in numbers:
        account.prime(number)
    account.sync("customers")
    account.server.reset()
    before = account.state()
    with pytest.raises(InvalidState, match="the key is of another account"):
        account.sync(repair=True)
    assert account.state() == before


def test_an_account_whose_customers_were_all_deleted_is_still_the_same(adopted: Account) -> None:
    for number in (1, 2):
        adopted.delete("customer", f"cus_{number}")
    adopted.sync("customers", repair=True)
    assert adopted.find(models.Customer, "cus_1").is_deleted
    assert adopted.find(models.Customer, "cus_2").is_deleted


def test_what_has_not_changed_is_not_written(adopted: Account) -> None:
    written = []
    engine = adopted.db.engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        verb, _, rest = statement.partition(" ")
        table = rest.removeprefix("INTO ").partition(" ")[0]
        # On SQLite a no-op is what locks a chain.
        if verb in ("INSERT", "UPDATE", "DELETE") and table != "accrue_ledger_chains":
            written.append(table)

    assert adopted.sync().is_clean
    sa.event.remove(engine, "before_cursor_execute", note)
    assert set(written) == {"accrue_sync_runs"}


def test_a_run_either_repairs_or_only_looks(account: Account) -> None:
    with pytest.raises(InvalidRequest, match="not both"):
        account.sync(repair=True, dry_run=True)


def test_one_row_at_a_time_is_brought_up_to_date_from_code(adopted: Account) -> None:
    adopted.change("sub_1", cancel_at_period_end=True)
    owner = adopted.db.session.get(Organization, 1)
    subscription = billing.subscription(owner)
    assert subscription is not None
    assert not subscription.cancel_at_period_end
    found = billing.sync(subscription)
    assert found is not None
    assert found.cancel_at_period_end

    adopted.change("prod_pro", name="Another")
    product = adopted.find(models.Product, "prod_pro")
    renamed = billing.sync(product)
    assert renamed is not None
    assert renamed.name == "Another"

    adopted.delete("customer", "cus_1")
    assert billing.sync(billing.customer(owner)) is None
    assert billing.get_customer(owner) is None
    with pytest.raises(InvalidRequest, match="A Organization isn't mirrored"):
        billing.sync(owner)
