from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import recordings
from tests.oracles.stripe_calls import call
from tests.oracles.stripe_contract import installed_contract
from tests.recordings import (
    RecordedCase,
    dated_version,
    implied_event,
    recorded_cases,
    unexpanded_copy,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oracles.stripe_server import ContractServer

STORY: dict[str, Any] = {
    "api_version": "2025-10-29.clover",
    "calls": [
        {
            "method": "POST",
            "path": "/v1/customers",
            "status": 200,
            "body": {"id": "cus_1", "object": "customer", "created": 100},
        },
        {
            "method": "POST",
            "path": "/v1/payment_methods/pm_card_chargeDeclined/attach",
            "status": 402,
            "body": {"error": {"type": "card_error", "code": "card_declined"}},
        },
        {
            "method": "GET",
            "path": "/v1/invoice_payments",
            "status": 200,
            "body": {
                "object": "list",
                "data": [
                    {"id": "inpay_1", "object": "invoice_payment", "status": "open"},
                    {"id": "inpay_2", "object": "invoice_payment", "status": "paid"},
                ],
            },
        },
        {
            "method": "POST",
            "path": "/v1/subscriptions",
            "status": 200,
            "body": {
                "id": "sub_1",
                "object": "subscription",
                "created": 103,
                "status": "active",
                "latest_invoice": {"id": "in_1", "object": "invoice", "status": "paid"},
                "items": {
                    "object": "list",
                    "data": [
                        {
                            "id": "si_1",
                            "object": "subscription_item",
                            "price": {"id": "price_1", "object": "price"},
                        }
                    ],
                },
            },
        },
        {
            "method": "POST",
            "path": "/v1/customers/cus_1",
            "status": 200,
            "body": {"id": "cus_1", "object": "customer", "created": 100, "name": "Ada"},
        },
    ],
}


@pytest.fixture
def story(tmp_path: Path) -> RecordedCase:
    file = tmp_path / "a-story.json"
    file.write_text(json.dumps(STORY))
    return RecordedCase.read(file)


def test_a_case_has_its_objects_in_order_lists_unwrapped_and_errors_left_out(
    story: RecordedCase,
) -> None:
    assert (story.name, story.api_version) == ("a-story", "2025-10-29.clover")
    assert [obj["id"] for obj in story.objects] == ["cus_1", "inpay_1", "inpay_2", "sub_1", "cus_1"]


def test_events_follow_one_second_apart_and_after_the_objects_creation(story: RecordedCase) -> None:
    events = story.events()

    assert [(event.type, event.created) for event in events] == [
        ("customer.created", 104),
        ("invoice_payment.paid", 106),
        ("customer.subscription.created", 107),
        ("customer.updated", 108),
    ]
    assert events[-1].object["name"] == "Ada"
    assert {event.body["api_version"] for event in events} == {story.api_version}


def test_events_of_one_second_have_ids_of_their_own_and_always_the_same(
    story: RecordedCase,
) -> None:
    events = story.events(one_second_apart=False, start=1000)

    assert {event.created for event in events} == {1000}
    assert len({event.id for event in events}) == len(events)
    assert [event.id for event in story.events()] == [event.id for event in events]


def test_bodies_are_as_recorded_or_as_stripe_delivers_them(story: RecordedCase) -> None:
    recorded = copy.deepcopy(story.objects)

    [as_recorded] = [event for event in story.events() if event.object["id"] == "sub_1"]
    [delivered] = [
        event for event in story.events(unexpanded=True) if event.object["id"] == "sub_1"
    ]

    assert as_recorded.object == recorded[3]
    assert delivered.object == {**recorded[3], "latest_invoice": "in_1"}
    assert story.objects == recorded


def test_the_final_objects_are_the_last_states_and_what_stands_only_inside_others(
    story: RecordedCase,
) -> None:
    final = {obj["id"]: obj for obj in story.final_objects()}

    assert final.keys() == {"cus_1", "inpay_1", "inpay_2", "sub_1", "in_1", "si_1", "price_1"}
    assert final["cus_1"]["name"] == "Ada"


def test_an_object_recorded_by_itself_counts_more_than_one_inside_another() -> None:
    inside = {"id": "in_1", "object": "invoice", "status": "paid", "payments": {}}
    alone = {"id": "in_1", "object": "invoice", "status": "paid"}
    holder = {"id": "sub_1", "object": "subscription", "latest_invoice": inside}

    final = RecordedCase("a-story", "2025-10-29.clover", [alone, holder]).final_objects()

    assert [obj for obj in final if obj["id"] == "in_1"] == [alone]


@pytest.mark.parametrize(
    ("obj", "first", "later"),
    [
        ({"object": "customer"}, "customer.created", "customer.updated"),
        ({"object": "customer", "deleted": True}, "customer.deleted", "customer.deleted"),
        (
            {"object": "payment_method", "customer": "cus_1"},
            "payment_method.attached",
            "payment_method.updated",
        ),
        (
            {"object": "payment_method", "customer": None},
            "payment_method.detached",
            "payment_method.detached",
        ),
        (
            {"object": "subscription", "status": "incomplete"},
            "customer.subscription.created",
            "customer.subscription.updated",
        ),
        (
            {"object": "subscription", "status": "canceled"},
            "customer.subscription.deleted",
            "customer.subscription.deleted",
        ),
        (
            {"object": "payment_intent", "status": "requires_action"},
            "payment_intent.requires_action",
            "payment_intent.requires_action",
        ),
        (
            {
                "object": "payment_intent",
                "status": "requires_payment_method",
                "last_payment_error": {"code": "card_declined"},
            },
            "payment_intent.payment_failed",
            "payment_intent.payment_failed",
        ),
        (
            {"object": "setup_intent", "status": "requires_confirmation"},
            "setup_intent.created",
            "setup_intent.created",
        ),
        ({"object": "charge", "status": "succeeded"}, "charge.succeeded", "charge.updated"),
        ({"object": "charge", "status": "failed"}, "charge.failed", "charge.updated"),
        (
            {"object": "charge", "status": "succeeded", "amount_refunded": 5},
            "charge.refunded",
            "charge.refunded",
        ),
        ({"object": "invoice", "status": "draft"}, "invoice.created", "invoice.updated"),
        ({"object": "invoice", "status": "open"}, "invoice.finalized", "invoice.updated"),
        ({"object": "invoice", "status": "paid"}, "invoice.paid", "invoice.updated"),
        ({"object": "invoice_payment", "status": "open"}, None, None),
        ({"object": "refund", "status": "succeeded"}, "refund.created", "refund.updated"),
        ({"object": "price"}, "price.created", "price.updated"),
    ],
)
def test_an_object_and_its_state_imply_an_event_that_exists(
    obj: dict[str, Any], first: str | None, later: str | None
) -> None:
    endpoints = installed_contract().operations["post", "/v1/webhook_endpoints"].params
    existing = endpoints["properties"]["enabled_events"]["items"]["enum"]

    assert implied_event(obj, first=True) == first
    assert implied_event(obj, first=False) == later
    assert {first, later} <= {None, *existing}


def test_a_version_told_in_words_becomes_its_date() -> None:
    assert dated_version("2020-03-02 or older") == "2020-03-02"
    with pytest.raises(ValueError, match="date"):
        dated_version("2020")


def test_without_recordings_a_test_is_skipped_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(recordings.VARIABLE, raising=False)

    [parameter] = recorded_cases().args[1]

    assert parameter.marks[0].kwargs["reason"].startswith("ACCRUE_RECORDINGS")


def test_a_case_that_is_not_there_is_no_reason_to_skip(
    story: RecordedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(recordings.VARIABLE, str(tmp_path))

    assert recorded_cases().args[1] == [story]
    with pytest.raises(FileNotFoundError, match="another"):
        recorded_cases("another")
    monkeypatch.setenv(recordings.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError):
        recorded_cases()


@recorded_cases()
def test_a_recorded_case_comes_back_from_the_server_as_it_was_recorded(
    case: RecordedCase, stripe_server: ContractServer
) -> None:
    contract = stripe_server.contract
    plain = {"Authorization": "Bearer sk_test_x", "Stripe_Version": contract.version}
    for obj in case.final_objects():
        assert call(stripe_server, "POST", "/_control/object", obj)[0] == 200

    paths = {
        kind: operation.path
        for operation in contract.operations.values()
        if operation.verb == "get" and operation.path.count("{") == 1
        for kind in contract.kinds_at(operation.path)
    }
    for obj in case.final_objects():
        if obj["object"] in paths:
            path = paths[obj["object"]].partition("{")[0] + obj["id"]
            status, answer, _ = call(stripe_server, "GET", path, **plain)
            assert (status, answer) == (200, obj)


@recorded_cases()
def test_a_recorded_case_implies_events_that_exist(case: RecordedCase) -> None:
    endpoints = installed_contract().operations["post", "/v1/webhook_endpoints"].params
    existing = endpoints["properties"]["enabled_events"]["items"]["enum"]

    events = case.events()

    assert {event.type for event in events} <= set(existing)
    seconds = [event.created for event in events]
    assert seconds == list(range(seconds[0], seconds[0] + len(events)))
    assert all(event.created > (event.object.get("created") or 0) for event in events)


@recorded_cases()
def test_a_delivered_body_holds_no_object_that_only_expanding_puts_there(
    case: RecordedCase,
) -> None:
    for obj in case.objects:
        delivered = unexpanded_copy(obj)
        for field in ("latest_invoice", "payment_intent", "balance_transaction", "default_source"):
            assert not isinstance(delivered.get(field), dict)
        if obj["object"] == "subscription":
            assert delivered["items"] == obj["items"]
