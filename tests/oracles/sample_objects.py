"""One object of each resource, derived from the contract alone.

A nullable field is null, an enum takes its usual value, a list is empty (but a subscription has an
item), an expandable field holds an id, and a hash that must be there holds its own required fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.oracles.sdk_annotations import Schema

USUAL = {
    "status": ("active", "succeeded", "open", "draft"),
    "type": ("card", "recurring", "none"),
    "collection_method": ("charge_automatically",),
    "interval": ("month",),
    "duration": ("once",),
}
DEEPEST = 4


def sample_object(kind: str, schemas: dict[str, Schema]) -> dict[str, Any]:
    """Return the sample of a resource."""
    sample: dict[str, Any] = _sample(schemas[kind], schemas, kind, 0)
    if kind.startswith("deleted_"):
        gone = kind.removeprefix("deleted_")
        sample.update(deleted=True, id=f"{gone}_fixture", object=gone)
    if "metadata" in schemas[kind].get("properties", {}):
        sample["metadata"] = {}
    return sample


def _sample(schema: Schema, schemas: dict[str, Schema], name: str, depth: int) -> Any:
    if "$ref" in schema:
        kind = schema["$ref"].rpartition("/")[2]
        return _sample(schemas[kind], schemas, kind, depth + 1) if depth < DEEPEST else None
    if "x-expansionResources" in schema:
        return f"{name or 'obj'}_fixture"
    if "anyOf" in schema:
        return _sample(schema["anyOf"][0], schemas, name, depth)
    if schema.get("enum"):
        usual = [value for value in USUAL.get(name, ()) if value in schema["enum"]]
        return [*usual, *schema["enum"]][0]
    if schema.get("type") == "object":
        return _sample_hash(schema, schemas, name, depth)
    return _sample_scalar(schema, name)


def _sample_hash(schema: Schema, schemas: dict[str, Schema], name: str, depth: int) -> Any:
    required = schema.get("required", ())
    properties: dict[str, Schema] = schema.get("properties", {})
    if {"data", "has_more", "url"} <= set(required):
        row = properties["data"]["items"]
        data = [_sample(row, schemas, "item", depth + 1)] if name == "items" else []
        return {"object": "list", "data": data, "has_more": False, "url": "/v1/" + name}
    sample: dict[str, Any] = {}
    for field, prop in properties.items():
        if field in required and not prop.get("nullable"):
            sample[field] = _sample(prop, schemas, field, depth)
        elif field in required or not isinstance(prop.get("additionalProperties"), dict):
            sample[field] = None  # a map of the host's own keys is absent rather than null
    return sample


def _sample_scalar(schema: Schema, name: str) -> Any:
    if name == "currency":
        return "usd"
    text = "0" if schema.get("format") == "decimal" else f"{name}_fixture"
    return {"array": [], "integer": 0, "number": 0.0, "boolean": False, "string": text}.get(
        schema.get("type", ""), {}
    )
