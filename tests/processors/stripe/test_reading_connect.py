"""Connected accounts, transfers and what charges share, in the shapes of old and current versions."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import InvalidRequest
from flask_accrue.processors import objects
from flask_accrue.processors.stripe.reading import read
from tests.processors.stripe.stripe_bodies import (
    END,
    Json,
    account,
    at,
    listed,
    sample,
    transfer,
    without,
)


def read_account(raw: Json) -> objects.ConnectAccount:
    found = read(raw)
    assert isinstance(found, objects.ConnectAccount)
    return found


def read_transfer(raw: Json) -> objects.Transfer:
    found = read(raw)
    assert isinstance(found, objects.Transfer)
    return found


def read_charge(**changes: t.Any) -> objects.Charge:
    found = read(sample("charge", id="ch_1", amount=1900, **changes))
    assert isinstance(found, objects.Charge)
    return found


def test_an_account_as_it_is_now() -> None:
    found = read_account(account())

    assert (found.type, found.dashboard, found.country) == ("none", "express", "AT")
    assert (found.charges_enabled, found.payouts_enabled, found.details_submitted) == (
        True,
        False,
        True,
    )
    assert found.capabilities == {"card_payments": "active", "transfers": "pending"}
    assert found.currently_due == ("individual.verification.document",)
    assert found.due_by == at(END)
    assert found.business_name == "Ada's"


@pytest.mark.parametrize(
    "controller",
    [
        None,
        # Of 2021 to 2024: whose account it is, and nothing of its dashboard.
        {"type": "application", "is_controller": True},
        {"type": "account"},
    ],
    ids=["before controllers", "of 2022", "of its owner"],
)
@pytest.mark.parametrize(
    ("type", "dashboard"), [("express", "express"), ("custom", "none"), ("standard", "full")]
)
def test_the_type_of_an_older_account_tells_its_dashboard(
    controller: Json | None, type: str, dashboard: str
) -> None:
    raw = without(account(type=type), "controller")
    if controller is not None:
        raw["controller"] = controller

    assert read_account(raw).dashboard == dashboard


def test_what_an_account_of_2020_leaves_out_is_no_error() -> None:
    # An account that another platform or its owner controls tells far less.
    raw = without(account(type="standard"), "controller", "requirements", "business_profile")
    raw = without(raw, "capabilities", "created", "default_currency", "metadata", "business_type")

    found = read_account(raw)

    assert (found.capabilities, found.currently_due, found.past_due) == ({}, (), ())
    assert (found.disabled_reason, found.due_by, found.business_name) == (None, None, None)
    assert found.metadata == {}


def test_requirements_without_lists_are_none() -> None:
    raw = account(requirements={"currently_due": None, "disabled_reason": "rejected.fraud"})

    found = read_account(raw)

    assert (found.currently_due, found.past_due) == ((), ())
    assert found.disabled_reason == "rejected.fraud"


def test_a_capability_that_was_never_asked_for_is_left_out() -> None:
    raw = account(capabilities={"card_payments": None, "transfers": "inactive"})

    assert read_account(raw).capabilities == {"transfers": "inactive"}


def test_what_tells_of_people_and_banks_isnt_kept() -> None:
    personal = {
        "individual": {"first_name": "Ada", "dob": {"year": 1815}},
        "company": {"tax_id_provided": True},
        "external_accounts": listed(sample("bank_account", id="ba_1")),
        "tos_acceptance": {"ip": "203.0.113.7"},
        "login_links": listed(),
    }

    assert not personal.keys() & read_account(account(**personal)).raw.keys()


def test_a_deleted_account_is_its_id() -> None:
    found = read_account({"id": "acct_1", "object": "account", "deleted": True})

    assert (found.processor_id, found.deleted) == ("acct_1", True)


@pytest.mark.parametrize(
    "wrong", [{"capabilities": {"transfers": True}}, {"requirements": {"past_due": "all"}}]
)
def test_another_shape_than_any_version_had_is_said(wrong: Json) -> None:
    with pytest.raises(InvalidRequest):
        read_account(account(**wrong))


def test_a_transfer_as_it_is_now() -> None:
    found = read_transfer(transfer(amount_reversed=400))

    assert (found.amount, found.amount_reversed, found.currency) == (1000, 400, "usd")
    assert (found.destination, found.source_charge) == ("acct_1", "ch_1")
    assert (found.transfer_group, found.description) == ("group_pi_1", "Ada's share")


@pytest.mark.parametrize("name", ["destination", "source_transaction"])
def test_what_a_transfer_names_may_be_expanded(name: str) -> None:
    of = {"destination": account(), "source_transaction": sample("charge", id="ch_1")}

    found = read_transfer(transfer(**{name: of[name]}))

    assert (found.destination, found.source_charge) == ("acct_1", "ch_1")


def test_an_older_transfer_says_more_than_is_read_and_less() -> None:
    raw = transfer(
        reversals=listed(sample("transfer_reversal", id="trr_1", amount=400)),
        amount_reversed=400,
        source_type="card",
        type="stripe_account",
        status="paid",
    )

    found = read_transfer(without(raw, "transfer_group", "description"))

    assert (found.amount_reversed, found.transfer_group, found.description) == (400, None, None)


def test_a_transfer_to_an_account_that_is_gone_names_nobody() -> None:
    assert read_transfer(transfer(destination=None)).destination is None


def test_a_charge_tells_what_it_shared() -> None:
    found = read_charge(transfer="tr_1", application_fee_amount=190, application_fee="fee_1")

    assert (found.transfer, found.application_fee) == ("tr_1", 190)


def test_what_a_charge_shared_may_be_expanded() -> None:
    fee = {"id": "fee_1", "object": "application_fee", "amount": 190}

    found = read_charge(transfer=transfer(), application_fee=fee)

    assert (found.transfer, found.application_fee) == ("tr_1", 190)


def test_a_charge_that_says_nothing_of_a_transfer_doesnt_say_there_is_none() -> None:
    found = read(without(sample("charge", id="ch_1", amount=1900), "transfer"))

    assert isinstance(found, objects.Charge)
    assert found.transfer is objects.UNSAID
    assert read_charge(transfer=None).transfer is None
    assert read_charge().application_fee is None


def test_a_charge_of_2020_holds_its_refunds_and_its_destination() -> None:
    found = read_charge(
        destination="acct_1",
        transfer_data={"destination": "acct_1", "amount": None},
        transfer="tr_1",
        application_fee_amount=190,
        refunds=listed(sample("refund", id="re_1", charge="ch_1", amount=100)),
    )

    assert (found.transfer, found.application_fee) == ("tr_1", 190)


def test_an_intent_of_2020_holds_the_charge_that_made_the_transfer() -> None:
    charge = sample("charge", id="ch_1", amount=1900, transfer="tr_1")
    raw = sample("payment_intent", id="pi_1", amount=1900, status="succeeded")

    found = read({**without(raw, "latest_charge"), "charges": listed(charge)})

    assert isinstance(found, objects.PaymentIntent)
    assert found.latest_charge == "ch_1"
