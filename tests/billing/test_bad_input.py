from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from flask_accrue import Money, billing, errors, models
from flask_accrue.operations import operation
from tests.host import Organization

if TYPE_CHECKING:
    from flask_accrue.testing import Kit

SUBSCRIBING: dict[str, dict[str, Any]] = {
    "a naive trial": {"trial": datetime.datetime(2027, 1, 1)},  # noqa: DTZ001 - the mistake
    "a trial in days": {"trial": 14},
    "a trial that is over": {"trial": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)},
    "a trial of nothing": {"trial": datetime.timedelta()},
    "a trial without an end": {"trial": datetime.timedelta(days=999_999_999)},
    "a naive anchor": {"billing_cycle_anchor": datetime.datetime(2027, 1, 1)},  # noqa: DTZ001
    "a negative quantity": {"quantity": -1},
    "half a seat": {"quantity": 1.5},
    "a boolean quantity": {"quantity": True},
    "an empty name": {"name": ""},
    "a long name": {"name": "x" * 101},
    "a name with a NUL": {"name": "a\0b"},
    "a price that is no string": {"price": 1900},
    "nested metadata": {"metadata": {"a": {"b": "c"}}},
    "metadata of ours": {"metadata": {"accrue_owner": "Organization:2"}},
    "a card that is none": {"payment_method": 4242},
    "an unknown collection": {"collection_method": "by pigeon"},
    "an empty operation id": {"operation_id": ""},
    "an operation id with a NUL": {"operation_id": "a\0b"},
    "an operation id that is no string": {"operation_id": 7},
}


def _operations(kit: Kit) -> int:
    return len(kit.state.db.session.scalars(sa.select(models.Operation.id)).all())


@pytest.mark.parametrize("wrong", SUBSCRIBING)
def test_wrong_arguments_are_refused_before_anything_is_asked_or_stored(
    kit: Kit, payer: Organization, calls: list[str], wrong: str
) -> None:
    before = _operations(kit)
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.subscribe(payer, **{"price": "price_pro", **SUBSCRIBING[wrong]})
    assert raised.value.code
    assert calls == []
    assert _operations(kit) == before
    # And the session is as good as before.
    assert billing.subscribe(payer, "price_pro").is_active


def test_an_unknown_price_leaves_nothing_behind(kit: Kit, payer: Organization) -> None:
    with pytest.raises(errors.InvalidRequest):
        billing.subscribe(payer, "price_nothing")
    assert billing.list_subscriptions(payer) == []
    assert billing.subscribe(payer, "price_pro").is_active


