"""What Stripe answered once, as the events that it implies, ends in rows that say the same."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import entitlements, mirror, models
from flask_accrue.ledger import verify
from flask_accrue.mirror import Source
from flask_accrue.origins import Actor, Origin
from flask_accrue.processors.stripe.reading_customers import read_customer
from flask_accrue.unit_of_work import UnitOfWork, write
from tests.host import Organization
from tests.recordings import recorded_cases
from tests.webhooks.endpoint import STRIPE_CONFIG, Endpoint
from tests.webhooks.orders import in_order, orders
from tests.webhooks.rows import Rows, differences, mirrored_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracles.stripe_server import ContractServer
    from tests.recordings import RecordedCase, RecordedEvent
    from tests.webhooks.conftest import FreshHost

Json = dict[str, Any]


@recorded_cases()
@pytest.mark.parametrize("unexpanded", [True, False], ids=["as-delivered", "as-recorded"])
@pytest.mark.parametrize("apart", [True, False], ids=["a-second-apart", "in-one-second"])
def test_a_recorded_case_ends_in_what_was_recorded_in_any_order(
    fresh_host: FreshHost,
    database_url: str,
    stripe_server: ContractServer,
    case: RecordedCase,
    apart: bool,
    unexpanded: bool,
) -> None:
    events = case.events(one_second_apart=apart, unexpanded=unexpanded)
    for obj in case.final_objects():
        stripe_server.prime(obj)
    # So that an answer of that second can't be told from the events either.
    stripe_server.clock.set(events[-1].created)
    wrong, first = {}, None
    for name in orders(database_url):
        rows, unsettled = deliver(fresh_host, stripe_server, case, in_order(name, events))
        first = first or rows
        if found := [*differences(rows, first), *unsettled, *against(case, events, rows)]:
            wrong[name] = found
    assert wrong == {}


def deliver(
    host: FreshHost, server: ContractServer, case: RecordedCase, events: list[RecordedEvent]
) -> tuple[Rows, list[str]]:
    """Post events to a host that knows the customer alone; return its rows, and what isn't done."""
    app, db, _ = host(**STRIPE_CONFIG, ACCRUE_STRIPE_API_BASE=server.url)
    know_customer(next(obj for obj in case.objects if obj["object"] == "customer"))
    endpoint = Endpoint(app, db)
    for event in events:
        assert endpoint.post(event.payload).status_code == 200
    undone = [
        f"{event.type} is {event.state}: {event.outcome} {event.reason} {event.last_error}"
        for event in endpoint.stored()
        if not event.is_succeeded or event.outcome in ("ignored", "skipped", "unhandled")
    ]
    return mirrored_rows(db), undone + [str(each) for each in verify().findings]


def know_customer(obj: Json) -> None:
    """Write the customer as an app has it that made it for the organization 1."""
    customer = read_customer(obj)
    assert customer.created is not None
    source = Source(customer.created, customer.created)

    def work(uow: UnitOfWork) -> None:
        mirror.create_customer(
            uow,
            "stripe",
            customer,
            source,
            owner_type="Organization",
            owner_id="1",
            generation=1,
        )

    write(work, origin=Origin(Actor("system")))


# -- what was recorded -----------------------------------------------------------------------------


def against(case: RecordedCase, events: list[RecordedEvent], rows: Rows) -> list[str]:
    """Compare rows with the last recorded state of each object that had an event."""
    told = {(event.object["object"], event.object["id"]) for event in events}
    final = {
        (obj["object"], obj["id"]): obj
        for obj in case.objects
        if (obj["object"], obj["id"]) in told
    }
    wrong = []
    for (kind, id), obj in final.items():
        row = rows[kind].get(id)
        if row is None:
            wrong.append(f"{kind} {id} has no row")
            continue
        for name, value in EXPECTED[kind](obj, final).items():
            if row[name] != value:
                wrong.append(f"{kind} {id}.{name}: {row[name]!r}, recorded {value!r}")
        if kind == "subscription":
            wrong += items_against(obj, rows)
        if kind == "invoice":
            wrong += lines_against(obj, rows)
    return wrong


