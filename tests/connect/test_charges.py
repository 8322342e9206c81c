from __future__ import annotations

import pytest

from flask_accrue import billing, connect, models
from flask_accrue.errors import (
    ActionRequired,
    CardError,
    IdempotencyConflict,
    InvalidRequest,
    InvalidState,
    NoDefaultPaymentMethod,
    ProcessorUnavailable,
)
from flask_accrue.money import Money
from tests.connect.conftest import entries, rows

usd = lambda cents: Money(cents, "usd")  # noqa: E731 - a word for a test


def test_a_destination_charge_leaves_the_fee_here_and_the_rest_there(kit, payer, account):
    paid = connect.destination_charge(
        payer, usd(10_000), account, application_fee=connect.platform_fee(usd(10_000), 10)
    )

    assert paid.is_succeeded
    [moved] = rows(models.Transfer)
    assert (moved.amount, moved.destination.id) == (10_000, account.id)
    assert moved.source_charge_processor_id == paid.latest_charge_processor_id
    assert kit.fake.balance(account=account.processor_id) == usd(9000)
    # The charge's own fee, 2.9 % and 30 cents, is the platform's.
    assert kit.fake.balance() == usd(1000 - 320)
    assert entries("transfer") == ["transfer.created"]
    kit.deliver()
    assert entries("transfer") == ["transfer.created"]


def test_an_account_may_get_a_part_in_its_own_name(kit, payer, account):
    connect.destination_charge(
        payer,
        usd(10_000),
        account,
        transfer_amount=usd(7000),
        on_behalf_of=True,
        group="lesson-1",
        description="Lesson",
        metadata={"lesson": "1"},
    )

    [moved] = rows(models.Transfer)
    assert (moved.amount, moved.transfer_group) == (7000, "lesson-1")
    assert kit.fake.balance(account=account.processor_id) == usd(7000)


def test_a_declined_destination_charge_moves_nothing(kit, payer, account):
    kit.fake.fail_next(fault="decline", decline_code="insufficient_funds")

    with pytest.raises(CardError) as declined:
        connect.destination_charge(payer, usd(500), account)

    assert declined.value.decline_code == "insufficient_funds"
    assert rows(models.Transfer) == []
    assert kit.fake.balance(account=account.processor_id) == usd(0)


def test_money_moves_once_the_customer_has_confirmed(kit, org, account):
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    with pytest.raises(ActionRequired) as wanted:
        connect.destination_charge(org, usd(500), account, operation_id="op-1")
    assert rows(models.Transfer) == []

    billing.confirm_payment(wanted.value.row)
    kit.deliver()

    [moved] = rows(models.Transfer)
    assert moved.amount == 500
    assert connect.destination_charge(org, usd(500), account, operation_id="op-1").is_succeeded
    assert len(rows(models.Transfer)) == 1


def test_a_separate_charge_is_shared_among_several(kit, payer, account):
    other = connect.create_account(type="express")
    kit.fake.complete_account(other.processor_id)
    kit.deliver()

    done = connect.separate_charge_and_transfer(
        payer, usd(10_000), [(account, usd(6000)), (other, usd(3000))], group="sale-1"
    )

    assert done.payment.is_succeeded
    assert [(each.amount, each.transfer_group) for each in done.transfers] == [
        (6000, "sale-1"),
        (3000, "sale-1"),
    ]
    assert kit.fake.balance(account=other.processor_id) == usd(3000)
    assert kit.fake.balance() == usd(10_000 - 320 - 9000)


def test_a_separate_charge_that_broke_off_goes_on_where_it_ended(kit, payer, account):
    kit.fake.fail_next("create_transfer", "timeout", when="after")
    asked = (payer, usd(1000), [(account, usd(600))])
    with pytest.raises(ProcessorUnavailable):
        connect.separate_charge_and_transfer(*asked, group="sale-1", operation_id="op-1")

    done = connect.separate_charge_and_transfer(*asked, group="sale-1", operation_id="op-1")

    assert len(done.transfers) == len(rows(models.Transfer)) == 1
    assert len(rows(models.PaymentIntent)) == 1
    assert kit.fake.balance(account=account.processor_id) == usd(600)


