"""Read the type annotations of the installed ``stripe`` SDK as JSON schemas.

The SDK is generated from Stripe's own API description: its ``TypedDict`` classes say which
parameters exist and its resource classes which fields an answer has. Only the source is read
(with :mod:`ast`); nothing of the SDK is imported.

The SDK writes an enum as ``Literal[...] | str``, so an enum and a free string with suggestions look
alike. They are read as closed enums; release 15.3.1, the last one with closed enums, has not one
field that is open.
"""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Schema = dict[str, Any]
Scope = list[ast.ClassDef]

TEXT: Schema = {"type": "string", "maxLength": 5000}
SCALARS: dict[str, Schema] = {
    "str": TEXT,
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "Decimal": {"type": "string", "format": "decimal"},
    "object": {},
    "Any": {},
    "IO": {"type": "string", "format": "binary"},
}


class SourceModule:
    """The names that one module of the SDK defines or imports."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.imports: dict[str, tuple[str, str]] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.functional: dict[str, ast.Dict] = {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (node.module, alias.name)
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
            elif isinstance(node, ast.Assign):
                self._note_functional(node)

    def _note_functional(self, node: ast.Assign) -> None:
        """Note ``_Base = TypedDict("Base", {"from": ...})``, written so for Python's keywords."""
        target, call = node.targets[0], node.value
        if (
            isinstance(target, ast.Name)
            and isinstance(call, ast.Call)
            and ast.unparse(call.func) == "TypedDict"
            and isinstance(call.args[1], ast.Dict)
        ):
            self.functional[target.id] = call.args[1]


class SdkAnnotations:
    """Turn annotations into schemas; what is a resource is collected in :attr:`schemas`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.schemas: dict[str, Schema] = {}
        self._modules: dict[str, SourceModule | None] = {}

    def module(self, name: str) -> SourceModule | None:
        """Return the module of that dotted name, or None if the SDK has no such file."""
        if name not in self._modules:
            path = self.root.joinpath(*name.split(".")[1:])
            source = path.with_suffix(".py")
            path = source if source.exists() else path / "__init__.py"
            self._modules[name] = SourceModule(name, path) if path.exists() else None
        return self._modules[name]

    def convert(self, node: ast.expr, module: SourceModule, scope: Scope) -> Schema:
        """Return the schema of an annotation; ``scope`` are the classes around it."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return {"nullable": True}
            text = str(node.value).strip()
            return self.convert(ast.parse(text, mode="eval").body, module, scope)
        if isinstance(node, ast.BinOp):
            sides = [self.convert(side, module, scope) for side in (node.left, node.right)]
            return union(sides)
        if isinstance(node, ast.Subscript):
            return self._generic(node, module, scope)
        name = ast.unparse(node).rpartition(".")[2]
        if name in SCALARS:
            return dict(SCALARS[name])
        for outer in reversed(scope):
            for child in outer.body:
                if isinstance(child, ast.ClassDef) and child.name == name:
                    return self.class_schema(child, module, [*scope, child])
        return self.named(name, module)

    def _generic(self, node: ast.Subscript, module: SourceModule, scope: Scope) -> Schema:
        head = ast.unparse(node.value)
        inside = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head == "Literal":
            return literal([ast.literal_eval(value) for value in inside])
        parts = [self.convert(part, module, scope) for part in inside]
        match head:
            case "NotRequired" | "Required":
                return parts[0]
            case "Optional":
                return {**parts[0], "nullable": True}
            case "List" | "Sequence":
                return {"type": "array", "items": parts[0]}
            case "Dict" | "UntypedStripeObject":
                return {"type": "object", "additionalProperties": parts[-1]}
            case "Union":
                return union(parts)
            case "ExpandableField":
                targets = parts[0].get("anyOf", parts[:1])
                expansion = {"x-expansionResources": {"oneOf": targets}}
                return {"anyOf": [dict(TEXT), *targets], **expansion}
            case "ListObject":
                return list_schema("list", parts[0])
            case "SearchResultObject":
                return list_schema("search_result", parts[0])
            case _:
                return {}

    def named(self, name: str, module: SourceModule) -> Schema:
        """Return the schema of a class by name, following imports; a resource becomes a $ref."""
        if name in module.classes:
            found = module.classes[name]
            resource = object_name(found)
            if resource:
                return self.reference(resource, found, module)
            return self.class_schema(found, module, [found])
        source, original = module.imports.get(name, ("", ""))
        other = self.module(source) if source.startswith("stripe") else None
        if other and other is not module and {original} & {*other.classes, *other.imports}:
            return self.named(original, other)
        return {}

    def class_schema(self, cls: ast.ClassDef, module: SourceModule, scope: Scope) -> Schema:
        """Return the object schema of a ``TypedDict`` or resource class."""
        properties: dict[str, Schema] = {}
        required = []
        for name, annotation in fields_of(cls, module):
            properties[name] = self.convert(annotation, module, scope)
            text = ast.unparse(annotation).lstrip("'\"")
            optional = text.startswith(("NotRequired", "Optional"))
            if not optional and not properties[name].get("nullable"):
                required.append(name)
        schema: Schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = sorted(required)
        if "Params" not in cls.name:
            asked_for = ASKED_FOR.get(cls.name, ())
            expandable = sorted(
                name
                for name, prop in properties.items()
                if name in asked_for or is_expandable(prop)
            )
            if expandable:
                schema["x-expandableFields"] = expandable
        return schema

    def reference(self, resource: str, cls: ast.ClassDef, module: SourceModule) -> Schema:
        """Return a $ref to the resource, reading its class at the first mention."""
        if resource not in self.schemas:
            self.schemas[resource] = {}  # ends the recursion of resources that name each other
            schema = {**self.class_schema(cls, module, [cls]), "x-resourceId": resource}
            properties = schema["properties"]
            if properties.pop("deleted", None):
                gone = "deleted_" + resource
                kept = {name: properties.get(name, TEXT) for name in ("id", "object")}
                self.schemas[gone] = {
                    "type": "object",
                    "required": ["deleted", "object"],
                    "x-resourceId": gone,
                    "properties": {"deleted": {"type": "boolean", "enum": [True]}, **kept},
                }
            self.schemas[resource] = schema
        return {"$ref": "#/components/schemas/" + resource}


