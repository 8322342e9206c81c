"""What the contract server remembers of what it was asked, or primed with."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.oracles.stripe_calls import call, client_of, monthly_price, refused, subscription
from tests.oracles.stripe_server import start_contract_server

if TYPE_CHECKING:
    from tests.oracles.stripe_server import ContractServer


def raw(server: ContractServer, path: str, account: str | None = None) -> tuple[int, Any]:
    """Read a path as JSON, as it goes over the wire."""
    headers = {"Authorization": "Bearer sk_test_x", "Stripe_Version": server.contract.version}
    if account:
        headers["Stripe_Account"] = account
    status, answer, _ = call(server, "GET", path, **headers)
    return status, answer


def test_what_was_created_can_be_read(stripe_client: stripe.StripeClient) -> None:
    made = stripe_client.v1.customers.create(
        {"email": "ada@example.com", "metadata": {"accrue_owner": "Organization:1"}}
    )

    found = stripe_client.v1.customers.retrieve(made.id)

    assert found.email == "ada@example.com"
    assert found.metadata is not None
    assert found.metadata["accrue_owner"] == "Organization:1"
    assert found.to_dict() == made.to_dict()


def test_an_unknown_id_is_a_404(stripe_client: stripe.StripeClient) -> None:
    with refused(404, code="resource_missing", param="id"):
        stripe_client.v1.customers.retrieve("cus_none")


def test_an_id_of_another_kind_is_a_404(stripe_client: stripe.StripeClient) -> None:
    customer = stripe_client.v1.customers.create({})
    with refused(404, code="resource_missing"):
        stripe_client.v1.subscriptions.retrieve(customer.id)


def test_an_object_of_another_account_is_a_404(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    stripe_server.prime({"id": "cus_1", "object": "customer"}, account="acct_1")

    with refused(404, code="resource_missing"):
        stripe_client.v1.customers.retrieve("cus_1")
    found = stripe_client.v1.customers.retrieve("cus_1", None, {"stripe_account": "acct_1"})
    assert found.id == "cus_1"


def test_a_product_may_be_created_once_under_an_id(stripe_client: stripe.StripeClient) -> None:
    stripe_client.v1.products.create({"id": "pro", "name": "Pro"})
    with refused(400, code="resource_already_exists"):
        stripe_client.v1.products.create({"id": "pro", "name": "Pro"})


def test_metadata_is_merged_and_an_empty_value_deletes(stripe_client: stripe.StripeClient) -> None:
    customer = stripe_client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})

    changed = stripe_client.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})

    assert changed.to_dict()["metadata"] == {"b": "2", "c": "3"}
    emptied = stripe_client.v1.customers.update(customer.id, {"metadata": ""})
    assert emptied.to_dict()["metadata"] == {}


def test_a_subscription_has_its_items_and_they_have_periods(
    stripe_client: stripe.StripeClient,
) -> None:
    made = subscription(stripe_client)

    [item] = made.items.data
    assert item.subscription == made.id
    assert item.quantity == 1
    assert item.current_period_end > item.current_period_start
    assert stripe_client.v1.subscription_items.retrieve(item.id).id == item.id


def test_items_are_changed_added_and_deleted_through_the_subscription_or_by_themselves(
    stripe_client: stripe.StripeClient,
) -> None:
    made = subscription(stripe_client)
    other = monthly_price(stripe_client, 4900)

    stripe_client.v1.subscription_items.create({"subscription": made.id, "price": other.id})
    stripe_client.v1.subscription_items.update(made.items.data[0].id, {"quantity": 3})
    found = stripe_client.v1.subscriptions.retrieve(made.id)
    assert [item.quantity for item in found.items.data] == [3, 1]

    stripe_client.v1.subscription_items.delete(made.items.data[0].id)
    swapped = stripe_client.v1.subscriptions.update(
        made.id, {"items": [{"id": found.items.data[1].id, "quantity": 5}]}
    )
    assert [(item.price.id, item.quantity) for item in swapped.items.data] == [(other.id, 5)]


def test_a_trial_is_the_first_period(stripe_client: stripe.StripeClient) -> None:
    made = subscription(stripe_client, trial_period_days=14)

    assert made.status == "trialing"
    assert made.trial_end == made.created + 14 * 86400
    assert made.items.data[0].current_period_end == made.trial_end
    ended = stripe_client.v1.subscriptions.update(made.id, {"trial_end": "now"})
    assert ended.status == "active"


def test_an_end_at_the_period_end_is_dated_and_can_be_taken_back(
    stripe_client: stripe.StripeClient,
) -> None:
    made = subscription(stripe_client)

    ending = stripe_client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert ending.cancel_at == made.items.data[0].current_period_end
    going_on = stripe_client.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert going_on.cancel_at is None


def test_pausing_the_collection_leaves_the_status(stripe_client: stripe.StripeClient) -> None:
    made = subscription(stripe_client)

    paused = stripe_client.v1.subscriptions.update(
        made.id, {"pause_collection": {"behavior": "void"}}
    )
    assert paused.status == "active"
    assert paused.pause_collection is not None
    resumed = stripe_client.v1.subscriptions.update(made.id, {"pause_collection": ""})
    assert resumed.pause_collection is None


def test_a_canceled_subscription_is_gone_for_another_cancel_but_not_for_reading(
    stripe_client: stripe.StripeClient,
) -> None:
    made = subscription(stripe_client)
    assert stripe_client.v1.subscriptions.cancel(made.id).status == "canceled"

    with refused(404, code="resource_missing"):
        stripe_client.v1.subscriptions.cancel(made.id)
    with refused(400):
        stripe_client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert stripe_client.v1.subscriptions.retrieve(made.id).ended_at is not None


def test_an_invoice_goes_from_draft_to_open_to_paid_and_no_other_way(
    stripe_client: stripe.StripeClient,
) -> None:
    customer = stripe_client.v1.customers.create({})
    invoice = stripe_client.v1.invoices.create({"customer": customer.id})
    assert invoice.status == "draft"

    with refused(400):
        stripe_client.v1.invoices.void_invoice(str(invoice.id))
    opened = stripe_client.v1.invoices.finalize_invoice(str(invoice.id))
    assert opened.status == "open"
    assert opened.status_transitions.finalized_at is not None
    assert stripe_client.v1.invoices.pay(str(invoice.id)).status == "paid"
    for forbidden in (
        stripe_client.v1.invoices.pay,
        stripe_client.v1.invoices.finalize_invoice,
        stripe_client.v1.invoices.mark_uncollectible,
        stripe_client.v1.invoices.delete,
    ):
        with refused(400):
            forbidden(str(invoice.id))


def test_a_preview_is_not_an_invoice_that_can_be_found(stripe_client: stripe.StripeClient) -> None:
    made = subscription(stripe_client)

    preview = stripe_client.v1.invoices.create_preview({"subscription": made.id})

    assert (preview.customer, preview.status) == (made.customer, "draft")
    assert stripe_client.v1.invoices.list().data == []


def test_a_payment_intent_succeeds_only_once_it_is_confirmed(
    stripe_client: stripe.StripeClient,
) -> None:
    made = stripe_client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    assert made.status == "requires_payment_method"
    assert stripe_client.v1.payment_intents.confirm(made.id).status == "succeeded"
    with refused(400, code="payment_intent_unexpected_state"):
        stripe_client.v1.payment_intents.cancel(made.id)


def test_a_test_card_becomes_a_card_of_its_own_when_attached(
    stripe_client: stripe.StripeClient,
) -> None:
    customer = stripe_client.v1.customers.create({})

    card = stripe_client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    assert card.id != "pm_card_visa"
    assert card.customer == customer.id
    assert card.card is not None
    assert card.card.last4 == "4242"
    listed = stripe_client.v1.customers.payment_methods.list(customer.id)
    assert [row.id for row in listed.data] == [card.id]
    with refused(402, code="card_declined"):
        declined = "pm_card_chargeDeclined"
        stripe_client.v1.payment_methods.attach(declined, {"customer": customer.id})


def test_a_detached_card_belongs_to_nobody(stripe_client: stripe.StripeClient) -> None:
    customer, other = (stripe_client.v1.customers.create({}) for _ in range(2))
    card = stripe_client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    with refused(400, code="resource_already_exists"):
        stripe_client.v1.payment_methods.attach(card.id, {"customer": other.id})
    assert stripe_client.v1.payment_methods.detach(card.id).customer is None
    with refused(400):
        stripe_client.v1.payment_methods.detach(card.id)


def test_a_deleted_customer_says_so_and_its_subscriptions_have_ended(
    stripe_client: stripe.StripeClient,
) -> None:
    made = subscription(stripe_client)
    customer_id = str(made.customer)

    assert stripe_client.v1.customers.delete(customer_id).deleted is True

    assert stripe_client.v1.customers.retrieve(customer_id).deleted is True
    assert stripe_client.v1.subscriptions.retrieve(made.id).status == "canceled"
    with refused(404, code="resource_missing"):
        stripe_client.v1.customers.update(customer_id, {"name": "Ada"})
    with refused(400, code="resource_missing", param="customer"):
        stripe_client.v1.invoices.create({"customer": customer_id})


def test_a_path_below_an_unknown_object_is_a_404(stripe_client: stripe.StripeClient) -> None:
    mine, other = (stripe_client.v1.customers.create({}) for _ in range(2))
    tax_ids = stripe_client.v1.customers.tax_ids
    made = tax_ids.create(mine.id, {"type": "eu_vat", "value": "DE123456789"})

    assert tax_ids.retrieve(mine.id, made.id).id == made.id
    assert [row.id for row in tax_ids.list(mine.id).data] == [made.id]
    assert tax_ids.list(other.id).data == []
    with refused(404, code="resource_missing"):
        tax_ids.retrieve(other.id, made.id)
    with refused(404, code="resource_missing"):
        tax_ids.list("cus_none")
    with refused(404, code="resource_missing"):
        tax_ids.create("cus_none", {"type": "eu_vat", "value": "DE123456789"})


def test_an_id_is_expanded_into_the_object_where_the_contract_allows_it(
    stripe_client: stripe.StripeClient,
) -> None:
    made = subscription(stripe_client)

    found = stripe_client.v1.subscriptions.retrieve(
        made.id, {"expand": ["customer", "items.data.price.product"]}
    )

    assert isinstance(found.customer, stripe.Customer)
    assert isinstance(found.items.data[0].price.product, stripe.Product)
    for wish in ("status", "nothing"):
        with refused(400, param="expand[0]"):
            stripe_client.v1.subscriptions.retrieve(made.id, {"expand": [wish]})
    deep = "latest_invoice.payments.data.payment.payment_intent"
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        stripe_client.v1.subscriptions.retrieve(made.id, {"expand": [deep]})


def test_without_strict_ids_whatever_is_asked_for_comes_into_being() -> None:
    with start_contract_server(strict_ids=False) as server:
        client = client_of(server)

        assert client.v1.customers.retrieve("cus_any").id == "cus_any"
        assert len(client.v1.invoices.list().data) == 1


def test_a_list_that_an_object_leaves_out_is_there_when_it_is_expanded(
    stripe_server: ContractServer,
) -> None:
    stripe_server.prime({"id": "in_1", "object": "invoice"})
    payments = [
        {"id": f"inpay_{n}", "object": "invoice_payment", "invoice": f"in_{n}"} for n in (1, 2)
    ]
    for payment in payments:
        stripe_server.prime(payment)

    _, answer = raw(stripe_server, "/v1/invoices/in_1?expand[]=payments")
    assert answer["payments"]["data"] == payments[:1]
    assert raw(stripe_server, "/v1/invoices/in_1")[1].keys() == {"id", "object"}


INVOICE: dict[str, Any] = {
    "id": "in_1",
    "object": "invoice",
    "created": 1762799364,
    "paid": True,
    "field_of_tomorrow": {"deep": [1, None, "x"]},
    "lines": {"object": "list", "data": [{"id": "il_1", "object": "line_item"}], "has_more": False},
    "payments": {
        "object": "list",
        "data": [{"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1"}],
        "has_more": False,
        "url": "/v1/invoices/payments",
    },
}


def test_a_primed_object_comes_back_verbatim_in_whatever_shape(
    stripe_server: ContractServer,
) -> None:
    stripe_server.prime(INVOICE)

    assert raw(stripe_server, "/v1/invoices/in_1") == (200, INVOICE)


def test_priming_copies_and_replaces(stripe_server: ContractServer) -> None:
    mine = copy.deepcopy(INVOICE)
    stripe_server.prime(mine)
    mine["paid"] = "changed after it was given away"
    assert raw(stripe_server, "/v1/invoices/in_1") == (200, INVOICE)

    newer = {**INVOICE, "lines": {"object": "list", "data": [], "has_more": False}}
    stripe_server.prime(newer)
    assert raw(stripe_server, "/v1/invoices/in_1") == (200, newer)


def test_what_a_primed_object_holds_can_be_read_by_itself(stripe_server: ContractServer) -> None:
    stripe_server.prime(INVOICE)

    _, lines = raw(stripe_server, "/v1/invoices/in_1/lines")
    assert lines["data"] == INVOICE["lines"]["data"]
    assert lines["url"] == "/v1/invoices/in_1/lines"
    _, payments = raw(stripe_server, "/v1/invoice_payments?invoice=in_1")
    assert payments["data"] == INVOICE["payments"]["data"]
    assert raw(stripe_server, "/v1/invoice_payments/inpay_1")[1]["invoice"] == "in_1"


def test_a_part_is_that_of_the_holder_primed_last_until_it_is_deleted(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    def prime(subscription_id: str, status: str) -> None:
        invoice = {"id": "in_1", "object": "invoice", "status": status}
        stripe_server.prime(
            {"id": subscription_id, "object": "subscription", "latest_invoice": invoice}
        )

    prime("sub_1", "open")
    prime("sub_2", "paid")
    assert stripe_client.v1.invoices.retrieve("in_1").status == "paid"
    prime("sub_1", "draft")
    assert stripe_client.v1.invoices.retrieve("in_1").status == "draft"

    stripe_client.v1.invoices.delete("in_1")
    with refused(404, code="resource_missing"):
        stripe_client.v1.invoices.retrieve("in_1")


@pytest.mark.parametrize("nothing", [{}, {"id": "x"}, {"object": "customer"}])
def test_only_an_object_can_be_primed(stripe_server: ContractServer, nothing: Any) -> None:
    with pytest.raises(ValueError, match="object"):
        stripe_server.prime(nothing)


def test_a_price_and_its_plan_may_share_an_id(stripe_server: ContractServer) -> None:
    for kind in ("plan", "price"):
        stripe_server.prime({"id": "small-monthly", "object": kind})

    assert raw(stripe_server, "/v1/plans/small-monthly")[1]["object"] == "plan"
    assert raw(stripe_server, "/v1/prices/small-monthly")[1]["object"] == "price"


def test_reset_forgets(stripe_server: ContractServer, stripe_client: stripe.StripeClient) -> None:
    customer = stripe_client.v1.customers.create({}, {"idempotency_key": "k"})
    stripe_server.clock.set(0)

    stripe_server.reset()

    assert stripe_server.requests == []
    assert stripe_server.clock.now() > 1_700_000_000
    with refused(404, code="resource_missing"):
        stripe_client.v1.customers.retrieve(customer.id)
    again = stripe_client.v1.customers.create({"name": "Other"}, {"idempotency_key": "k"})
    assert again.id != customer.id