def test_a_foreign_currency_is_refused_before_any_remote_call(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    kit.price("price_euro", 1900, "eur")
    org = kit.state.db.session.scalars(sa.select(Organization)).one()
    acts: list[Any] = [
        lambda: billing.subscribe(org, "price_euro", name="second"),
        lambda: billing.swap_plan(subscription, "price_euro", proration="none"),
        lambda: billing.charge(org, Money(500, "eur")),
        lambda: billing.refund(billing.list_charges(org)[0], Money(500, "eur")),
    ]
    calls.clear()
    for act in acts:
        with pytest.raises(errors.InvalidRequest) as raised:
            act()
        assert raised.value.code == "currency_mismatch"
    assert calls == []


@pytest.mark.parametrize("amount", [0, -500])
def test_only_money_above_zero_is_charged(
    kit: Kit, payer: Organization, calls: list[str], amount: int
) -> None:
    with pytest.raises(errors.InvalidRequest):
        billing.charge(payer, Money(amount, "usd"))
    assert calls == []


@pytest.mark.parametrize("amount", [500, 5.0, "5", None])
def test_an_amount_without_a_currency_is_refused(
    kit: Kit, subscription: models.Subscription, calls: list[str], amount: Any
) -> None:
    org = kit.state.db.session.scalars(sa.select(Organization)).one()
    with pytest.raises(errors.InvalidRequest):
        billing.charge(org, amount)
    if amount is not None:
        with pytest.raises(errors.InvalidRequest):
            billing.refund(billing.list_charges(org)[0], amount)
    assert calls == []


def test_another_customers_card_is_not_attached(
    kit: Kit, payer: Organization, calls: list[str]
) -> None:
    other = Organization(name="Other", email=None)
    kit.state.db.session.add(other)
    kit.state.db.session.commit()
    foreign = billing.add_payment_method(other, "pm_card_visa")
    calls.clear()
    acts: list[Any] = [
        lambda: billing.subscribe(payer, "price_pro", payment_method=foreign),
        lambda: billing.charge(payer, Money(500, "usd"), payment_method=foreign),
        lambda: billing.set_default_payment_method(payer, foreign),
    ]
    for act in acts:
        with pytest.raises(errors.NotAttached):
            act()
    assert calls == []
    with pytest.raises(errors.InvalidRequest):
        billing.add_payment_method(payer, foreign.processor_id)


def test_an_unknown_field_of_a_customer_is_named(kit: Kit, payer: Organization) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.update_customer(payer, phone="1")
    assert raised.value.param == "phone"


@pytest.mark.parametrize("name", ["name", "email", "preferred_locale"])
@pytest.mark.parametrize("value", ["a\0b", "a\ud800b"])
def test_what_no_database_holds_is_refused_of_a_customer(
    kit: Kit, payer: Organization, calls: list[str], name: str, value: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.update_customer(payer, **{name: value})
    assert (raised.value.code, raised.value.param) == ("parameter_invalid", name)
    assert calls == []


@pytest.mark.parametrize("id", ["", 7, None, "x" * 201])
def test_a_block_needs_a_proper_id(kit: Kit, id: Any) -> None:
    with pytest.raises(errors.InvalidRequest), operation(id):
        pass


@pytest.mark.parametrize(
    "data", [{"a": float("nan")}, {"a": object()}, {"a": "\0"}, {"a": "\ud800"}]
)
def test_data_that_no_database_holds_is_refused(
    kit: Kit, payer: Organization, data: dict[str, Any]
) -> None:
    row = billing.customer(payer)
    for act in (billing.put_data, billing.patch_data):
        with pytest.raises(errors.InvalidRequest):
            act(row, data)
    assert billing.put_data(row, {"a": 1}).data == {"a": 1}


@pytest.mark.parametrize("wrong", [b"bytes", datetime.date(2027, 1, 1), "a\0b", "\ud800"])
def test_what_cannot_be_kept_is_refused_and_leaves_the_session_as_it_was(
    kit: Kit, payer: Organization, calls: list[str], wrong: Any
) -> None:
    before = _operations(kit)
    for ask in (
        lambda: billing.charge(payer, Money(500, "usd"), description=wrong),
        lambda: billing.create_coupon(percent_off=10, name=wrong),
        lambda: billing.create_checkout_session(
            payer, "price_pro", success_url="/done", client_reference_id=wrong
        ),
    ):
        with pytest.raises(errors.InvalidRequest):
            ask()
    assert calls == []
    assert _operations(kit) == before
    assert billing.charge(payer, Money(500, "usd"), description="\\u0000").is_succeeded


def test_amounts_of_a_coupon_in_other_currencies_are_checked_before_any_call(
    kit: Kit, calls: list[str]
) -> None:
    coupon = billing.create_coupon(amount_off=Money(500, "usd"))
    calls.clear()
    eur = Money(400, "eur")
    for wrong in ([Money(-5, "eur")], [Money(1501, "kwd")], [eur, eur], [400]):
        with pytest.raises(errors.InvalidRequest):
            billing.update_coupon(coupon, other_amounts=wrong)  # type: ignore[arg-type]
    assert calls == []


def test_a_pause_that_is_over_is_refused_before_any_call(
    kit: Kit, subscription: models.Subscription, calls: list[str]
) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        billing.pause(subscription, resumes_at=kit.now)
    assert raised.value.param == "resumes_at"
    assert calls == []


@pytest.mark.parametrize("change", [billing.put_data, billing.patch_data])
def test_data_is_a_mapping(subscription: models.Subscription, change: Any) -> None:
    for wrong in ([1], "text", {1: 2}):
        with pytest.raises(errors.InvalidRequest) as raised:
            change(subscription, wrong)
        assert raised.value.code == "data_invalid"
