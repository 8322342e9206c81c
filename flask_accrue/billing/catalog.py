"""What is sold: reading the mirrored catalog, and fetching it whole."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from .. import account_scope, mirror, models
from ..errors import ConfigError
from ..origins import Origin, current_actor
from ..processors import objects
from ..state import current_state
from ..unit_of_work import SYSTEM_CHAINS, UnitOfWork, write
from .perform import seen, settle_session


def list_products(processor: str | None = None, *, active: bool = True) -> list[models.Product]:
    """Return the mirrored products by name. Never calls the processor.

    They are the platform's, inside ``connect.account(id)`` that account's.
    """
    products = models.Product
    statement = sa.select(products).where(
        products.processor == current_state().processor(processor).name,
        products.account_key == (account_scope.current_account() or ""),
    )
    if active:
        statement = statement.where(products.active, products.deleted_at.is_(None))
    statement = statement.order_by(products.name, products.id)
    return list(current_state().db.session.scalars(statement.execution_options(autoflush=False)))


def list_prices(processor: str | None = None, *, active: bool = True) -> list[models.Price]:
    """Return the mirrored prices with their products, cheapest first. Never calls the processor.

    They are the platform's, inside ``connect.account(id)`` that account's.
    """
    prices = models.Price
    statement = (
        sa.select(prices)
        .options(orm.joinedload(prices.product))
        .where(
            prices.processor == current_state().processor(processor).name,
            prices.account_key == (account_scope.current_account() or ""),
        )
    )
    if active:
        statement = statement.where(prices.active, prices.deleted_at.is_(None))
    statement = statement.order_by(prices.unit_amount, prices.id)
    return list(current_state().db.session.scalars(statement.execution_options(autoflush=False)))


def sync_catalog(processor: str | None = None) -> int:
    """Fetch all products and prices from the processor, and write what it says; inside
    ``connect.account(id)`` those of that account.

    :returns: how many there are.
    """
    account = account_scope.current_account()
    settle_session()
    gateway = current_state().processor(processor).of_account(account)
    before = seen(
        *list_products(gateway.name, active=False), *list_prices(gateway.name, active=False)
    )
    current_state().db.session.rollback()
    answer = gateway.list_catalog()
    source = mirror.Source.of_answer(answer)

    def work(uow: UnitOfWork) -> None:
        uow.lock_systems(SYSTEM_CHAINS)
        for obj in answer.objects:
            if not isinstance(obj, objects.Product | objects.Price):
                raise ConfigError(f"{gateway.name} listed a {obj.kind} in its catalog.")
            row = uow.find(models.MIRRORED[obj.kind], gateway.name, obj.processor_id, account)
            if mirror.may_write(
                row, before.get((obj.kind, obj.processor_id), mirror.UNSEEN), source
            ):
                mirror.write_catalog(uow, gateway.name, obj, source, account)

    write(work, origin=Origin(current_actor()))
    return len(answer.objects)
