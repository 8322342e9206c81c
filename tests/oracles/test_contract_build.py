from __future__ import annotations

from typing import TYPE_CHECKING

import stripe

from tests.oracles import contract_build
from tests.oracles.stripe_contract import Contract, installed_contract

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_contract_is_that_of_the_installed_sdk() -> None:
    contract = contract_build.installed_contract()

    assert contract["sdk"] == stripe.VERSION
    assert contract["version"] == stripe.api_version


def test_every_v1_service_call_of_the_sdk_is_an_operation() -> None:
    contract = installed_contract()

    assert len(contract.operations) > 500
    for verb, path in (
        ("post", "/v1/subscriptions"),
        ("get", "/v1/subscriptions/{subscription_exposed_id}"),
        ("delete", "/v1/customers/{customer}"),
        ("post", "/v1/invoices/create_preview"),
        ("get", "/v1/invoice_payments"),
    ):
        assert (verb, path) in contract.operations


def test_a_parameter_has_the_type_and_the_enum_of_the_sdk() -> None:
    params = installed_contract().operations["post", "/v1/subscriptions"].params

    behavior = params["properties"]["payment_behavior"]
    assert "default_incomplete" in behavior["enum"]
    assert params["properties"]["trial_period_days"] == {"type": "integer"}
    assert params["properties"]["items"]["items"]["properties"]["price"]["type"] == "string"


def test_an_answer_knows_what_can_be_expanded() -> None:
    subscription = installed_contract().schemas["subscription"]

    assert {"customer", "latest_invoice", "items"} <= set(subscription["x-expandableFields"])
    assert "status" not in subscription["x-expandableFields"]


def test_every_resource_has_a_sample_of_its_own_kind() -> None:
    contract = installed_contract()

    for kind, schema in contract.schemas.items():
        if schema.get("x-resourceId") and "object" in schema.get("properties", {}):
            assert contract.sample(kind)["object"] == kind.removeprefix("deleted_")


def test_a_contract_is_built_once_and_then_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small = {"version": "2026-01-01.test", "operations": [], "schemas": {}}
    built: list[Path] = []

    def build(root: Path) -> contract_build.ContractData:
        built.append(root)
        return small

    monkeypatch.setattr(contract_build, "build", build)

    for _ in range(2):
        contract_build.installed_contract.__wrapped__()

    assert len(built) == 1
    [file] = (tmp_path / "flask-accrue" / "contracts").iterdir()
    assert stripe.VERSION in file.name


def test_a_home_that_cannot_be_written_to_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "a file"
    occupied.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(occupied))
    small = {"version": "2026-01-01.test", "operations": [], "schemas": {}}
    monkeypatch.setattr(contract_build, "build", lambda root: small)

    assert Contract(contract_build.installed_contract.__wrapped__()).version == "2026-01-01.test"
