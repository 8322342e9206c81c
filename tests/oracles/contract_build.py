"""Build the contract of Stripe's v1 API, and of what is used of v2, from the installed ``stripe`` SDK.

A contract is JSON: the API version, one entry an operation (verb, path, the schema of its
parameters, the schema of its answer) and the schemas of the resources that these name. Reading the
SDK takes seconds, so the result is kept in the user's cache folder, under the SDK's version and a
digest of the code that built it.

    python -m tests.oracles.contract_build OUT.json [SITE_PACKAGES/stripe]
"""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import importlib.util
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.oracles import sdk_annotations
from tests.oracles.sdk_annotations import SdkAnnotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracles.sdk_annotations import Schema, SourceModule

ContractData = dict[str, Any]

VERBS = ("get", "post", "delete")
REQUEST_FUNCTIONS = ("self._request", "self._request_stream", "self._requestor.request")


#: The rest of v2 speaks JSON and pages otherwise, which this contract doesn't know.
USED_OF_V2 = ("/v2/core/events/{id}",)
# Resources that events carry and no operation answers with: module and class.
ONLY_IN_EVENTS = (("stripe.entitlements._active_entitlement_summary", "ActiveEntitlementSummary"),)
# What thin events are when they are fetched: module and class. Each is known by its type.
THIN_EVENTS = (
    (
        "stripe.events._v1_billing_meter_error_report_triggered_event",
        "V1BillingMeterErrorReportTriggeredEvent",
    ),
)


class Call(NamedTuple):
    """One call of the API in the SDK's source: the service's method and the request it makes."""

    module: SourceModule
    service: ast.ClassDef
    method: ast.FunctionDef
    verb: str
    path: str


def installed_sdk() -> Path:
    """Return the folder of the installed ``stripe`` package, without importing it."""
    found = importlib.util.find_spec("stripe")
    if found is None or found.origin is None:
        raise RuntimeError("The contract is read from the stripe SDK, and none is installed.")
    return Path(found.origin).parent


def sdk_constant(root: Path, file: str, name: str) -> str:
    """Return a string constant that a module of the SDK assigns, such as its version."""
    text = (root / file).read_text(encoding="utf-8")
    found = re.search(rf'^\s*{name}(?:: \w+)? = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{root / file} assigns no {name}: the SDK's layout has changed.")
    return found[1]


@functools.cache
def installed_contract() -> ContractData:
    """Return the contract of the installed SDK, from the cache where it is there."""
    root = installed_sdk()
    file = cache_folder() / f"stripe-{sdk_constant(root, '_version.py', 'VERSION')}-{digest()}.json"
    if file.exists():
        cached: ContractData = json.loads(file.read_text(encoding="utf-8"))
        return cached
    contract = build(root)
    write_whole(file, json.dumps(contract, separators=(",", ":")))
    return contract


def digest() -> str:
    """Return a short hash of the code that builds contracts: an edit to it builds them anew."""
    sources = [Path(__file__), Path(sdk_annotations.__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def cache_folder() -> Path:
    """Return the user's own cache folder, where nobody else can plant a contract."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "flask-accrue" / "contracts"


def write_whole(file: Path, text: str) -> None:
    """Write a file in one step, since several test processes may build it at once."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent, suffix=".partial")
    except OSError:
        return  # a home that can't be written to: the contract is built in each process
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(partial).replace(file)


def build(root: Path) -> ContractData:
    """Read the SDK in that folder and return its contract."""
    sdk = SdkAnnotations(root)
    operations = {}
    for call in calls(sdk):
        params = request_schema(sdk, call)
        operations[call.path, call.verb] = {
            "name": f"{call.service.name}.{call.method.name}",
            "verb": call.verb,
            "path": call.path,
            "params": {**params, "additionalProperties": False},
            "answer": answer_schema(sdk, call),
        }
    for path, name in ONLY_IN_EVENTS:
        module = sdk.module(path)
        if module is not None:
            sdk.named(name, module)
    for path, name in THIN_EVENTS:
        module = sdk.module(path)
        if module is not None and name in module.classes:
            schema = sdk.class_schema(module.classes[name], module, [module.classes[name]])
            sdk.schemas[schema["properties"]["type"]["enum"][0]] = schema
    return {
        "sdk": sdk_constant(root, "_version.py", "VERSION"),
        "version": sdk_constant(root, "_api_version.py", "CURRENT"),
        "operations": [operation for _, operation in sorted(operations.items())],
        "schemas": dict(sorted(sdk.schemas.items())),
    }


def calls(sdk: SdkAnnotations) -> Iterator[Call]:
    """Yield every request to a v1 path in the SDK's services, and those of v2 that are used."""
    for path in sorted(sdk.root.rglob("*_service.py")):
        parts = path.relative_to(sdk.root).with_suffix("").parts
        module = sdk.module(".".join(("stripe", *parts)))
        for service in module.classes.values() if module else ():
            for method in service.body:
                if module and isinstance(method, ast.FunctionDef):
                    for verb, url in requests_in(method):
                        yield Call(module, service, method, verb, url)


def requests_in(method: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Yield the verb and the path of each request that a service's method makes."""
    for node in ast.walk(method):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in REQUEST_FUNCTIONS:
            continue
        if len(node.args) < 2 or not isinstance(node.args[0], ast.Constant):
            continue
        verb, target = node.args[0].value, node.args[1]
        if isinstance(target, ast.Call) and isinstance(target.func, ast.Attribute):
            target = target.func.value  # "/v1/customers/{customer}".format(...)
        url = target.value if isinstance(target, ast.Constant) else ""
        if verb in VERBS and isinstance(url, str) and (url.startswith("/v1/") or url in USED_OF_V2):
            yield str(verb), url


def request_schema(sdk: SdkAnnotations, call: Call) -> Schema:
    """Return the schema of a method's ``params``."""
    for argument in call.method.args.args:
        if argument.arg == "params" and argument.annotation is not None:
            names = re.findall(r"\w+Params\b", ast.unparse(argument.annotation))
            if names:
                schema = sdk.named(names[0], call.module)
                if schema.get("properties") is not None:
                    return schema
    return {"type": "object", "properties": {}}


def answer_schema(sdk: SdkAnnotations, call: Call) -> Schema:
    """Return the schema of what a method returns."""
    if call.method.returns is None:
        return {}
    schema = sdk.convert(call.method.returns, call.module, [])
    deleted = "deleted_" + schema.get("$ref", "").rsplit("/", 1)[-1]
    if call.verb == "delete" and deleted in sdk.schemas:
        return {"$ref": "#/components/schemas/" + deleted}
    return schema


def main() -> None:
    """Write the contract of an SDK to a file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("sdk", type=Path, nargs="?", help="default: the installed one")
    arguments = parser.parse_args()
    contract = build(arguments.sdk) if arguments.sdk else installed_contract()
    arguments.out.write_text(json.dumps(contract, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main()