@pytest.mark.parametrize("other", [[600, 300], [500], []])
def test_the_same_sale_is_never_shared_otherwise(kit, payer, account, other):
    connect.separate_charge_and_transfer(
        payer, usd(1000), [(account, usd(600))], group="sale-1", operation_id="op-1"
    )
    with pytest.raises(IdempotencyConflict):
        connect.separate_charge_and_transfer(
            payer,
            usd(1000),
            [(account, usd(each)) for each in other],
            group="sale-1",
            operation_id="op-1",
        )
    assert [each.amount for each in rows(models.Transfer)] == [600]


@pytest.mark.only("sqlite")
def test_a_separate_charge_is_shared_as_soon_as_its_payment_has_succeeded(kit, org, account):
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    asked = (org, usd(1000), [(account, usd(600))])
    with pytest.raises(ActionRequired) as waiting:
        connect.separate_charge_and_transfer(*asked, group="sale-1", operation_id="op-1")
    payment = waiting.value.row.processor_id
    kit.deliver()
    kit.fake.confirm_payment(payment, payment_method=None, key="confirmed")
    # The news of the charge itself come later.
    kit.deliver(only="payment_intent.succeeded")
    assert [each for each in rows(models.Charge) if each.is_succeeded] == []

    done = connect.separate_charge_and_transfer(*asked, group="sale-1", operation_id="op-1")

    assert [each.amount for each in done.transfers] == [600]
    assert kit.fake.balance(account=account.processor_id) == usd(600)


@pytest.mark.only("sqlite")
def test_a_separate_charge_whose_payment_was_given_up_is_shared_with_nobody(kit, org, account):
    billing.add_payment_method(org, "pm_card_authenticationRequired")
    asked = (org, usd(1000), [(account, usd(600))])
    with pytest.raises(ActionRequired) as waiting:
        connect.separate_charge_and_transfer(*asked, group="sale-1", operation_id="op-1")
    billing.cancel_payment_intent(waiting.value.row)
    kit.deliver()

    with pytest.raises(InvalidState) as refused:
        connect.separate_charge_and_transfer(*asked, group="sale-1", operation_id="op-1")

    assert refused.value.code in ("payment_canceled", "charge_not_succeeded")
    assert rows(models.Transfer) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"amount": usd(0)}, "amount_invalid"),
        ({"amount": 500}, "amount_invalid"),
        ({"application_fee": usd(501)}, "amount_too_large"),
        ({"application_fee": Money(1, "eur")}, "currency_mismatch"),
        ({"application_fee": usd(1), "transfer_amount": usd(1)}, "parameter_invalid"),
        ({"account": "acct_nobody"}, "account_unknown"),
        ({"account": None}, "account_unknown"),
        ({"metadata": {"accrue_operation": "x"}}, "metadata_invalid"),
    ],
)
def test_a_destination_charge_that_cannot_be_is_refused_before_any_call(
    kit, payer, account, arguments, code
):
    asked = {"amount": usd(500), "account": account, **arguments}

    with pytest.raises(InvalidRequest) as refused:
        connect.destination_charge(payer, **asked)

    assert refused.value.code == code
    assert rows(models.PaymentIntent) == []


def test_a_charge_needs_a_card(kit, org, account):
    with pytest.raises(NoDefaultPaymentMethod):
        connect.destination_charge(org, usd(500), account)


def test_nobody_else_s_card_is_charged(kit, payer, account):
    from tests.host import Organization

    stranger = Organization(name="Bolt", email=None)
    kit.state.db.session.add(stranger)
    kit.state.db.session.commit()
    theirs = billing.add_payment_method(stranger, "pm_card_visa")

    with pytest.raises(Exception, match="card") as refused:
        connect.destination_charge(payer, usd(500), account, payment_method=theirs)

    assert refused.value.code == "not_attached"


