"""What a connected account sells: mirrored as its own, also where the ids are the platform's, too."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from flask_accrue import billing, connect, models
from flask_accrue.errors import InvalidRequest
from flask_accrue.money import Money
from flask_accrue.state import current_state
from tests.connect.conftest import rows


@pytest.fixture
def shop(kit, account):
    """Give the Fake as the account has it, which sells the platform's plan in euros, and cheaper."""
    theirs = kit.fake.of_account(account.processor_id)
    theirs.create_product("Lessons", id="prod_price_pro")
    theirs.create_price("prod_price_pro", Money(700, "eur"), id="price_pro")
    billing.sync_catalog()
    with connect.account(account.processor_id):
        assert billing.sync_catalog() == 2
    return theirs


def prices(id: str) -> dict[str | None, models.Price]:
    """Return the prices of an id, by their accounts."""
    return {each.account: each for each in rows(models.Price) if each.processor_id == id}


def test_what_an_account_sells_is_listed_there_alone(account, shop):
    here = {each.processor_id: each for each in billing.list_prices()}
    with connect.account(account.processor_id):
        theirs = billing.list_prices()
        [product] = billing.list_products()

    assert [each.money for each in theirs] == [Money(700, "eur")]
    assert theirs[0].product == product
    assert product.name == "Lessons"
    assert here["price_pro"].currency == "usd"
    assert here["price_pro"].product.name != "Lessons"


def test_a_subscription_in_an_account_has_the_account_s_price(kit, account, payer, there):
    made = billing.subscribe(there, "price_pro")
    elsewhere = billing.subscribe(payer, "price_pro")
    kit.deliver()

    both = prices("price_pro")
    assert [each.price for each in made.items] == [both[account.processor_id]]
    assert [each.price for each in elsewhere.items] == [both[None]]
    [joined] = rows_with_prices(made)
    assert joined.price.money == Money(700, "eur")


def rows_with_prices(subscription: models.Subscription) -> list[models.SubscriptionItem]:
    """Return its items, read together with their prices."""
    session = current_state().db.session
    session.expire_all()
    items = models.SubscriptionItem
    statement = sa.select(items).where(items.subscription_id == subscription.id)
    return list(session.scalars(statement.options(orm.joinedload(items.price))))


def test_what_is_known_of_a_price_is_what_is_known_where_its_customer_is(kit, there, shop):
    billing.subscribe(there, "price_pro")
    kit.fake.create_product("Cloud", id="prod_cloud")
    kit.fake.create_price("prod_cloud", Money(100, "usd"), id="price_cloud", usage_type="metered")
    shop.create_product("Cloud", id="prod_cloud")
    shop.create_price("prod_cloud", Money(100, "eur"), id="price_cloud")
    shop.create_price("prod_cloud", Money(100, "usd"), id="price_dollars")
    kit.deliver()

    # The platform's is metered and has no quantity; and it's in dollars.
    second = billing.subscribe(there, "price_cloud", quantity=3, name="second")
    assert second.items[0].quantity == 3
    with pytest.raises(InvalidRequest) as refused:
        billing.subscribe(there, "price_dollars", name="third")
    assert refused.value.code == "currency_mismatch"


def test_news_of_what_an_account_sells_change_its_own_rows(kit, account, shop):
    shop.deactivate_price("price_pro")
    kit.deliver()

    both = prices("price_pro")
    assert (both[None].active, both[account.processor_id].active) == (True, False)
    assert billing.sync(both[account.processor_id]).active is False