def moment(seconds: int | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def id_of(value: Any) -> str | None:
    return value["id"] if isinstance(value, dict) else value


def customer(obj: Json, final: Any) -> Json:
    default = obj["invoice_settings"]["default_payment_method"]
    return {
        "name": obj["name"],
        "email": obj["email"],
        "balance": obj.get("balance", 0),
        "meta": obj["metadata"],
        "default_payment_method_id": id_of(default),
    }


def payment_method(obj: Json, final: Any) -> Json:
    card = {name: obj["card"][name] for name in ("brand", "last4", "exp_month", "exp_year")}
    return card | {"customer_id": obj["customer"], "detached_at": None}


def subscription(obj: Json, final: Any) -> Json:
    period = obj if "current_period_end" in obj else obj["items"]["data"][0]
    pause = obj.get("pause_collection") or {}
    return {
        "status": obj["status"],
        "customer_id": id_of(obj["customer"]),
        "current_period_start": moment(period["current_period_start"]),
        "current_period_end": moment(period["current_period_end"]),
        "trial_end": moment(obj["trial_end"]),
        "cancel_at_period_end": obj["cancel_at_period_end"],
        "ended_at": moment(obj["ended_at"]),
        "pause_behavior": pause.get("behavior"),
        "latest_invoice_processor_id": id_of(obj.get("latest_invoice")),
        "currency": obj.get("currency", "usd"),
    }


def items_against(obj: Json, rows: Rows) -> list[str]:
    wrong = []
    for item in obj["items"]["data"]:
        row = rows["item"][item["id"]]
        recorded = (item["price"]["id"], item.get("quantity"), obj["id"], None)
        found = (
            row["price_processor_id"],
            row["quantity"],
            row["subscription_id"],
            row["removed_at"],
        )
        if found != recorded:
            wrong.append(f"item {item['id']}: {found!r}, recorded {recorded!r}")
    return wrong


def invoice(obj: Json, final: Any) -> Json:
    parent = (obj.get("parent") or {}).get("subscription_details") or obj
    amounts = ("subtotal", "total", "amount_due", "amount_paid", "amount_remaining")
    return {name: obj[name] for name in amounts} | {
        "status": obj["status"],
        "customer_id": id_of(obj["customer"]),
        "currency": obj["currency"],
        "number": obj["number"],
        "subscription_processor_id": id_of(parent["subscription"]),
        "paid_at": moment(obj["status_transitions"]["paid_at"]),
    }


def lines_against(obj: Json, rows: Rows) -> list[str]:
    found = [
        (row["processor_id"], row["amount"], row["period_start"], row["period_end"])
        for name, row in rows["line"].items()
        if row["invoice_id"] == obj["id"]
    ]
    recorded = [
        (
            line["id"],
            line["amount"],
            moment(line["period"]["start"]),
            moment(line["period"]["end"]),
        )
        for line in obj["lines"].get("data", ())
    ]
    return [] if found == recorded else [f"lines of {obj['id']}: {found!r}, {recorded!r}"]


def invoice_payment(obj: Json, final: Any) -> Json:
    return {
        "status": obj["status"],
        "invoice_processor_id": id_of(obj["invoice"]),
        "amount_paid": obj["amount_paid"],
        "payment_intent_processor_id": id_of(obj["payment"]["payment_intent"]),
    }


def payment_intent(obj: Json, final: Any) -> Json:
    return {
        "status": obj["status"],
        "amount": obj["amount"],
        "amount_received": obj["amount_received"],
        "latest_charge_processor_id": id_of(obj["latest_charge"]),
        "invoice_processor_id": paid_invoice(obj["id"], final),
    }


def charge(obj: Json, final: Any) -> Json:
    by_payment = paid_invoice(id_of(obj["payment_intent"]), final)
    method = obj.get("payment_method") or id_of(obj.get("source"))
    return {
        "status": obj["status"],
        "amount": obj["amount"],
        "amount_refunded": obj["amount_refunded"],
        "payment_method_processor_id": method,
        "invoice_processor_id": obj.get("invoice", by_payment),
    }


def paid_invoice(intent: str | None, final: dict[tuple[str, str], Json]) -> str | None:
    """Return the invoice that an intent paid, by the payments that had an event."""
    for (kind, _), obj in final.items():
        if kind == "invoice_payment" and id_of(obj["payment"].get("payment_intent")) == intent:
            return id_of(obj["invoice"])
    return None


EXPECTED: dict[str, Callable[[Json, Any], Json]] = {
    "customer": customer,
    "payment_method": payment_method,
    "subscription": subscription,
    "invoice": invoice,
    "invoice_payment": invoice_payment,
    "payment_intent": payment_intent,
    "charge": charge,
}


# -- what follows from it --------------------------------------------------------------------------


@recorded_cases("subscription-needs-authentication")
def test_a_recorded_incomplete_subscription_grants_nothing(
    fresh_host: FreshHost, stripe_server: ContractServer, case: RecordedCase
) -> None:
    plans = {"team": {"prices": ["small-monthly"], "features": ["reports"]}}
    for obj in case.final_objects():
        stripe_server.prime(obj)
    app, db, _ = fresh_host(
        **STRIPE_CONFIG,
        ACCRUE_STRIPE_API_BASE=stripe_server.url,
        ACCRUE_PROCESSOR="stripe",
        ACCRUE_ENTITLEMENTS={"plans": plans, "past_due_grace": 30},
    )
    know_customer(next(obj for obj in case.objects if obj["object"] == "customer"))
    endpoint = Endpoint(app, db)
    for event in case.events(unexpanded=True):
        assert endpoint.post(event.payload).status_code == 200
    [row] = db.session.scalars(sa.select(models.Subscription))
    assert row.is_incomplete
    [item] = row.items
    assert item.price_processor_id == "small-monthly"
    assert not entitlements.entitled(db.session.get(Organization, 1), "reports")


@recorded_cases("subscription-created")
@pytest.mark.parametrize("order", ["in order", "in reverse", "shuffled with 3"])
def test_an_unknown_customer_is_adopted_by_its_metadata(
    fresh_host: FreshHost, stripe_server: ContractServer, case: RecordedCase, order: str
) -> None:
    for obj in case.objects:
        if obj["object"] == "customer":
            obj["metadata"] = {"accrue_owner": "Organization:1"}
    for obj in case.final_objects():
        stripe_server.prime(obj)
    app, db, _ = fresh_host(**STRIPE_CONFIG, ACCRUE_STRIPE_API_BASE=stripe_server.url)
    endpoint = Endpoint(app, db)
    events = case.events(unexpanded=True)
    for event in in_order(order, events):
        assert endpoint.post(event.payload).status_code == 200
    assert {event.state for event in endpoint.stored()} == {"succeeded"}
    assert {event.outcome for event in endpoint.stored()} <= {"applied", "fetched", "stale"}
    assert against(case, events, mirrored_rows(db)) == []
    [row] = db.session.scalars(sa.select(models.Customer))
    assert (row.owner_type, row.owner_id) == ("Organization", "1")


@recorded_cases("subscription-swapped")
def test_the_customers_of_somebody_else_leave_no_row(
    fresh_host: FreshHost, stripe_server: ContractServer, case: RecordedCase
) -> None:
    for obj in case.final_objects():
        stripe_server.prime(obj)
    app, db, _ = fresh_host(**STRIPE_CONFIG, ACCRUE_STRIPE_API_BASE=stripe_server.url)
    endpoint = Endpoint(app, db)
    for event in case.events(unexpanded=True):
        assert endpoint.post(event.payload).status_code == 200
    assert {(event.state, event.outcome) for event in endpoint.stored()} == {
        ("succeeded", "ignored")
    }
    assert all("isn't ours" in (event.reason or "") for event in endpoint.stored())
    assert all(not of_kind for of_kind in mirrored_rows(db).values())
