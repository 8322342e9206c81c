"""Every operation of the contract, called once with what it requires."""

from __future__ import annotations

import collections
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.oracles.stripe_calls import call
from tests.oracles.stripe_server import start_contract_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.sdk_annotations import Schema
    from tests.oracles.stripe_contract import Contract


def required_pairs(
    contract: Contract, schema: Schema, prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the form of the least that a schema allows."""
    schema = contract.branches(schema)[0]
    if schema.get("type") == "object":
        for name in schema.get("required", ()):
            inner = f"{prefix}[{name}]" if prefix else name
            yield from required_pairs(contract, schema["properties"][name], inner)
    elif schema.get("type") == "array":
        yield from required_pairs(contract, schema["items"], f"{prefix}[0]")
    else:
        usual = {"integer": "1", "boolean": "true", "number": "1"}.get(schema.get("type", ""), "x")
        if schema.get("format") == "decimal":
            usual = "1"
        enum: list[Any] = schema.get("enum", [usual])
        name = prefix.rpartition("[")[2].rstrip("]")
        yield prefix, {"query": "created>0", "currency": "usd"}.get(name) or str(enum[0])


def test_no_operation_meets_a_defect_of_the_server() -> None:
    statuses: collections.Counter[int] = collections.Counter()
    with start_contract_server(strict_ids=False) as server:
        headers = {
            "Authorization": "Bearer sk_test_x",
            "Stripe_Version": server.contract.version,
            "Content_Type": "application/x-www-form-urlencoded",
        }
        for number, operation in enumerate(server.contract.operations.values()):
            form = urlencode(list(required_pairs(server.contract, operation.params)))
            path = re.sub(r"{(\w+)}", rf"\1_{number}", operation.path)
            post = operation.verb == "post"
            url = path if post or not form else f"{path}?{form}"
            body = form.encode() if post else None
            status, answer, _ = call(server, operation.verb.upper(), url, body, **headers)
            statuses[status] += 1
            assert status in (200, 400, 404), (operation, answer)

    assert statuses[200] > 0.9 * sum(statuses.values())