def test_transfers_that_add_up_to_more_than_the_charge_are_refused(kit, payer, account):
    parts = [(account, usd(600)), (account, usd(401))]

    with pytest.raises(InvalidRequest) as refused:
        connect.separate_charge_and_transfer(payer, usd(1000), parts, group="sale-1")

    assert refused.value.code == "amount_too_large"
    assert rows(models.PaymentIntent) == []


# -- transfers -----------------------------------------------------------------------------------------


def test_a_transfer_of_the_balance_needs_one(kit, payer, account):
    with pytest.raises(InvalidRequest) as refused:
        connect.transfer(account, usd(100))
    assert refused.value.code == "balance_insufficient"
    billing.charge(payer, usd(1000))

    moved = connect.transfer(account, usd(100), group="bonus", description="Well done")

    assert (moved.amount, moved.transfer_group, moved.description) == (100, "bonus", "Well done")
    assert kit.fake.balance(account=account.processor_id) == usd(100)


def test_no_more_of_a_charge_is_transferred_than_it_brought(kit, payer, account):
    paid = billing.charge(payer, usd(1000))
    [charge] = rows(models.Charge)
    connect.transfer(account, usd(600), charge=charge)

    with pytest.raises(InvalidRequest) as refused:
        connect.transfer(account, usd(401), charge=charge)

    assert refused.value.code == "amount_too_large"
    assert paid.latest_charge_processor_id == charge.processor_id
    with pytest.raises(InvalidRequest, match="USD"):
        connect.transfer(account, Money(1, "eur"), charge=charge)


def test_of_an_account_s_own_charge_nothing_is_transferred(kit, payer, account, there):
    other = connect.create_account(type="express")
    kit.fake.complete_account(other.processor_id)
    kit.deliver()
    billing.charge(there, usd(1000))
    [charge] = rows(models.Charge)

    with pytest.raises(InvalidState) as refused:
        connect.transfer(other, usd(100), charge=charge)

    assert refused.value.code == "other_account"


def test_a_transfer_is_taken_back_in_parts(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account, application_fee=usd(100))
    [moved] = rows(models.Transfer)

    part = connect.reverse_transfer(moved, usd(400), refund_application_fee=True)
    assert (part.amount_reversed, part.amount_left, part.is_reversed) == (400, 600, False)
    assert kit.fake.balance(account=account.processor_id) == usd(1000 - 400 - 60)
    whole = connect.reverse_transfer(moved)
    assert whole.is_reversed
    assert entries("transfer") == ["transfer.created", "transfer.reversed", "transfer.reversed"]

    with pytest.raises(InvalidState) as refused:
        connect.reverse_transfer(moved)
    assert refused.value.code == "transfer_already_reversed"
    kit.deliver()
    assert rows(models.Transfer)[0].amount_reversed == 1000


def test_taking_back_more_than_is_left_is_refused(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account)
    [moved] = rows(models.Transfer)

    for amount in (usd(1001), Money(1, "eur"), usd(0)):
        with pytest.raises(InvalidRequest):
            connect.reverse_transfer(moved, amount)
    assert rows(models.Transfer)[0].amount_reversed == 0


def test_the_same_operation_takes_back_once(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account)
    [moved] = rows(models.Transfer)
    kit.fake.fail_next("reverse_transfer", "timeout", when="after")
    with pytest.raises(ProcessorUnavailable):
        connect.reverse_transfer(moved, usd(400), operation_id="op-1")

    again = connect.reverse_transfer(moved, usd(400), operation_id="op-1")

    assert again.amount_reversed == 400


