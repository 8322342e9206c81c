"""The ``expand`` parameter: ids in an answer replaced by the objects that they name."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.oracles.sdk_annotations import Schema
    from tests.oracles.stripe_contract import Contract

Json = dict[str, Any]

DEEPEST = 4


class Known(Protocol):
    """The objects that an expansion may draw on."""

    def lookup(self, kinds: list[str], object_id: str) -> Json:
        """Return an object of one of the kinds."""

    def rows_of(self, kinds: list[str], holder: Json) -> list[Json]:
        """Return the objects of these kinds that name the holder in the field of its kind."""


def expand(
    answer: Json, schema: Schema, wishes: Iterable[str], contract: Contract, known: Known
) -> Json:
    """Expand an answer in place and return it.

    :raises StripeError: for a property that can't be expanded, or more than four levels.
    """
    for index, wish in enumerate(wishes):
        parts = wish.split(".")
        if len(parts) > DEEPEST:
            message = f"You cannot expand more than {DEEPEST} levels of a property."
            raise StripeError(message, param=f"expand[{index}]")
        try:
            _expand(answer, schema, parts, contract, known)
        except KeyError as error:
            message = f"This property cannot be expanded ({wish})."
            raise StripeError(message, param=f"expand[{index}]") from error
    return answer


def _expand(
    holder: Any, schema: Schema, parts: list[str], contract: Contract, known: Known
) -> None:
    """Expand one path below an object; a KeyError names a property that can't be."""
    field, rest = parts[0], parts[1:]
    schema = contract.resource(schema)[1]
    property_schema = schema.get("properties", {})[field]
    if field not in schema.get("x-expandableFields", ()) and not rest:
        raise KeyError(field)
    value = None
    if isinstance(holder, dict):
        value = holder[field] = expanded(holder, field, property_schema, contract, known)
    arrays = [b for b in contract.branches(property_schema) if b.get("type") == "array"]
    if arrays:
        for row in (value or [None]) if rest else ():
            _expand(row, arrays[0].get("items", {}), rest, contract, known)
    elif rest:
        _expand(value, property_schema, rest, contract, known)


def expanded(holder: Json, field: str, schema: Schema, contract: Contract, known: Known) -> Any:
    """Return a field with the objects that its ids name, or the list that it leaves out."""
    value = holder.get(field)
    row_schema = contract.item_schema(schema)
    if value is None and row_schema is not None:
        rows = known.rows_of(contract.kinds(row_schema), holder)
        url = f"/v1/{holder.get('object')}s/{holder.get('id')}/{field}"
        return {"object": "list", "data": copy.deepcopy(rows), "has_more": False, "url": url}
    if isinstance(value, list):
        kinds = [
            kind
            for branch in contract.branches(schema)
            for kind in contract.kinds(branch.get("items", {}))
        ]
        return [named(row, kinds, known) for row in value]
    return named(value, contract.kinds(schema), known)


def named(value: Any, kinds: list[str], known: Known) -> Any:
    """Return a copy of the object that an id names; what is no id stays."""
    return copy.deepcopy(known.lookup(kinds, value)) if isinstance(value, str) and kinds else value
