"""Lists and searches of the contract server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.oracles.stripe_calls import client_of, monthly_price, refused, subscription
from tests.oracles.stripe_listing import equals
from tests.oracles.stripe_search import matches_query
from tests.oracles.stripe_server import start_contract_server

if TYPE_CHECKING:
    import stripe

    from tests.oracles.stripe_server import ContractServer


def test_a_list_is_empty_at_first_and_newest_first_later(
    stripe_client: stripe.StripeClient,
) -> None:
    assert stripe_client.v1.customers.list().data == []

    made = [stripe_client.v1.customers.create({}).id for _ in range(3)]

    assert [row.id for row in stripe_client.v1.customers.list().data] == made[::-1]


def test_pages_lead_through_all_rows_forwards_and_backwards(
    stripe_client: stripe.StripeClient,
) -> None:
    made = [stripe_client.v1.customers.create({}).id for _ in range(25)][::-1]

    first = stripe_client.v1.customers.list({"limit": 10})
    assert ([row.id for row in first.data], first.has_more) == (made[:10], True)
    assert [row.id for row in first.auto_paging_iter()] == made
    before = stripe_client.v1.customers.list({"limit": 10, "ending_before": made[12]})
    assert ([row.id for row in before.data], before.has_more) == (made[2:12], True)


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 101},
        {"starting_after": "cus_none"},
        {"starting_after": "cus_1", "ending_before": "cus_2"},
    ],
)
def test_a_page_that_cannot_be_is_refused(stripe_server: ContractServer, params: Any) -> None:
    client = client_of(stripe_server)
    for number in (1, 2):
        stripe_server.prime({"id": f"cus_{number}", "object": "customer"})

    with pytest.raises(Exception, match=r"limit|No such|only use one"):
        client.v1.customers.list(params)


def test_filters_compare_fields_ranges_and_ids(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    for second in (100, 200, 300):
        stripe_server.prime(
            {"id": f"ch_{second}", "object": "charge", "created": second, "customer": "cus_1"}
        )
    expanded = {"id": "cus_2", "object": "customer"}
    stripe_server.prime({"id": "ch_x", "object": "charge", "created": 400, "customer": expanded})

    charges = stripe_client.v1.charges
    late = charges.list({"created": {"gte": 200, "lt": 400}})
    assert [row.id for row in late.data] == ["ch_300", "ch_200"]
    assert [row.id for row in charges.list({"customer": "cus_2"}).data] == ["ch_x"]
    assert charges.list({"payment_intent": "pi_1"}).data == []


def test_subscriptions_are_listed_without_the_canceled_unless_asked_for(
    stripe_client: stripe.StripeClient,
) -> None:
    kept, ended = subscription(stripe_client), subscription(stripe_client)
    stripe_client.v1.subscriptions.cancel(ended.id)

    def listed(**params: Any) -> list[str]:
        wanted: Any = params
        return [row.id for row in stripe_client.v1.subscriptions.list(wanted).data]

    assert listed() == [kept.id]
    assert listed(status="all") == [ended.id, kept.id]
    assert listed(status="ended") == [ended.id]
    assert listed(price=kept.items.data[0].price.id) == [kept.id]


def test_invoices_are_found_by_their_subscription_in_old_and_new_shapes(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    parent = {"subscription_details": {"subscription": "sub_1"}}
    stripe_server.prime({"id": "in_new", "object": "invoice", "created": 2, "parent": parent})
    stripe_server.prime(
        {"id": "in_old", "object": "invoice", "created": 1, "subscription": "sub_1"}
    )
    stripe_server.prime({"id": "in_other", "object": "invoice", "created": 3})

    found = stripe_client.v1.invoices.list({"subscription": "sub_1"})

    assert [row.id for row in found.data] == ["in_new", "in_old"]


def test_prices_are_found_by_their_lookup_keys(
    stripe_server: ContractServer, stripe_client: stripe.StripeClient
) -> None:
    for key in ("pro", "team", "free"):
        stripe_server.prime({"id": f"price_{key}", "object": "price", "lookup_key": key})

    found = stripe_client.v1.prices.list({"lookup_keys": ["pro", "team"]})

    assert {row.id for row in found.data} == {"price_pro", "price_team"}


def test_a_field_that_is_not_set_is_outside_every_range() -> None:
    assert not equals(None, {"gte": 0})


def test_search_finds_by_metadata_and_pages_by_token(stripe_client: stripe.StripeClient) -> None:
    for number in range(15):
        stripe_client.v1.customers.create(
            {"metadata": {"accrue_operation": f"op_{number % 2}"}, "name": f"N{number}"}
        )

    found = stripe_client.v1.customers.search(
        {"query": 'metadata["accrue_operation"]:"op_0"', "limit": 5}
    )

    assert len(found.data) == 5
    assert len([row.name for row in found.auto_paging_iter()]) == 8


ROW = {
    "object": "subscription",
    "status": "active",
    "created": 100,
    "customer": {"id": "cus_1"},
    "canceled_at": None,
    "metadata": {"plan": "team one"},
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status:'active'", True),
        ("-status:'active'", False),
        ("status:'ACTIVE' AND created>=100", True),
        ("status:'canceled' OR created<101", True),
        ("status:'canceled' AND created<101", False),
        ("customer:'cus_1'", True),
        ("metadata['plan']~\"one\"", True),
        ("metadata['plan']:null", False),
        ("metadata['other']:null", True),
        ("-metadata['other']:null", False),
        ("canceled_at:null", True),
        ("created>100", False),
        ("status>100", False),
        ("created>'yesterday'", False),
    ],
)
def test_the_search_language(query: str, found: bool) -> None:
    assert matches_query(ROW, query) is found


@pytest.mark.parametrize("params", [{"page": "nowhere"}, {"page": "page_"}])
def test_a_page_token_that_no_search_gave_is_refused(
    stripe_client: stripe.StripeClient, params: Any
) -> None:
    params["query"] = "created>1"
    with refused(400, param="page"):
        stripe_client.v1.customers.search(params)


@pytest.mark.parametrize(
    "query", ["", "status", "status:active", "a:'1' AND", "a:'1' b:'2'", "a:'1' AND b:'2' OR c:'3'"]
)
def test_a_query_that_is_not_understood_is_refused(
    stripe_client: stripe.StripeClient, query: str
) -> None:
    stripe_client.v1.customers.create({})
    with refused(400, param="query"):
        stripe_client.v1.customers.search({"query": query})


def test_a_search_may_lag_behind() -> None:
    with start_contract_server(search_lag=60) as server:
        client = client_of(server)
        server.clock.set(1_800_000_000)
        price = monthly_price(client)
        query: Any = {"query": "active:'true'"}

        assert client.v1.prices.search(query).data == []
        server.clock.set(1_800_000_060)
        assert [row.id for row in client.v1.prices.search(query).data] == [price.id]
