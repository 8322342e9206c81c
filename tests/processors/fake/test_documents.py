from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
import types
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.fake import documents

seconds = st.integers(0, 2**33).map(
    lambda each: datetime.datetime.fromtimestamp(each, datetime.UTC)
)
words = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def made(cls: type) -> st.SearchStrategy[t.Any]:
    """Anything that an object of that class may say."""
    fields = {}
    for field in dataclasses.fields(cls):
        hint = t.get_type_hints(cls)[field.name]
        is_choice = t.get_origin(hint) in (t.Union, types.UnionType)
        choices = t.get_args(hint) if is_choice else (hint,)
        if field.name == "raw":
            fields[field.name] = st.just({})
        elif datetime.datetime in choices:
            fields[field.name] = seconds | st.none() if type(None) in choices else seconds
        elif nested := [each for choice in choices for each in _nested_in(choice)]:
            fields[field.name] = st.lists(made(nested[0]), max_size=3).map(tuple)
            if objects.Unsaid in choices:
                fields[field.name] |= st.just(objects.UNSAID)
        elif decimal.Decimal in choices:
            fields[field.name] = st.decimals(0, 100, places=4) | st.none()
        elif t.Any in t.get_args(hint):
            # What a processor's own words may hold, as JSON tells it.
            fields[field.name] = st.dictionaries(st.text(), words, max_size=3)
        else:
            fields[field.name] = st.from_type(hint)
    return st.builds(cls, **fields)


def _nested_in(hint: t.Any) -> list[type]:
    """Return the class whose objects a tuple holds, in a list; an empty one for anything else."""
    element = t.get_args(hint)[0] if t.get_origin(hint) is tuple else None
    return [element] if dataclasses.is_dataclass(element) else []


@pytest.mark.parametrize("kind", objects.KINDS)
def test_everything_that_can_be_said_is_read_as_it_was_written(kind):
    cls = objects.KINDS[kind]

    @settings(max_examples=30, deadline=None)
    @given(each=made(cls))
    def check(each):
        document = json.loads(json.dumps(documents.write(each)))
        read = documents.read_any(document)
        assert read == each
        assert read.raw == document
        assert document["kind"] == kind

    check()


def test_what_is_not_said_is_left_out_and_what_is_not_there_is_null():
    charge = objects.Charge(
        processor_id="ch_1", customer=None, status="failed", amount=1, currency="usd"
    )

    document = documents.write(charge)

    assert document["customer"] is None
    assert not {"fee", "net", "invoice", "raw"} & document.keys()
    assert documents.read(objects.Charge, document).fee is objects.UNSAID


def test_a_client_secret_is_never_written():
    intent = objects.PaymentIntent(
        processor_id="pi_1",
        customer=None,
        status="requires_action",
        amount=1,
        currency="usd",
        client_secret="pi_1_secret_x",
    )

    assert "secret" not in json.dumps(documents.write(intent))


@pytest.mark.parametrize(
    "document",
    [{"kind": "customer"}, {"kind": "customer", "processor_id": "c", "created": "yesterday"}],
)
def test_what_is_not_of_its_kind_is_refused(document):
    with pytest.raises(InvalidRequest):
        documents.read_any(document)


def test_an_unknown_kind_is_nothing():
    assert documents.read_any({"kind": "teapot"}) is None
    assert documents.read_any({"kind": ["customer"]}) is None
