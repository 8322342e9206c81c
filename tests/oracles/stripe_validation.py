"""Check the parameters of a request against the contract, as strictly as Stripe does.

Unknown, missing, mistyped, too long and out-of-enum parameters are refused with Stripe's own words;
what passes comes back with the contract's types.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import StripeError
from tests.oracles.stripe_form import param_name, to_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.oracles.sdk_annotations import Schema
    from tests.oracles.stripe_contract import Contract

Path = tuple[str, ...]

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


def check_params(contract: Contract, params: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the parameters of a request, typed.

    :raises StripeError: for the first parameter that the contract refuses.
    """
    checked: dict[str, Any] = _Check(contract).value(params, schema, ())
    return checked


class _Check:
    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def value(self, value: Any, schema: Schema, path: Path) -> Any:
        schema = self.contract.deref(schema)
        if "anyOf" in schema:
            return self._any_of(value, schema["anyOf"], path)
        kind = schema.get("type")
        if kind == "object":
            return self._hash(value, schema, path)
        if kind == "array":
            return self._array(value, schema, path)
        if isinstance(value, dict):
            if kind:
                raise refusal(f"Invalid {kind}: {json.dumps(value)}", path)
            return value
        self._refuse_empty(value, schema, path)
        return scalar(value, schema, path)

    def _any_of(self, value: Any, branches: Iterable[Schema], path: Path) -> Any:
        errors = []
        for branch in branches:
            try:
                return self.value(value, branch, path)
            except StripeError as error:
                errors.append(error)
        raise max(errors, key=lambda error: error.depth)  # the way that was meant goes deepest

    def _hash(self, value: Any, schema: Schema, path: Path) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refusal("Invalid object", path, "parameter_invalid_object" if path else None)
        known: dict[str, Schema] = schema.get("properties", {})
        extra = schema.get("additionalProperties", not known)
        for name in value:
            if name not in known and not extra:
                bad = (*path, name)
                message = f"Received unknown parameter: {param_name(bad)}"
                raise refusal(message, bad, "parameter_unknown")
        for name in schema.get("required", ()):
            if name not in value:
                bad = (*path, name)
                message = f"Missing required param: {param_name(bad)}."
                raise refusal(message, bad, "parameter_missing")
        if path[-1:] == ("metadata",):
            check_metadata(value, path)
        other = extra if isinstance(extra, dict) else {"type": "string"}
        return {
            name: self.value(part, known.get(name, other), (*path, name))
            for name, part in value.items()
        }

    def _array(self, value: Any, schema: Schema, path: Path) -> list[Any]:
        parts = to_list(value)
        if parts is None:
            raise refusal("Invalid array", path)
        rows = schema.get("items", {})
        return [self.value(part, rows, (*path, str(at))) for at, part in enumerate(parts)]

    def _refuse_empty(self, value: str, schema: Schema, path: Path) -> None:
        """Refuse "" for what can't be unset: a number, or the id of another object."""
        if value or schema.get("enum"):
            return
        if schema.get("type") != "string" or path[-1] in self.contract.schemas:
            name = param_name(path)
            raise refusal(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt "
                f"to unset a parameter; however '{name}' cannot be unset.",
                path,
                "parameter_invalid_empty",
            )


def refusal(message: str, path: Path, code: str | None = None) -> StripeError:
    """Return the error for one parameter."""
    return StripeError(message, param=param_name(path) or None, code=code, depth=len(path))


def scalar(value: str, schema: Schema, path: Path) -> Any:
    """Return one value with its type."""
    kind = schema.get("type")
    if schema.get("enum") and value not in map(str, schema["enum"]):
        allowed = ", ".join(map(str, schema["enum"]))
        raise refusal(f"Invalid {param_name(path)}: must be one of {allowed}", path)
    if kind == "integer":
        if not re.fullmatch(r"-?\d+", value, re.ASCII):
            raise refusal(f"Invalid integer: {value}", path, "parameter_invalid_integer")
        return int(value)
    if kind == "boolean":
        if value not in ("true", "false"):
            raise refusal(f"Invalid boolean: {value}", path, "parameter_invalid_boolean")
        return value == "true"
    if kind == "number" or schema.get("format") == "decimal":
        if not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
            raise refusal(f"Invalid decimal: {value}", path)
        return float(value) if kind == "number" else value
    longest = schema.get("maxLength", 5000)
    if len(value) > longest:
        message = f"Invalid string: {value[:20]}...; must be at most {longest} characters"
        raise refusal(message, path, "parameter_invalid_string_too_long")
    if path[-1] == "currency" and not re.fullmatch(r"[A-Za-z]{3}", value):
        raise refusal(f"Invalid currency: {value}", path)
    if path == ("email",) and value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise refusal(f"Invalid email address: {value}", path, "email_invalid")
    return value


def check_metadata(metadata: dict[str, Any], path: Path = ("metadata",)) -> None:
    """Refuse metadata beyond the documented limits."""
    fits = len(metadata) <= METADATA_KEYS and all(
        len(name) <= METADATA_KEY_LENGTH and len(str(value)) <= METADATA_VALUE_LENGTH
        for name, value in metadata.items()
    )
    if not fits:
        raise refusal(
            "Metadata can have up to 50 keys, with key names up to 40 characters long and values "
            "up to 500 characters long.",
            path,
        )