def object_name(cls: ast.ClassDef) -> str | None:
    """Return the ``object`` of a resource class (``"customer"``), None for any other class."""
    for name, statement in annotated(cls):
        if name == "OBJECT_NAME" and statement.value is not None:
            return str(ast.literal_eval(statement.value))
    return None


def annotated(cls: ast.ClassDef) -> Iterator[tuple[str, ast.AnnAssign]]:
    """Yield the annotated names in a class's own body."""
    for statement in cls.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement


def fields_of(cls: ast.ClassDef, module: SourceModule) -> Iterator[tuple[str, ast.expr]]:
    """Yield the fields of a class with their annotations, those of a functional base included."""
    for base in cls.bases:
        functional = module.functional.get(ast.unparse(base))
        if functional is not None:
            for key, annotation in zip(functional.keys, functional.values, strict=True):
                yield ast.literal_eval(key or "''"), annotation
    for name, statement in annotated(cls):
        if not name.startswith("_") and "ClassVar" not in ast.unparse(statement.annotation):
            yield name, statement.annotation


#: Parts that the API leaves out until they're asked for, by class; the annotations don't say which.
ASKED_FOR = {"Coupon": {"applies_to"}, "Price": {"currency_options"}}


def is_expandable(schema: Schema) -> bool:
    """Tell whether ``expand`` may name a field of this schema, or something inside it."""
    return "x-expansionResources" in schema or "$ref" in json.dumps(schema)


def literal(values: list[Any]) -> Schema:
    """Return the enum of a ``Literal``."""
    first = values[0]
    kind = "integer" if isinstance(first, int) else "string"
    return {"type": "boolean" if isinstance(first, bool) else kind, "enum": values}


def list_schema(kind: str, item: Schema) -> Schema:
    """Return the schema of a page of objects; ``kind`` is its ``object``."""
    return {
        "type": "object",
        "required": ["data", "has_more", "object", "url"],
        "x-expandableFields": ["data"],
        "properties": {
            "data": {"type": "array", "items": item},
            "has_more": {"type": "boolean"},
            "object": {"type": "string", "enum": [kind]},
            "url": dict(TEXT),
        },
    }


def union(parts: list[Schema]) -> Schema:
    """Join the schemas of a ``Union``: null aside, enums together, ``Literal | str`` closed."""
    nullable = any(part.get("nullable") for part in parts)
    flat: list[Schema] = []
    for part in parts:
        flat += [part] if "x-expansionResources" in part else part.get("anyOf", [part])
    enums = list(dict.fromkeys(value for part in flat for value in part.get("enum", [])))
    plain = [part for part in flat if part and "enum" not in part]
    if any(part.get("type") == "string" for part in plain):
        if set(enums) == {""}:
            enums = []  # a free string that may be unset
        elif enums:
            plain = [part for part in plain if part.get("type") != "string"]
    joined: list[Schema] = []
    for part in plain:
        if part not in joined and part != {"nullable": True}:
            joined.append(part)
    if enums:
        kind = "string" if isinstance(enums[0], str) else "integer"
        joined.append({"type": kind, "enum": enums})
    schema = dict(joined[0]) if len(joined) == 1 else {"anyOf": joined}
    return {**schema, "nullable": True} if nullable else schema
