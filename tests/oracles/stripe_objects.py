"""The memory of the contract server: what was created or primed, per account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Json = dict[str, Any]
Name = tuple[str, str]  # kind and id: a price and its plan have the same id


class ObjectStore:
    """The objects of one account, by kind and id.

    An object may hold others: a subscription its items, an invoice its lines, a charge its balance
    transaction. Those that aren't stored themselves are found inside their holder, so that what is
    asked of the part and of the whole can't disagree.
    """

    def __init__(self) -> None:
        self._objects: dict[Name, Json] = {}
        self._gone: dict[Name, Json] = {}
        self.singletons: dict[str, Json] = {}

    def put(self, obj: Json) -> None:
        """Store an object, or replace the one of that kind and id."""
        name = (str(obj["object"]), str(obj["id"]))
        self._gone.pop(name, None)
        self._objects.pop(name, None)  # the newest comes last
        self._objects[name] = obj

    def find(self, kinds: Collection[str], object_id: str) -> Json | None:
        """Return an object of one of the kinds, None if there is none or it was deleted."""
        for kind in kinds:
            found = self._objects.get((kind, object_id))
            if found is not None:
                return found
        for part in self._parts(kinds):
            if part["id"] == object_id:
                return part
        return None

    def gone(self, kinds: Collection[str], object_id: str) -> Json | None:
        """Return the answer that deleting an object left."""
        return next(
            (self._gone[kind, object_id] for kind in kinds if (kind, object_id) in self._gone), None
        )

    def rows(self, kinds: Collection[str]) -> list[Json]:
        """Return the objects of these kinds, newest first."""
        stored = [obj for (kind, _), obj in self._objects.items() if kind in kinds]
        known = {obj["id"] for obj in stored}
        inside = {part["id"]: part for part in self._parts(kinds) if part["id"] not in known}
        rows = [*inside.values(), *stored][::-1]
        return sorted(rows, key=lambda row: -(row.get("created") or 0))

    def remove(self, kind: str, object_id: str, answer: Json) -> None:
        """Forget an object, wherever it stands, and keep the answer that its deletion gave."""
        self._objects.pop((kind, object_id), None)
        self._gone[kind, object_id] = answer
        for holder in self._objects.values():
            for value in holder.values():
                if is_list(value):
                    value["data"] = [
                        row
                        for row in value["data"]
                        if (row.get("object"), row.get("id")) != (kind, object_id)
                    ]

    def all_objects(self) -> list[Json]:
        """Return everything that is stored, oldest first."""
        return list(self._objects.values())

    def _parts(self, kinds: Collection[str]) -> Iterator[Json]:
        """Yield the objects inside others, those in the newest holder first."""
        for holder in reversed(self._objects.values()):
            for part in parts_of(holder):
                if part["object"] in kinds and (part["object"], part["id"]) not in self._gone:
                    yield part


def is_list(value: Any) -> TypeGuard[Json]:
    """Tell whether a value is a list object of the API."""
    return isinstance(value, dict) and isinstance(value.get("data"), list)


def parts_of(node: Any) -> Iterator[Json]:
    """Yield every object with a kind and an id inside an object, at any depth."""
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict):
            if value.get("id") and value.get("object"):
                yield value
            yield from parts_of(value)
        elif isinstance(value, list):
            yield from parts_of(value)
