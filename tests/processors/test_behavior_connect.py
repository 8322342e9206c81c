"""What the Fake and Stripe do alike for connected accounts, as far as the contract server computes it."""

from __future__ import annotations

import typing as t

import pytest

from flask_accrue.errors import IdempotencyConflict, InvalidRequest, NotFound
from flask_accrue.processors import Answer, objects
from flask_accrue.processors.fake import FakeProcessor
from tests.processors.test_behavior import Shop, card, customer, key, now, shop

__all__ = ["shop"]


def connect(shop: Shop, **given: t.Any) -> objects.ConnectAccount:
    """Make an account that can be paid."""
    idem = given.pop("key", None) or key()
    wanted = {"type": "express", "country": "AT", "capabilities": ["card_payments", "transfers"]}
    made = shop.processor.create_connect_account({**wanted, **given}, key=idem).main
    if isinstance(shop.processor, FakeProcessor):
        shop.processor.complete_account(made.processor_id)
    return the_account(made)


def the_account(found: objects.ProcessorObject) -> objects.ConnectAccount:
    assert isinstance(found, objects.ConnectAccount)
    return found


def the_transfer(answer: Answer) -> objects.Transfer:
    found = answer.first(objects.Transfer)
    assert found is not None
    return found


def the_charge(answer: Answer) -> objects.Charge:
    found = answer.first(objects.Charge)
    assert found is not None
    return found


@pytest.fixture
def payer(shop: Shop) -> tuple[str, str]:
    """Give a customer and its card."""
    id = customer(shop).processor_id
    return id, card(shop, id).processor_id


def charge(shop: Shop, payer: tuple[str, str], **split: t.Any) -> Answer:
    wanted: dict[str, t.Any] = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": payer[1],
        "description": "Lesson",
        "destination": None,
        "transfer_amount": None,
        "application_fee": None,
        "on_behalf_of": None,
        "transfer_group": None,
        "metadata": {},
        "key": key(),
    }
    return shop.processor.create_connect_charge(payer[0], **{**wanted, **split})


def transfer(shop: Shop, to: str, **given: t.Any) -> objects.Transfer:
    wanted: dict[str, t.Any] = {
        "amount": 400,
        "currency": "usd",
        "source_charge": None,
        "transfer_group": None,
        "description": None,
        "metadata": {},
        "key": key(),
    }
    return the_transfer(shop.processor.create_transfer(to, **{**wanted, **given}))


def reverse(shop: Shop, made: objects.Transfer, amount: int | None) -> objects.Transfer:
    return the_transfer(
        shop.processor.reverse_transfer(
            made.processor_id,
            amount=amount,
            refund_application_fee=False,
            description=None,
            metadata={},
            key=key(),
        )
    )


def refund(shop: Shop, paid: Answer, amount: int | None = None, **options: bool) -> Answer:
    return shop.processor.create_refund(
        the_charge(paid).processor_id,
        amount=amount,
        reason=None,
        metadata={},
        key=key(),
        **options,
    )


# -- accounts --------------------------------------------------------------------------------------


def test_a_new_account_can_do_nothing_yet(shop: Shop) -> None:
    given = {"type": "express", "country": "AT", "capabilities": ["transfers"]}
    made = the_account(shop.processor.create_connect_account(given, key=key()).main)

    assert (made.type, made.dashboard, made.country) == ("express", "express", "AT")
    assert (made.charges_enabled, made.payouts_enabled, made.details_submitted) == (False,) * 3
    assert made.capabilities == {"transfers": "inactive"}
    assert made.currently_due
    assert now(shop, made) == made


def test_a_controller_says_which_dashboard_there_is(shop: Shop) -> None:
    controller = {"stripe_dashboard": {"type": "none"}, "requirement_collection": "application"}

    made = the_account(
        shop.processor.create_connect_account({"controller": controller}, key=key()).main
    )

    assert (made.type, made.dashboard) == ("none", "none")


def test_an_account_is_changed_where_it_is_told(shop: Shop) -> None:
    made = connect(shop, email="ada@example.com", metadata={"kept": "1", "gone": "1"})
    changes = {
        "email": "ada@example.org",
        "business_profile": {"name": "Ada's"},
        "capabilities": {"card_payments": False},
        "metadata": {"gone": ""},
    }

    changed = the_account(
        shop.processor.update_connect_account(made.processor_id, changes, key=key()).main
    )

    assert (changed.email, changed.business_name) == ("ada@example.org", "Ada's")
    assert set(changed.capabilities) == {"transfers"}
    assert changed.metadata == {"kept": "1"}
    assert changed.country == "AT"
    assert now(shop, made) == changed


def test_an_account_that_is_turned_away_can_do_nothing_any_more(shop: Shop) -> None:
    made = connect(shop)

    gone = the_account(
        shop.processor.reject_connect_account(
            made.processor_id, reason="fraud_other", key=key()
        ).main
    )

    assert gone.disabled_reason == "rejected.fraud"
    assert (gone.charges_enabled, gone.payouts_enabled) == (False, False)
    assert "active" not in gone.capabilities.values()


@pytest.mark.parametrize(
    "given",
    [
        {"type": "express", "controller": {"stripe_dashboard": {"type": "express"}}},
        {"type": "golden"},
        {"type": "express", "nickname": "Ada"},
    ],
)
def test_an_account_that_cannot_be_is_refused(shop: Shop, given: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidRequest):
        shop.processor.create_connect_account(given, key=key())


def test_an_account_is_found_by_its_operation(shop: Shop) -> None:
    made = connect(shop, metadata={"accrue_operation": "op-1"})

    found = shop.processor.find("connect_account", "op-1", within=None)

    assert found is not None
    assert found.main.processor_id == made.processor_id
    assert shop.processor.find("connect_account", "op-2", within=None) is None


