"""What the installed SDK says of Stripe's API, against what is read and sent here.

Whoever raises the SDK's version learns from these tests which field or parameter went away.
"""

from __future__ import annotations

import copy
import typing as t

import pytest

from flask_accrue.processors import objects
from flask_accrue.processors.stripe import reading
from tests.oracles.stripe_contract import Contract, installed_contract
from tests.oracles.stripe_errors import StripeError
from tests.oracles.stripe_form import decode_form
from tests.oracles.stripe_validation import check_params
from tests.processors.stripe.call_table import CALLS
from tests.processors.stripe.situations import card, charge, payment_intent, setup_intent
from tests.processors.stripe.stripe_bodies import (
    Json,
    account,
    checkout_session,
    coupon,
    credit_note,
    dispute,
    entitlement_summary,
    invoice,
    invoice_payment,
    promotion_code,
    sample,
    schedule,
    subscription,
    tax_id,
    transfer,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: What is read of bodies that aren't in the current shape, and where: of older versions, which have it
#: elsewhere, and of deleted objects.
ELSEWHERE: dict[str, set[str]] = {
    "charge": {"charge.deleted", "charge.invoice"},
    "checkout_session": {"checkout_session.deleted"},
    "connect_account": {"connect_account.deleted"},
    "coupon": {"coupon.deleted"},
    "credit_note": {"credit_note.deleted", "credit_note.refund"},
    "customer": {"customer.deleted", "customer.discounts"},
    "dispute": {"dispute.deleted"},
    "entitlement_summary": set(),
    "invoice": {
        "invoice.deleted",
        "invoice.tax",
        "invoice.total_taxes.inclusive",
        "invoice.lines.data.taxes.inclusive",
        "invoice.payments.data.deleted",
        "invoice.payments.data.metadata",
    },
    "invoice_payment": {"invoice_payment.deleted", "invoice_payment.metadata"},
    "payment_intent": {
        "payment_intent.charges",
        "payment_intent.deleted",
        "payment_intent.invoice",
    },
    "payment_method": {"payment_method.deleted"},
    "price": {"price.deleted"},
    "product": {"product.deleted"},
    "promotion_code": {"promotion_code.deleted"},
    "refund": {"refund.deleted"},
    "setup_intent": {"setup_intent.deleted"},
    "subscription": {
        "subscription.current_period_end",
        "subscription.current_period_start",
        "subscription.deleted",
        "subscription.discount",
        "subscription.discounts.deleted",
    },
    "subscription_schedule": {
        "subscription_schedule.deleted",
        "subscription_schedule.phases.coupon",
    },
    "tax_id": {"tax_id.deleted", "tax_id.metadata"},
    "transfer": {"transfer.deleted"},
}

#: Bodies that have something in every part that is read.
BODIES: dict[str, Json] = {
    "charge": charge(
        status="failed",
        outcome={"reason": "insufficient_funds"},
        balance_transaction=sample("balance_transaction", fee=1, net=2),
    ),
    "checkout_session": checkout_session(),
    "connect_account": account(),
    "coupon": coupon(),
    "credit_note": credit_note(),
    "customer": sample("customer", invoice_settings={"default_payment_method": None}),
    "dispute": dispute(evidence_details={"due_by": 1}),
    "entitlement_summary": entitlement_summary("exports", "reports"),
    "invoice": invoice(),
    "invoice_payment": invoice_payment(),
    "payment_intent": payment_intent(
        last_payment_error={"code": "card_declined", "decline_code": None}
    ),
    "payment_method": card("pm_1"),
    "price": sample("price", recurring={"interval": "month"}),
    "product": sample("product"),
    "promotion_code": promotion_code(),
    "refund": sample("refund"),
    "setup_intent": setup_intent(last_setup_error={"code": "card_declined", "decline_code": None}),
    "subscription": subscription(
        pause_collection={"behavior": "void", "resumes_at": None},
        discounts=[sample("discount", source={"type": "coupon", "coupon": "TEN"})],
    ),
    "subscription_schedule": schedule(),
    "tax_id": tax_id(),
    "transfer": transfer(),
}


class Watched(dict[str, t.Any]):
    """An object that notes which of its fields were asked for, and of the objects inside it."""

    def __init__(self, body: Json) -> None:
        super().__init__({name: watched(value) for name, value in body.items()})
        self.asked: set[str] = set()

    def get(self, name: str, default: t.Any = None) -> t.Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> t.Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def watched(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return Watched(value)
    return [watched(each) for each in value] if isinstance(value, list) else value


def asked_in_vain(body: Watched, schema: Json, contract: Contract, path: str) -> set[str]:
    """Return the fields that were asked for and that the contract doesn't have, each with its path."""
    fields = contract.resource(schema)[1].get("properties")
    if fields is None:
        return set()
    missing = {f"{path}.{name}" for name in body.asked - fields.keys()}
    for name in body.asked & fields.keys():
        inside, below = dict.get(body, name), fields[name]
        if isinstance(inside, list):
            arrays = [each for each in contract.branches(below) if each.get("type") == "array"]
            below = arrays[0].get("items", {})
        for part in inside if isinstance(inside, list) else [inside]:
            if isinstance(part, Watched):
                missing |= asked_in_vain(part, below, contract, f"{path}.{name}")
    return missing


def read_in_vain(kind: str, contract: Contract) -> set[str]:
    body = Watched(BODIES[kind])
    found = reading.read(body)
    assert found is not None
    assert found.kind == kind
    return asked_in_vain(body, contract.schemas[BODIES[kind]["object"]], contract, kind)


def sent_in_vain(name: str, contract: Contract) -> str | None:
    """Return the first parameter of a call that the contract doesn't have, with the reason."""
    call = CALLS[name]
    operation, _ = contract.match(call.method.lower(), call.path)
    encoded = decode_form([(key, str(value)) for key, value in flattened(call.params)])
    try:
        check_params(contract, encoded, operation.params)
    except StripeError as error:
        return f"{error.body['error'].get('param')}: {error}"
    return None


def flattened(value: t.Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pairs of a form that has these parameters."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from flattened(part, f"{path}[{name}]" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from flattened(part, f"{path}[{number}]")
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def doctored() -> Contract:
    """Give a contract that a test may take something from."""
    contract = copy.copy(installed_contract())
    contract.schemas = copy.deepcopy(contract.schemas)
    return contract


@pytest.mark.parametrize("kind", objects.KINDS)
def test_the_sdk_knows_every_field_that_is_read(kind: str) -> None:
    assert read_in_vain(kind, installed_contract()) == ELSEWHERE[kind]


@pytest.mark.parametrize("name", CALLS)
def test_the_sdk_knows_every_parameter_that_is_sent(name: str) -> None:
    assert sent_in_vain(name, installed_contract()) is None


@pytest.mark.parametrize("name", CALLS)
def test_whatever_is_expanded_can_be(name: str) -> None:
    contract, call = installed_contract(), CALLS[name]
    operation, _ = contract.match(call.method.lower(), call.path)

    for path in call.params.get("expand", ()):
        assert expandable(contract, operation.answer, path.split(".")), path


def expandable(contract: Contract, schema: Json, path: list[str]) -> bool:
    """Tell whether a path leads through fields to one that can be expanded, in four levels at most."""
    *through, last = path
    for name in through:
        schema = contract.resource(schema)[1].get("properties", {}).get(name, {})
        schema = schema.get("items", schema)
    return len(path) <= 4 and last in contract.resource(schema)[1].get("x-expandableFields", ())


def test_a_field_that_goes_away_is_named(doctored: Contract) -> None:
    del doctored.schemas["invoice"]["properties"]["status_transitions"]

    found = read_in_vain("invoice", doctored) - ELSEWHERE["invoice"]

    assert found == {"invoice.status_transitions"}


def test_a_part_that_goes_away_is_named(doctored: Contract) -> None:
    settings = doctored.schemas["customer"]["properties"]["invoice_settings"]
    del doctored.resource(settings)[1]["properties"]["default_payment_method"]

    found = read_in_vain("customer", doctored) - ELSEWHERE["customer"]

    assert found == {"customer.invoice_settings.default_payment_method"}


def test_a_parameter_that_goes_away_is_named(doctored: Contract) -> None:
    key = ("post", "/v1/payment_intents")
    operation = copy.deepcopy(doctored.operations[key])
    del operation.params["properties"]["automatic_payment_methods"]
    doctored.match = lambda verb, path: (operation, {})  # type: ignore[method-assign]

    found = sent_in_vain("create_charge", doctored)

    assert found is not None
    assert found.startswith("automatic_payment_methods")
