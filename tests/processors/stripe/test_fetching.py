"""Fetching objects from the contract server, through the real SDK."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from flask_accrue.errors import ConfigError, InvalidRequest, NotFound, ProcessorUnavailable
from flask_accrue.processors import objects
from flask_accrue.processors.stripe import StripeProcessor, api, versions
from tests.processors.stripe.stripe_bodies import (
    NO_SUCH_CUSTOMER,
    Json,
    checkout_session,
    coupon,
    credit_note,
    dispute,
    entitlement,
    event,
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    promotion_code,
    sample,
    schedule,
    subscription,
    tax_id,
)

if t.TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("obj", "type"),
    [
        (sample("customer"), "customer.updated"),
        (sample("payment_method"), "payment_method.updated"),
        (sample("product"), "product.updated"),
        (sample("price", currency_options=None), "price.updated"),
        (subscription(), "customer.subscription.updated"),
        (invoice(), "invoice.paid"),
        (invoice_payment(), "invoice_payment.paid"),
        (sample("payment_intent"), "payment_intent.succeeded"),
        (sample("charge"), "charge.succeeded"),
        (sample("refund"), "refund.updated"),
        (dispute(), "charge.dispute.created"),
        (credit_note(), "credit_note.created"),
        (schedule(), "subscription_schedule.updated"),
        (coupon(), "coupon.updated"),
        (promotion_code(), "promotion_code.updated"),
        (tax_id(), "customer.tax_id.updated"),
        (checkout_session(), "checkout.session.completed"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["object"],
)
def test_an_answer_and_a_webhook_become_the_same_object(
    stripe_server: ContractServer, processor: StripeProcessor, obj: Json, type: str
) -> None:
    stripe_server.prime(obj)
    said = event(obj, type).object
    assert said is not None

    answer = processor.fetch(said.kind, said.processor_id)

    assert answer.objects == (said,)
    assert answer.main.raw == said.raw


def test_every_kind_can_be_fetched(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_answer(400, NO_SUCH_CUSTOMER, path="/entitlements/")
    for kind in objects.KINDS:
        with pytest.raises(NotFound):
            processor.fetch(kind, "x_1")
    elsewhere = {
        "checkout_session": "checkout/sessions/x_1",
        "connect_account": "accounts/x_1",
        "entitlement_summary": "entitlements/active_entitlements",
    }
    assert {request.path for request in stripe_server.requests} == {
        f"/v1/{elsewhere.get(kind, f'{kind}s/x_1')}" for kind in objects.KINDS
    }


def test_a_kind_that_doesnt_exist_is_refused(processor: StripeProcessor) -> None:
    with pytest.raises(InvalidRequest, match="unicorn"):
        processor.fetch("unicorn", "u_1")


def test_an_invoice_brings_its_payments(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(invoice())

    found = processor.fetch("invoice", "in_1").main

    assert stripe_server.requests[-1].params == {"expand": ["payments"]}
    assert isinstance(found, objects.Invoice)
    assert isinstance(found.payments, tuple)
    assert [each.payment_intent for each in found.payments] == ["pi_1"]


def test_a_charge_brings_its_fee(stripe_server: ContractServer, processor: StripeProcessor) -> None:
    stripe_server.prime(sample("charge", id="ch_1", balance_transaction="txn_1"))
    stripe_server.prime(sample("balance_transaction", id="txn_1", fee=85, net=1815))

    found = processor.fetch("charge", "ch_1").main

    assert isinstance(found, objects.Charge)
    assert (found.fee, found.net) == (85, 1815)


def test_a_missing_part_isnt_taken_for_a_missing_object(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(sample("charge", id="ch_1", balance_transaction="txn_gone"))

    found = processor.fetch("charge", "ch_1").main

    assert isinstance(found, objects.Charge)
    assert (found.processor_id, found.fee) == ("ch_1", objects.UNSAID)


def test_a_subscription_brings_the_coupons_of_its_discounts(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(subscription(discounts=["di_1"]))
    source = {"type": "coupon", "coupon": "TEN"}
    stripe_server.prime(sample("discount", id="di_1", source=source))

    found = processor.fetch("subscription", "sub_1").main

    assert isinstance(found, objects.Subscription)
    [discount] = found.discounts
    assert (discount.processor_id, discount.coupon) == ("di_1", "TEN")


def test_lines_that_are_cut_off_are_all_fetched(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    lines = [line(id=f"il_{number}", amount=number) for number in range(230)]
    stripe_server.prime(invoice(lines=listed(*lines)))
    stripe_server.queue_answer(200, invoice(lines=listed(*lines[:10], has_more=True)))

    found = processor.fetch("invoice", "in_1").main

    assert isinstance(found, objects.Invoice)
    assert isinstance(found.lines, tuple)
    assert [each.amount for each in found.lines] == list(range(230))
    pages = stripe_server.requests_to("GET", "/v1/invoices/in_1/lines")
    assert [page.params.get("starting_after") for page in pages] == [None, "il_99", "il_199"]
    assert found.raw["lines"]["has_more"] is False


def test_a_line_that_is_gone_before_the_next_page_isnt_taken_for_a_missing_invoice(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    lines = [line(id=f"il_{number}", amount=number) for number in range(130)]
    stripe_server.prime(invoice(lines=listed(*lines[:99], *lines[100:])))
    stripe_server.queue_answer(200, invoice(lines=listed(*lines[:10], has_more=True)))
    stripe_server.queue_answer(200, listed(*lines[:100], has_more=True), path="/lines")

    found = processor.fetch("invoice", "in_1").main

    assert isinstance(found, objects.Invoice)
    assert isinstance(found.lines, tuple)
    assert [each.amount for each in found.lines] == list(range(130))
    pages = stripe_server.requests_to("GET", "/v1/invoices/in_1/lines")
    assert [page.params.get("starting_after") for page in pages] == [None, "il_99", "il_98"]


def test_lines_that_are_all_gone_before_the_next_page_have_the_invoice_asked_for_again(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(invoice())
    gone = [line(id=f"il_gone_{number}") for number in range(5)]
    stripe_server.queue_answer(200, invoice(lines=listed(*gone[:1], has_more=True)))
    stripe_server.queue_answer(200, listed(*gone, has_more=True), path="/lines")

    with pytest.raises(ProcessorUnavailable, match="changed while"):
        processor.fetch("invoice", "in_1")


def test_an_invoice_that_is_gone_before_its_next_lines_is_missing(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.queue_answer(200, invoice(lines=listed(line(id="il_0"), has_more=True)))
    stripe_server.queue_answer(200, listed(line(id="il_0"), has_more=True), path="/lines")

    with pytest.raises(NotFound):
        processor.fetch("invoice", "in_1")


def test_items_that_are_cut_off_are_all_fetched(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    items = [item(f"si_{number}", subscription="sub_1") for number in range(14)]
    for each in items:
        stripe_server.prime(each)
    first = subscription(items=listed(*items[:10], has_more=True))
    stripe_server.queue_answer(200, first, path="/v1/subscriptions/")

    found = processor.fetch("subscription", "sub_1").main

    assert isinstance(found, objects.Subscription)
    assert {each.processor_id for each in found.items} == {each["id"] for each in items}
    assert len(found.items) == 14


def test_a_summary_of_entitlements_is_put_together_from_all_pages_of_the_list(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(sample("customer", id="cus_1"))
    for number in range(230):
        stripe_server.prime(entitlement(f"feature-{number:03}"))
    stripe_server.prime(entitlement("of-another", customer="cus_2"))

    found = processor.fetch("entitlement_summary", "cus_1").main

    assert isinstance(found, objects.EntitlementSummary)
    assert (found.processor_id, found.customer) == ("cus_1", "cus_1")
    assert found.lookup_keys == tuple(f"feature-{number:03}" for number in range(230))
    assert found.features == tuple(f"feat_feature-{number:03}" for number in range(230))
    assert found.raw["entitlements"]["has_more"] is False
    assert [request.params["customer"] for request in stripe_server.requests] == ["cus_1"] * 3


def test_a_list_of_entitlements_that_changes_between_its_pages_isnt_taken_for_a_missing_customer(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(sample("customer", id="cus_1"))
    stripe_server.prime(entitlement("exports"))
    stripe_server.queue_answer(200, listed(entitlement("reports"), has_more=True))

    with pytest.raises(ProcessorUnavailable, match="changed while"):
        processor.fetch("entitlement_summary", "cus_1")


def test_a_deleted_customer_is_fetched_as_deleted(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime({"id": "cus_1", "object": "customer", "deleted": True})

    assert processor.fetch("customer", "cus_1").main.deleted


def test_the_client_secret_is_in_the_answer_and_nowhere_else(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    secret = "pi_1_secret_abc"
    stripe_server.prime(sample("payment_intent", id="pi_1", client_secret=secret))

    answer = processor.fetch("payment_intent", "pi_1")

    assert answer.client_secret == secret
    assert "client_secret" not in answer.main.raw
    assert secret not in repr(answer)


def test_an_object_of_a_connected_account_is_asked_for_there(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(sample("customer", id="cus_1"), account="acct_1")

    assert processor.fetch("customer", "cus_1", account="acct_1").main.processor_id == "cus_1"
    with pytest.raises(NotFound):
        processor.fetch("customer", "cus_1")


def test_every_call_is_of_the_pinned_version(
    stripe_server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A host that sets the SDK's own globals changes nothing here.
    monkeypatch.setattr("stripe.api_version", "2020-08-27")
    monkeypatch.setattr("stripe.api_base", "http://127.0.0.1:9")
    stripe_server.prime(sample("customer", id="cus_1"))

    StripeProcessor("sk_test_1", api_base=stripe_server.url).fetch("customer", "cus_1")

    assert stripe_server.requests[-1].headers["Stripe-Version"] == versions.PINNED
    assert stripe_server.contract.version == versions.PINNED


@pytest.mark.parametrize(
    ("processor_id", "path"),
    [
        ("gold plan/v2", "/v1/prices/gold%20plan%2Fv2"),
        ("a?expand[]=product#x", "/v1/prices/a%3Fexpand%5B%5D%3Dproduct%23x"),
        ("../customers/cus_1", "/v1/prices/..%2Fcustomers%2Fcus_1"),
        ("Größe", "/v1/prices/Gr%C3%B6%C3%9Fe"),
    ],
)
def test_an_id_of_any_letters_stays_in_its_place(
    stripe_server: ContractServer, processor: StripeProcessor, processor_id: str, path: str
) -> None:
    stripe_server.prime(sample("price", id=processor_id))

    assert processor.fetch("price", processor_id).main.processor_id == processor_id
    assert stripe_server.requests[-1].path == path


@pytest.mark.parametrize("processor_id", ["", ".", "..", "p" * 256])
def test_what_cant_be_an_id_isnt_asked_for(
    stripe_server: ContractServer, processor: StripeProcessor, processor_id: str
) -> None:
    with pytest.raises(InvalidRequest):
        processor.fetch("price", processor_id)
    assert stripe_server.requests == []


# -- how fresh an answer is ------------------------------------------------------------------------


def test_an_answer_was_true_between_its_date_less_the_call_and_its_date(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    stripe_server.prime(sample("customer", id="cus_1"))
    stripe_server.clock.set(NOON + datetime.timedelta(milliseconds=700))

    answer = processor.fetch("customer", "cus_1")

    assert answer.fresh_to == NOON
    assert answer.fresh_from == NOON - datetime.timedelta(seconds=1)


def test_a_slow_call_makes_the_interval_longer() -> None:
    fresh_from, fresh_to = api.interval("Mon, 01 Jun 2026 12:00:00 GMT", 2.1)

    assert (fresh_from, fresh_to) == (NOON - datetime.timedelta(seconds=3), NOON)


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_date_is_of_about_now(date: str | None) -> None:
    now = datetime.datetime.now(datetime.UTC)

    fresh_from, fresh_to = api.interval(date, 0.1)

    assert fresh_from < now - datetime.timedelta(minutes=4)
    assert fresh_to > now + datetime.timedelta(minutes=4)


def test_a_list_of_several_pages_was_true_until_the_last_page(
    stripe_server: ContractServer, processor: StripeProcessor
) -> None:
    later = "Mon, 01 Jun 2026 12:00:07 GMT"
    stripe_server.clock.set(NOON)
    stripe_server.queue_answer(200, invoice(lines=listed(line(), has_more=True)))
    stripe_server.queue_answer(200, listed(line(id="il_2")), headers={"Date": later})

    answer = processor.fetch("invoice", "in_1")

    assert answer.fresh_from == NOON - datetime.timedelta(seconds=1)
    assert answer.fresh_to == NOON + datetime.timedelta(seconds=7)


# -- what the processor is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "livemode"),
    [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True)],
)
def test_the_mode_is_read_from_the_key(key: str, livemode: bool) -> None:
    assert StripeProcessor(key).livemode is livemode


def test_without_a_key_webhooks_are_read_and_a_fetch_says_what_is_missing() -> None:
    processor = StripeProcessor(None)

    assert processor.livemode is None
    with pytest.raises(ConfigError, match="ACCRUE_STRIPE_SECRET_KEY"):
        processor.fetch("customer", "cus_1")


def test_the_key_shows_in_no_repr(processor: StripeProcessor) -> None:
    shown = repr([processor, vars(processor), vars(processor._api)])

    assert "sk_test_oracle" not in shown