def test_taking_back_all_whose_answer_was_lost_is_done_once_whatever_was_told_meanwhile(
    kit, payer, account
):
    connect.destination_charge(payer, usd(1000), account)
    kit.deliver()
    [moved] = rows(models.Transfer)
    kit.fake.fail_next("reverse_transfer", "timeout", when="after")
    with pytest.raises(ProcessorUnavailable):
        connect.reverse_transfer(moved, operation_id="op-1")
    kit.deliver()
    [moved] = rows(models.Transfer)
    assert moved.is_reversed

    again = connect.reverse_transfer(moved, operation_id="op-1")

    assert again.amount_reversed == 1000
    assert kit.fake.balance(account=account.processor_id) == usd(0)
    [operation] = [each for each in rows(models.Operation) if each.id == "op-1"]
    assert operation.state == "done"


def test_an_account_without_the_capability_gets_nothing(kit, payer):
    new = connect.create_account(type="express")

    with pytest.raises(InvalidRequest) as refused:
        connect.destination_charge(payer, usd(500), new)

    assert refused.value.code == "insufficient_capabilities_for_transfer"


@pytest.mark.parametrize(
    ("currency", "there"), [("jpy", 107_975), ("kwd", 107_980), ("huf", 107_975), ("isk", 108_000)]
)
def test_currencies_of_other_decimals_are_shared_as_they_can_be_paid(
    kit, payer, account, currency, there
):
    whole = Money(123_400, currency)

    connect.destination_charge(
        payer, whole, account, application_fee=connect.platform_fee(whole, "12.5")
    )

    assert kit.fake.balance(currency, account=account.processor_id) == Money(there, currency)


# -- giving back -----------------------------------------------------------------------------------


def only_charge() -> models.Charge:
    [charge] = rows(models.Charge)
    return charge


def test_a_refund_is_the_platforms_alone_unless_it_says_otherwise(kit, payer, account):
    connect.destination_charge(payer, usd(10_000), account, application_fee=usd(1000))
    assert (only_charge().application_fee, only_charge().transfer.amount) == (1000, 10_000)

    billing.refund(only_charge(), usd(5000))

    assert kit.fake.balance(account=account.processor_id) == usd(9000)
    assert kit.fake.balance() == usd(1000 - 320 - 5000)


def test_a_refund_takes_back_the_transfer_and_gives_back_the_fee_in_proportion(kit, payer, account):
    connect.destination_charge(payer, usd(10_000), account, application_fee=usd(1000))

    billing.refund(only_charge(), usd(2500), reverse_transfer=True, refund_application_fee=True)

    [moved] = rows(models.Transfer)
    assert moved.amount_reversed == 2500
    assert kit.fake.balance(account=account.processor_id) == usd(9000 - 2500 + 250)
    assert entries("transfer") == ["transfer.created", "transfer.reversed"]
    billing.refund(only_charge(), reverse_transfer=True, refund_application_fee=True)
    assert kit.fake.balance(account=account.processor_id) == usd(0)
    assert kit.fake.balance() == usd(-320)
    kit.deliver()
    assert entries("transfer") == ["transfer.created", "transfer.reversed", "transfer.reversed"]
    kit.assert_settled()


@pytest.mark.parametrize(
    ("parts", "fee"), [((333, 333, 334), 77), ((1, 998, 1), 77), ((300, 300, 400), 1)]
)
def test_parts_of_a_refund_add_up_to_all_that_was_shared(kit, payer, account, parts, fee):
    connect.destination_charge(payer, usd(1000), account, application_fee=usd(fee))

    for part in parts:
        billing.refund(only_charge(), usd(part), reverse_transfer=True, refund_application_fee=True)

    assert rows(models.Transfer)[0].is_reversed
    assert kit.fake.balance(account=account.processor_id) == usd(0)


