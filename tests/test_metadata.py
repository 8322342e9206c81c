from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_accrue.errors import InvalidRequest
from flask_accrue.metadata import merge_metadata, validate_metadata

KEYS = st.text(
    st.characters(exclude_characters="[]\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda key: not key.startswith("accrue_"))
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=500)
METADATA = st.dictionaries(KEYS, VALUES, max_size=50)


def refused(metadata: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        validate_metadata(metadata)
    assert caught.value.code == "metadata_invalid"
    return caught.value


@given(METADATA)
def test_whatever_keeps_the_rules_is_returned_as_it_is(metadata: dict[str, str]) -> None:
    assert validate_metadata(metadata) == metadata


def test_the_limits_themselves_are_allowed() -> None:
    validate_metadata({f"{number:040}": "x" * 500 for number in range(50)})


def test_one_key_too_many_is_refused() -> None:
    assert refused({str(number): "x" for number in range(51)}).param == "metadata"


@pytest.mark.parametrize("metadata", [None, "a=b", [("a", "b")], 7])
def test_metadata_is_a_mapping(metadata: Any) -> None:
    assert refused(metadata).param == "metadata"


@pytest.mark.parametrize("key", ["", "x" * 41, "a[b]", "a]", 7, None, "nul\0", "half \ud800"])
def test_a_key_that_breaks_a_rule_is_named_and_shortened(key: Any) -> None:
    error = refused({key: "x"})
    assert error.param is not None
    assert error.param.startswith("metadata[")
    assert len(error.message) < 200


@pytest.mark.parametrize("value", ["x" * 501, 7, None, True, {"a": "b"}, ["a"], "nul\0", "\udfff"])
def test_a_value_that_breaks_a_rule_is_refused_without_being_shown(value: Any) -> None:
    error = refused({"plan": value})
    assert error.param == "metadata[plan]"
    assert "xxxx" not in error.message


def test_keys_of_our_own_cant_be_set_by_the_host() -> None:
    assert "reserved" in refused({"accrue_owner": "Organization:1"}).message


def test_a_refusal_can_be_encoded_for_a_page_or_a_log() -> None:
    for metadata in ({"half \ud800": "x"}, {"plan": "\udfff"}):
        error = refused(metadata)
        f"{error.message}{error.param}".encode()


# -- merging ---------------------------------------------------------------------------------------


def test_a_new_value_wins_an_empty_one_deletes_and_the_rest_stays() -> None:
    assert merge_metadata({"a": "1", "b": "2", "c": "3"}, {"b": "", "c": "4", "d": ""}) == {
        "a": "1",
        "c": "4",
    }


def test_a_merge_is_held_to_fifty_keys_after_deleting() -> None:
    full = {str(number): "x" for number in range(50)}
    assert len(merge_metadata(full, {"0": "", "new": "x"})) == 50
    with pytest.raises(InvalidRequest, match="would make 51"):
        merge_metadata(full, {"new": "x"})


@given(METADATA, METADATA)
def test_a_merge_leaves_both_alone_and_doing_it_twice_changes_nothing(
    old: dict[str, str], new: dict[str, str]
) -> None:
    before = dict(old), dict(new)
    try:
        merged = merge_metadata(old, new)
    except InvalidRequest:
        return
    assert (old, new) == before
    assert merge_metadata(merged, new) == merged
    assert "" not in merged.values()