def test_what_isnt_there_is_said(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.processor.update_connect_account("acct_nobody", {"email": None}, key=key())
    with pytest.raises(NotFound):
        shop.processor.fetch("transfer", "tr_none")


def test_a_key_given_twice_makes_one_account(shop: Shop) -> None:
    same = key()

    assert connect(shop, key=same).processor_id == connect(shop, key=same).processor_id
    with pytest.raises(IdempotencyConflict):
        connect(shop, key=same, country="DE")


def test_links_open_once_and_say_until_when(shop: Shop) -> None:
    made = connect(shop).processor_id
    urls = {"refresh_url": "https://shop.example/again", "return_url": "https://shop.example/back"}

    link = shop.processor.create_account_link(
        made, type="account_onboarding", collect=None, key=key(), **urls
    ).main
    login = shop.processor.create_login_link(made, key=key()).main

    assert isinstance(link, objects.AccountLink)
    assert isinstance(login, objects.AccountLink)
    assert link.expires_at is not None
    assert link.url.startswith("https://")
    assert link.url not in repr(link)
    assert login.url.startswith("https://")


# -- charges that are shared -----------------------------------------------------------------------


def test_a_destination_charge_moves_all_of_it_and_keeps_a_fee(
    shop: Shop, payer: tuple[str, str]
) -> None:
    to = connect(shop).processor_id

    paid = charge(shop, payer, destination=to, application_fee=100, transfer_group="sale-1")

    moved, charged = the_transfer(paid), the_charge(paid)
    assert [each.kind for each in paid.objects] == ["payment_intent", "charge", "transfer"]
    assert (moved.amount, moved.destination, moved.transfer_group) == (1000, to, "sale-1")
    assert moved.source_charge == charged.processor_id
    assert (charged.transfer, charged.application_fee) == (moved.processor_id, 100)
    assert now(shop, moved) == moved


def test_the_account_may_get_a_part(shop: Shop, payer: tuple[str, str]) -> None:
    to = connect(shop).processor_id

    paid = charge(shop, payer, destination=to, transfer_amount=700, on_behalf_of=to)

    assert the_transfer(paid).amount == 700
    assert the_charge(paid).application_fee is None


def test_a_charge_for_later_transfers_makes_none(shop: Shop, payer: tuple[str, str]) -> None:
    to = connect(shop).processor_id
    paid = charge(shop, payer, transfer_group="sale-1")

    assert paid.first(objects.Transfer) is None
    source = the_charge(paid)
    assert source.transfer is None or source.transfer is objects.UNSAID
    moved = transfer(shop, to, source_charge=source.processor_id, transfer_group="sale-1")
    assert (moved.source_charge, moved.amount_reversed) == (source.processor_id, 0)


def test_a_charge_in_an_account_leaves_its_fee_to_the_platform(shop: Shop) -> None:
    there = Shop(shop.processor.of_account(connect(shop).processor_id), shop.prices)
    id = customer(there).processor_id

    paid = charge(there, (id, card(there, id).processor_id), application_fee=100)

    assert the_charge(paid).application_fee == 100
    assert paid.first(objects.Transfer) is None
    with pytest.raises(NotFound):
        now(shop, paid.main)  # the platform hasn't got it


# -- transfers -------------------------------------------------------------------------------------


def test_a_transfer_is_taken_back_in_parts(shop: Shop, payer: tuple[str, str]) -> None:
    to = connect(shop).processor_id
    made = the_transfer(charge(shop, payer, destination=to))

    part = reverse(shop, made, 400)
    whole = reverse(shop, made, None)

    assert (part.amount_reversed, whole.amount_reversed) == (400, 1000)
    assert now(shop, made) == whole
    with pytest.raises(InvalidRequest):
        reverse(shop, made, 1)


def test_a_transfer_is_found_by_its_operation(shop: Shop, payer: tuple[str, str]) -> None:
    to = connect(shop).processor_id
    source = the_charge(charge(shop, payer, transfer_group="sale-1")).processor_id
    made = transfer(shop, to, source_charge=source, metadata={"accrue_operation": "op-1"})

    found = shop.processor.find("transfer", "op-1", within=to)

    assert found is not None
    assert found.main == made
    assert shop.processor.find("transfer", "op-2", within=to) is None


# -- giving back -----------------------------------------------------------------------------------


def test_a_refund_leaves_what_was_shared_where_it_is(shop: Shop, payer: tuple[str, str]) -> None:
    paid = charge(shop, payer, destination=connect(shop).processor_id, application_fee=100)

    given_back = refund(shop, paid, 500)

    assert given_back.first(objects.Transfer) is None
    assert now(shop, the_transfer(paid)).amount_reversed == 0


def test_a_refund_takes_back_what_was_shared_in_proportion(
    shop: Shop, payer: tuple[str, str]
) -> None:
    paid = charge(shop, payer, destination=connect(shop).processor_id, application_fee=100)

    given_back = refund(shop, paid, 250, reverse_transfer=True, refund_application_fee=True)

    assert [each.kind for each in given_back.objects] == ["refund", "charge", "transfer"]
    assert the_transfer(given_back).amount_reversed == 250
    assert now(shop, the_transfer(paid)).amount_reversed == 250


@pytest.mark.parametrize("option", ["reverse_transfer", "refund_application_fee"])
def test_what_wasnt_shared_cant_be_taken_back(
    shop: Shop, payer: tuple[str, str], option: str
) -> None:
    paid = charge(shop, payer, transfer_group="sale-1")

    with pytest.raises(InvalidRequest) as refused:
        refund(shop, paid, 250, **{option: True})

    assert refused.value.param == option
