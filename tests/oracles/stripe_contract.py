"""What a contract says: which operation a request names, and the shapes of its answer."""

from __future__ import annotations

import copy
import dataclasses
import functools
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.oracles import contract_build
from tests.oracles.sample_objects import sample_object
from tests.oracles.stripe_errors import StripeError

if TYPE_CHECKING:
    from tests.oracles.sdk_annotations import Schema


@dataclasses.dataclass(frozen=True)
class Operation:
    """One verb on one path, as ``/v1/customers/{customer}``."""

    name: str
    verb: str
    path: str
    params: Schema
    answer: Schema

    @property
    def key(self) -> tuple[str, str]:
        """Verb and path with every id written ``{}``: what the tables of rules are keyed by."""
        return self.verb, re.sub(r"{\w+}", "{}", self.path)

    @property
    def last_segment(self) -> str:
        return self.path.rpartition("/")[2]


class Contract:
    """A contract with its schemas resolved and its paths ready to be matched."""

    def __init__(self, data: contract_build.ContractData) -> None:
        self.version: str = data["version"]
        self.schemas: dict[str, Schema] = data["schemas"]
        self.operations = {
            (entry["verb"], entry["path"]): Operation(**entry) for entry in data["operations"]
        }
        self._by_shape: dict[tuple[str, int], list[tuple[list[str], Operation]]] = {}
        for operation in self.operations.values():
            segments = operation.path.split("/")
            self._by_shape.setdefault((operation.verb, len(segments)), []).append(
                (segments, operation)
            )
        for candidates in self._by_shape.values():  # a literal path wins over {id}
            candidates.sort(key=lambda candidate: candidate[1].path.count("{"))

    def match(self, verb: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the operation that a request names and the ids in its path.

        :raises StripeError: 404 for a path or verb that the API doesn't have.
        """
        asked = path.split("/")
        for segments, operation in self._by_shape.get((verb, len(asked)), ()):
            ids: dict[str, str] = {}
            for segment, part in zip(segments, asked, strict=True):
                if segment.startswith("{") and part:
                    ids[segment[1:-1]] = unquote(part)
                elif segment != part:
                    break
            else:
                return operation, ids
        raise StripeError(
            f"Unrecognized request URL ({verb.upper()}: {path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/.",
            status=404,
        )

    def deref(self, schema: Schema) -> Schema:
        """Return the schema itself, or the resource that it refers to."""
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def branches(self, schema: Schema) -> list[Schema]:
        """Return the shapes that a value may take."""
        schema = self.deref(schema)
        return [self.deref(branch) for branch in schema.get("anyOf", [schema])]

    def resource(self, schema: Schema) -> tuple[str | None, Schema]:
        """Return the kind of object that a schema means, and the schema of its fields."""
        for branch in self.branches(schema):
            if branch.get("x-resourceId") or "properties" in branch:
                return branch.get("x-resourceId"), branch
        return None, self.deref(schema)

    def kinds(self, schema: Schema) -> list[str]:
        """Return every kind of object that a schema allows."""
        found = (branch.get("x-resourceId") for branch in self.branches(schema))
        return [kind for kind in found if kind]

    def item_schema(self, schema: Schema) -> Schema | None:
        """Return the schema of the rows of a list or search answer, None for other answers."""
        schema = self.deref(schema)
        data = schema.get("properties", {}).get("data")
        if data is None or schema.get("x-resourceId"):
            return None
        items: Schema = data.get("items", {})
        return items

    def kinds_at(self, path: str) -> list[str]:
        """Return the kinds that a GET of a path with an id at its end answers with."""
        getter = self.operations.get(("get", path))
        return self.kinds(getter.answer) if getter and path.endswith("}") else []

    def sample(self, kind: str) -> dict[str, Any]:
        """Return a new object of that kind with only what the contract demands of it."""
        if kind not in self._samples:
            self._samples[kind] = sample_object(kind, self.schemas)
        return copy.deepcopy(self._samples[kind])

    @functools.cached_property
    def _samples(self) -> dict[str, dict[str, Any]]:
        return {}


@functools.cache
def installed_contract() -> Contract:
    """Return the contract of the installed SDK; one is shared by all servers of the process."""
    return Contract(contract_build.installed_contract())
