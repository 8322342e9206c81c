"""Every operation on a row of a connected account is carried out there, outside any block, too."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from flask_accrue import billing, connect
from tests.faults.operation_table import OPERATIONS
from tests.faults.shop import Shop
from tests.processors.stripe.stripe_bodies import sample
from tests.processors.stripe.stripe_host import org

if t.TYPE_CHECKING:
    from tests.host import Organization
    from tests.oracles.stripe_server import ContractServer

__all__ = ["org"]

ACCOUNT: t.Final = "acct_1"

#: Operations that a row alone is given.
OF_A_ROW: t.Final = (
    "update_payment_method",
    "remove_payment_method",
    "set_subscription_payment_method",
    "swap_plan",
    "update_quantity",
    "increment",
    "decrement",
    "add_item",
    "remove_item",
    "cancel",
    "cancel_at_period_end",
    "cancel_at",
    "resume",
    "pause",
    "extend_trial",
    "end_trial",
    "set_automatic_tax",
    "schedule_subscription",
    "update_schedule",
    "release_schedule",
    "cancel_schedule",
    "expire_checkout_session",
    "complete_checkout_session",
    "complete_checkout_session of a subscription",
    "refund",
    "pay_invoice",
    "retry_payment",
    "confirm_payment",
    "capture",
    "cancel_payment_intent",
    "confirm_setup_intent",
    "cancel_setup_intent",
    "add_invoice_item",
    "remove_invoice_item",
    "finalize_invoice",
    "send_invoice",
    "void_invoice",
    "mark_uncollectible",
    "create_credit_note",
    "void_credit_note",
    "remove_tax_id",
    "update_coupon",
    "delete_coupon",
    "activate_promotion_code",
    "deactivate_promotion_code",
    "apply_coupon",
    "apply_promotion_code",
    "remove_discount",
    "comp_subscription",
)
#: Those that a billable is given, which acts as a customer of the account inside its block.
OF_AN_OWNER: t.Final = (
    "create_customer",
    "customer",
    "update_customer",
    "add_payment_method",
    "set_default_payment_method",
    "use_payment_method",
    "subscribe",
    "subscribe_via_schedule",
    "create_checkout_session",
    "charge",
    "create_payment_intent",
    "create_setup_intent",
    "create_invoice",
    "adjust_balance",
    "update_customer_tax_location",
    "set_tax_exempt",
    "add_tax_id",
    "create_coupon",
    "create_promotion_code",
)


@pytest.fixture
def shop(org: Organization, stripe_server: ContractServer) -> Shop:
    """Give a host whose organization is a customer of the account alone, with a card."""
    stripe_server.prime(sample("product", id="prod_1", name="Pro"), account=ACCOUNT)
    for id in ("price_pro", "price_team"):
        monthly = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
        price = sample("price", id=id, product="prod_1", recurring=monthly)
        stripe_server.prime(price, account=ACCOUNT)
    stripe_server.prime(sample("account", id=ACCOUNT))
    connect.fetch_account(ACCOUNT)
    with connect.account(ACCOUNT):
        billing.add_payment_method(org, "pm_card_visa")
    return Shop(org, stripe_server, ACCOUNT)


def test_billing_finds_a_rows_processor_in_one_way_alone() -> None:
    elsewhere = [
        path.name
        for path in Path(billing.__file__).parent.glob("*.py")
        if re.search(r"\.processor\(\w+\.processor\)", path.read_text(encoding="utf-8"))
    ]
    assert elsewhere == []


def test_each_operation_is_tried() -> None:
    # A name in words is an operation in another way.
    assert {name for name in OPERATIONS if " " not in name} == {
        *(name for name in OF_A_ROW if " " not in name),
        *OF_AN_OWNER,
    }


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", OF_A_ROW)
def test_what_is_done_with_a_row_is_done_in_its_account(shop: Shop, name: str) -> None:
    operation = OPERATIONS[name]
    with connect.account(ACCOUNT):
        operation.prepare(shop)
    before = len(shop.server.requests)

    operation.run(shop, "op-1")

    asked = shop.server.requests[before:]
    assert asked
    assert {each.account for each in asked} == {ACCOUNT}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("name", OF_AN_OWNER)
def test_what_is_done_for_an_owner_in_an_accounts_block_is_done_there(
    shop: Shop, name: str
) -> None:
    operation = OPERATIONS[name]
    before = len(shop.server.requests)

    with connect.account(ACCOUNT):
        operation.prepare(shop)
        operation.run(shop, "op-1")

    asked = shop.server.requests[before:]
    assert asked
    assert {each.account for each in asked} == {ACCOUNT}