def test_of_a_transfer_smaller_than_its_charge_the_same_part_comes_back(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account, transfer_amount=usd(1))

    back = []
    for part in (300, 300, 400):
        billing.refund(only_charge(), usd(part), reverse_transfer=True)
        back.append(rows(models.Transfer)[0].amount_reversed)

    assert back == [0, 1, 1]


def test_the_transfer_alone_leaves_the_fee_with_the_platform(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account, application_fee=usd(100))

    billing.refund(only_charge(), reverse_transfer=True)

    assert kit.fake.balance(account=account.processor_id) == usd(-100)


def test_the_fee_of_a_direct_charge_is_given_back_to_its_account(kit, org, account):
    with connect.account(account.processor_id):
        billing.add_payment_method(org, "pm_card_visa")
        connect.direct_charge(org, usd(1000), application_fee=usd(100))

    billing.refund(only_charge(), usd(500), refund_application_fee=True)

    assert kit.fake.balance() == usd(50)


def test_what_a_charge_has_not_shared_is_not_given_back(kit, payer, account):
    connect.separate_charge_and_transfer(payer, usd(1000), [(account, usd(600))], group="sale-1")
    for options in ({"reverse_transfer": True}, {"refund_application_fee": True}):
        with pytest.raises(InvalidState) as refused:
            billing.refund(only_charge(), **options)
        assert refused.value.code == "charge_not_shared"
    assert rows(models.Refund) == []
    assert billing.refund(only_charge()).is_succeeded


def test_the_fee_of_a_destination_charge_goes_back_with_the_transfer_only(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account, application_fee=usd(100))

    with pytest.raises(InvalidRequest) as refused:
        billing.refund(only_charge(), refund_application_fee=True)

    assert (refused.value.code, refused.value.param) == ("parameter_missing", "reverse_transfer")
    assert rows(models.Refund) == []


def test_the_same_refund_with_other_options_is_another_one(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account)
    billing.refund(only_charge(), usd(100), operation_id="op-1")

    with pytest.raises(IdempotencyConflict):
        billing.refund(only_charge(), usd(100), reverse_transfer=True, operation_id="op-1")


def test_a_fee_of_nothing_is_none_to_give_back(kit, payer, account):
    connect.destination_charge(payer, usd(1000), account, application_fee=usd(0))

    with pytest.raises(InvalidState) as refused:
        billing.refund(only_charge(), reverse_transfer=True, refund_application_fee=True)

    assert refused.value.code == "charge_not_shared"
    assert rows(models.Refund) == []


@pytest.mark.parametrize("name", ["application_fee", "transfer_amount"])
def test_parts_of_a_charge_can_be_paid(kit, payer, account, name):
    whole = Money(100_000, "isk")

    with pytest.raises(InvalidRequest) as refused:
        connect.destination_charge(payer, whole, account, **{name: Money(2912, "isk")})

    assert (refused.value.code, refused.value.param) == ("amount_not_payable", name)
    assert rows(models.PaymentIntent) == []


def test_what_a_refund_takes_back_can_be_paid(kit, payer, account):
    whole = Money(100_000, "isk")
    fee = connect.platform_fee(whole, "2.9123")
    assert fee == Money(2900, "isk")
    connect.destination_charge(payer, whole, account, application_fee=fee)
    there = kit.fake.balance("isk", account=account.processor_id)

    for part in (33_300, 33_300, 33_400):
        billing.refund(
            only_charge(),
            Money(part, "isk"),
            reverse_transfer=True,
            refund_application_fee=True,
        )
        now = kit.fake.balance("isk", account=account.processor_id)
        (there - now).require_payable()
        there = now

    assert there == Money(0, "isk")


def test_a_sale_under_the_longest_id_is_shared(kit, payer, account):
    for _ in range(2):
        done = connect.separate_charge_and_transfer(
            payer, usd(1000), [(account, usd(600))], group="sale-1", operation_id="x" * 255
        )
        assert [each.amount for each in done.transfers] == [600]
    assert len(rows(models.Transfer)) == 1
