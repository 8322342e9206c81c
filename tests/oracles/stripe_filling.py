"""Put submitted parameters into an object, where its contract has a field for them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.oracles.new_objects import NewObjects
    from tests.oracles.sdk_annotations import Schema
    from tests.oracles.stripe_contract import Contract

Json = dict[str, Any]
Lookup = Callable[[list[str], str], Json]

SCALAR_TYPES = {"string": str, "integer": int, "boolean": bool, "number": float}


class Filling:
    """Fill the objects of one account; ``lookup`` returns an object of it by kinds and id."""

    def __init__(self, contract: Contract, new: NewObjects, lookup: Lookup) -> None:
        self.contract = contract
        self.new = new
        self.lookup = lookup

    def fill(self, obj: Json, params: Json, schema: Schema, *, created: bool = False) -> Json:
        """Set the fields that the parameters name and return the object.

        :param created: the object is new, so what its sample lists is replaced.
        """
        fields: dict[str, Schema] = self.contract.deref(schema).get("properties", {})
        for name, value in params.items():
            if name in fields:
                self._fill_field(obj, name, value, fields[name], created)
        return obj

    def _fill_field(self, obj: Json, name: str, value: Any, schema: Schema, created: bool) -> None:
        branches = self.contract.branches(schema)
        kind = next((found["x-resourceId"] for found in branches if "x-resourceId" in found), None)
        if value == "" and (name == "metadata" or self.contract.deref(schema).get("nullable")):
            obj[name] = {} if name == "metadata" else None
        elif isinstance(value, list) and "data" in branches[0].get("properties", {}):
            self._fill_list(obj, name, value, branches[0], created)
        elif isinstance(value, dict) and kind is None:
            self._fill_hash(obj, name, value, branches)
        elif isinstance(value, str) and kind and not any_of_type(branches, "string"):
            obj[name] = copy.deepcopy(self.lookup(self.contract.kinds(schema), value))
        elif is_plain(value, branches):
            obj[name] = value

    def _fill_hash(self, obj: Json, name: str, value: Json, branches: list[Schema]) -> None:
        hashes = [branch for branch in branches if branch.get("type") == "object"]
        if not hashes:
            return
        present = obj[name] if isinstance(obj.get(name), dict) else {}
        if hashes[0].get("properties"):
            obj[name] = self.fill(dict(present), value, hashes[0])
        else:
            obj[name] = {**present, **value}
        if name == "metadata":
            obj[name] = {key: text for key, text in obj[name].items() if text != ""}

    def _fill_list(
        self, obj: Json, name: str, rows: list[Json], schema: Schema, created: bool
    ) -> None:
        """Fill a list object from rows: one with an id is changed, one without is added."""
        row_schema = schema["properties"]["data"].get("items", {})
        kind = self.contract.resource(row_schema)[0] or "item"
        present = [] if created else (obj.get(name) or {}).get("data", [])
        kept = {row["id"]: row for row in present if "id" in row}
        for params in rows:
            row = kept.get(params.get("id", "")) or self.new.make(kind, params.get("id"))
            if params.get("deleted"):
                kept.pop(row["id"], None)
                continue
            kept[row["id"]] = self.fill_row(row, params, row_schema)
            if obj.get("object") in row:
                row[obj["object"]] = obj["id"]
        obj[name] = {
            "object": "list",
            "has_more": False,
            "url": "/v1/" + name,
            "data": list(kept.values()),
        }

    def fill_row(self, row: Json, params: Json, schema: Schema) -> Json:
        """Fill an item of a subscription or a schedule, whose plan follows its price."""
        self.fill(row, params, schema)
        price = row.get("price")
        if "price" in params and "plan" in row:
            row["plan"] = {**(row["plan"] or {}), "id": params["price"]}
        if row.get("object") == "subscription_item" and row.get("quantity") is None:
            recurring = price.get("recurring") if isinstance(price, dict) else None
            if (recurring or {}).get("usage_type") != "metered":
                row["quantity"] = 1
        return row


def any_of_type(branches: list[Schema], kind: str) -> bool:
    return any(branch.get("type") == kind for branch in branches)


def is_plain(value: Any, branches: list[Schema]) -> bool:
    """Tell whether a value is a scalar, or a list of scalars, that the field may hold."""
    if isinstance(value, list):
        plain = not any(isinstance(part, dict) for part in value)
        return bool(value) and plain and any_of_type(branches, "array")
    return any(type(value) is SCALAR_TYPES.get(branch.get("type", "")) for branch in branches)
