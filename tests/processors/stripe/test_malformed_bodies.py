"""Whatever is posted, a body is read or refused with one kind of error."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors.stripe import events, reading
from flask_accrue.processors.stripe.bodies import DEEPEST
from tests.processors.stripe.stripe_bodies import (
    Json,
    event_body,
    invoice,
    invoice_payment,
    old_invoice,
    old_subscription,
    sample,
    subscription,
)


def refused(payload: bytes | str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        events.read_event(payload)
    return caught.value


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{",
        b"\xff\xfe{}",
        b'\xef\xbb\xbf{"object": "event"}',
        '{"object": "event"}'.encode("utf-16"),
        "{}",
        '{"object": "\ud800"}',
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
    ids=lambda payload: str(payload[:24]),
)
def test_what_isnt_json_of_stripe_s_is_refused(payload: bytes | str) -> None:
    error = refused(payload)

    assert error.code == "body_invalid"
    assert len(str(error)) < 200


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_is_none_is_refused_wherever_it_stands(number: str) -> None:
    body = json.dumps(event_body(sample("customer", unknown_field=12345)))

    assert events.read_event(body).object is not None
    refused(body.replace("12345", number))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", None),
        ("id", 5),
        ("id", ""),
        ("id", "e" * 256),
        ("object", "charge"),
        ("object", None),
        ("object", ["event"]),
        ("type", None),
        ("type", ""),
        ("type", "t" * 101),
        ("created", None),
        ("created", "2026-01-01"),
        ("created", 1.5),
        ("created", True),
        ("created", 10**12),
        ("created", 10**400),
        ("livemode", "false"),
        ("account", 5),
        ("account", "a" * 256),
        ("api_version", "v" * 65),
        ("api_version", 2020),
        ("data", None),
        ("data", []),
        ("data", {}),
        ("data", {"object": None}),
        ("data", {"object": "sub_1"}),
        ("data", {"object": []}),
    ],
)
def test_an_envelope_with_a_wrong_field_is_refused(name: str, value: object) -> None:
    body = json.dumps(event_body(subscription()) | {name: value})

    refused(body)
    with pytest.raises(InvalidRequest):
        events.read_envelope(body)


def test_a_body_of_too_many_levels_is_refused_and_one_of_few_isnt() -> None:
    def nested(levels: int) -> str:
        value: t.Any = 1
        for _ in range(levels):
            value = [value]
        return json.dumps(event_body(sample("customer", deep=value)))

    assert events.read_event(nested(DEEPEST - 4)).object is not None
    refused(nested(DEEPEST))
    refused(nested(800))


def test_text_that_no_database_stores_is_replaced() -> None:
    customer = sample("customer", name="A\0da", email="\ud800@example.com", metadata={"a\0": "\0"})

    found = events.read_event(json.dumps(event_body(customer)))

    assert found.object is not None
    kept = json.dumps(
        [found.raw, dict(found.object.metadata), found.object.raw], ensure_ascii=False
    )
    assert "\0" not in kept
    kept.encode()
    whole = events.read_event(json.dumps(event_body(sample("customer", name="Ada \U0001f600"))))
    assert whole.raw["data"]["object"]["name"] == "Ada \U0001f600"


def test_an_error_never_quotes_what_was_posted() -> None:
    customer = sample("customer", balance="4242424242424242")
    with pytest.raises(InvalidRequest) as caught:
        reading.read(customer)

    for error in (caught.value, refused(json.dumps(event_body(customer))[:-1])):
        assert "4242" not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None


# -- anything at all -------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["sub_1", "usd", "\0", "\ud800", "active", "list"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)

WHOLE: tuple[Json, ...] = (
    event_body(subscription(), "customer.subscription.deleted"),
    event_body(old_subscription(), "customer.subscription.updated"),
    event_body(invoice(), "invoice.payment_failed"),
    event_body(old_invoice(), "invoice.paid"),
    event_body(invoice_payment(), "invoice_payment.paid"),
    event_body(sample("customer"), "customer.deleted"),
    event_body(sample("payment_method", customer=None), "payment_method.detached"),
    event_body(sample("card"), "customer.source.deleted"),
    event_body(sample("charge"), "charge.succeeded"),
    event_body(sample("payment_intent"), "payment_intent.succeeded"),
    event_body(sample("refund"), "charge.refund.updated"),
    event_body(sample("price"), "price.updated"),
    event_body(sample("plan"), "plan.updated"),
    event_body(sample("product"), "product.deleted"),
    event_body(sample("checkout.session"), "checkout.session.completed"),
)


def survives(payload: bytes | str) -> None:
    """Read a body; only one kind of error may come, and what is read can be stored."""
    try:
        found = events.read_event(payload)
    except InvalidRequest:
        return
    kept = json.dumps([found.raw, repr(found.object)], allow_nan=False, ensure_ascii=False)
    kept.encode()
    assert "\0" not in kept


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes | str) -> None:
    survives(payload)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    survives(json.dumps(value))


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_an_event_with_anything_in_any_place_is_read_or_refused(
    whole: Json, data: st.DataObject
) -> None:
    body = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(body))
        holder, key = data.draw(st.sampled_from(places))
        if data.draw(st.booleans()) and isinstance(holder, dict):
            del holder[key]
        else:
            holder[key] = data.draw(JSON)

    survives(json.dumps(body))


def _places(node: t.Any) -> t.Iterator[tuple[t.Any, t.Any]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)
