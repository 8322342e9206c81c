"""Customers and payment methods."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .. import models
from ..billable import billable_types, may_be_key
from ..ids import new_id
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, draft, earlier, record
from .discounts import note_redemptions, stored_discounts
from .freshness import Source

#: The key of a customer's metadata at the processor that says whose it is: ``Type:id``.
OWNER_KEY: t.Final = "accrue_owner"

# As much as a customer's column has for it.
_LONGEST_ID: t.Final = 255


def create_customer(
    uow: UnitOfWork,
    processor: str,
    obj: objects.Customer,
    source: Source,
    *,
    owner_type: str,
    owner_id: str,
    generation: int,
    account: str | None = None,
) -> models.Customer:
    """Write a new customer for an owner, with a chain of its own in the ledger.

    :param account: the connected account where the customer is, ``None``: on the platform.
    """
    made = draft(
        uow,
        models.Customer,
        processor,
        obj,
        source,
        _values(obj, None),
        row=None,
        id=new_id(),
        owner_type=owner_type,
        owner_id=owner_id,
        account=account,
        owner_key=owner_key(owner_type, owner_id, account),
        generation=generation,
    )
    uow.open_chain(made.row)
    record(uow, "customer", "created", made, made.row)
    note_redemptions(uow, made.row, obj.discounts)
    return made.row


def adopt_customer(
    uow: UnitOfWork,
    processor: str,
    obj: objects.Customer,
    source: Source,
    owner_type: str,
    owner_id: str,
) -> models.Customer | None:
    """Write a customer that the processor has and we don't; ``None`` when its owner has another here."""
    generation = _next_generation(uow, processor, (owner_type, owner_id), obj.processor_id)
    if generation is None:
        return None
    return create_customer(
        uow,
        processor,
        obj,
        source,
        owner_type=owner_type,
        owner_id=owner_id,
        generation=generation,
    )


def claim_customer(
    uow: UnitOfWork, processor: str, processor_id: str, owner_type: str, owner_id: str
) -> models.Customer | None:
    """Write a customer of which nothing is known but whose it is; ``None`` when its owner has another here.

    Anything that's told of it is newer.
    """
    generation = _next_generation(uow, processor, (owner_type, owner_id), processor_id)
    if generation is None:
        return None
    row = models.Customer(
        id=new_id(),
        processor=processor,
        processor_id=processor_id,
        owner_type=owner_type,
        owner_id=owner_id,
        owner_key=owner_key(owner_type, owner_id),
        generation=generation,
        balance=0,
        meta={},
        raw={},
        data={},
    )
    uow.add(row)
    uow.open_chain(row)
    record(uow, "customer", "created", Draft(row, created=True), row)
    return row


def _next_generation(
    uow: UnitOfWork, processor: str, owner: tuple[str, str], processor_id: str
) -> int | None:
    """Return the number of a customer that an owner is to have, or ``None`` when it has one."""
    if (_Earlier, processor, owner) not in uow.kept:
        read_owners_ahead(uow, processor, [owner])
    earlier: _Earlier = uow.kept[_Earlier, processor, owner]
    if earlier.living is not None:
        return None
    generation = earlier.generation + 1
    uow.kept[_Earlier, processor, owner] = _Earlier(processor_id, generation)
    return generation


def living_customer(uow: UnitOfWork, processor: str, owner: tuple[str, str]) -> str | None:
    """Return the processor's id of the customer that an owner has."""
    if (_Earlier, processor, owner) not in uow.kept:
        read_owners_ahead(uow, processor, [owner])
    earlier: _Earlier = uow.kept[_Earlier, processor, owner]
    return earlier.living


class _Earlier(t.NamedTuple):
    """The customers that an owner has had so far: which one lives, and the last one's generation."""

    living: str | None
    generation: int


def read_owners_ahead(
    uow: UnitOfWork, processor: str, owners: c.Collection[tuple[str, str]]
) -> None:
    """Read which customers several owners have, and have had."""
    customers = models.Customer
    by_type: dict[str, set[str]] = {}
    for owner_type, owner_id in owners:
        by_type.setdefault(owner_type, set()).add(owner_id)
        uow.kept[_Earlier, processor, (owner_type, owner_id)] = _Earlier(None, 0)
    for owner_type, ids in by_type.items():
        found = uow.execute(
            sa.select(
                customers.owner_id,
                customers.owner_key,
                customers.generation,
                customers.processor_id,
            ).where(
                customers.processor == processor,
                customers.owner_type == owner_type,
                customers.owner_id.in_(sorted(ids)),
            )
        )
        for owner_id, key, generation, processor_id in map(tuple, found):
            name = (_Earlier, processor, (owner_type, owner_id))
            known: _Earlier = uow.kept[name]
            lives = key == owner_key(owner_type, owner_id)
            living = processor_id if lives else known.living
            uow.kept[name] = _Earlier(living, max(known.generation, generation))


def named_owner(obj: objects.Customer) -> tuple[str, str] | None:
    """Return the owner's type and id that a customer's metadata names, if it's a billable of this app."""
    owner_type, _, owner_id = obj.metadata.get(OWNER_KEY, "").partition(":")
    model = billable_types().get(owner_type)
    if model is None or not 0 < len(owner_id) <= _LONGEST_ID or not may_be_key(model, owner_id):
        return None
    return owner_type, owner_id


def write_customer(
    uow: UnitOfWork, customer: models.Customer, obj: objects.Customer, source: Source
) -> None:
    """Write a customer that we have; a deleted one takes its subscriptions and cards with it."""
    if obj.deleted:
        mark_customer_deleted(uow, customer, source)
        return
    values = _values(obj, customer.discounts)
    made = draft(uow, models.Customer, customer.processor, obj, source, values, row=customer)
    default = None
    if obj.default_payment_method is not None and not customer.is_deleted:
        default = uow.find(models.PaymentMethod, customer.processor, obj.default_payment_method)
    _set_default(made, default)
    if made.is_change:
        record(uow, "customer", "updated", made, customer)
    note_redemptions(uow, customer, obj.discounts)


def mark_customer_deleted(uow: UnitOfWork, customer: models.Customer, source: Source) -> None:
    """Keep the customer as deleted: its subscriptions end, its cards go, its owner is free again.

    What was known of it stays, and how fresh that is, so that older news which come later are still told
    from newer ones.
    """
    from .subscriptions import end_subscription

    before = customer.deleted_at
    since = earlier(before, source.fresh_to)
    made = Draft(customer, created=False)
    made.set(deleted_at=since, owner_key=None, default_payment_method_id=None)
    for subscription in uow.scalars(
        sa.select(models.Subscription).where(models.Subscription.customer_id == customer.id)
    ).all():
        end_subscription(uow, customer, subscription, since, instead_of=before)
    for method in uow.scalars(
        sa.select(models.PaymentMethod).where(models.PaymentMethod.customer_id == customer.id)
    ).all():
        detach_payment_method(uow, customer, method, since, instead_of=before)
    if made.is_change:
        record(uow, "customer", "deleted", made, customer)


def write_payment_method(
    uow: UnitOfWork, customer: models.Customer, obj: objects.PaymentMethod, source: Source
) -> models.PaymentMethod:
    """Write a card; one that the processor detached stays, and stops being the default."""
    row = uow.find(models.PaymentMethod, customer.processor, obj.processor_id)
    made = draft(
        uow,
        models.PaymentMethod,
        customer.processor,
        obj,
        source,
        {
            "type": obj.type,
            "brand": obj.brand,
            "last4": obj.last4,
            "exp_month": obj.exp_month,
            "exp_year": obj.exp_year,
            "fingerprint": obj.fingerprint,
        },
        row=row,
        id=new_id(),
        customer_id=customer.id,
    )
    if obj.deleted or obj.customer is None:
        made.set(detached_at=earlier(made.row.detached_at, source.fresh_from))
    elif customer.deleted_at is not None and made.row.detached_at is None:
        made.set(detached_at=customer.deleted_at)
    gone = made.row.detached_at is not None
    if made.is_change:
        verb = "updated"
        if made.created or "detached_at" in made.after:
            verb = "detached" if gone else "attached"
        record(uow, "payment_method", verb, made, customer)
    if made.created and not gone:
        if uow.gathers:
            # The customer's row can't refer to it before it's there.
            uow.kept.setdefault(_ADOPT, []).append((customer, made.row))
        else:
            uow.flush()
            _adopt_default(uow, customer, made.row)
    if gone:
        _drop_default(uow, customer, made.row)
    return made.row


def detach_payment_method(
    uow: UnitOfWork,
    customer: models.Customer,
    row: models.PaymentMethod,
    since: datetime.datetime,
    *,
    instead_of: datetime.datetime | None = None,
) -> None:
    """Note that the processor no longer has a card.

    :param instead_of: a time that was noted for the same reason, before the right one was known.
    """
    made = Draft(row, created=False)
    if row.detached_at in (None, instead_of):
        made.set(detached_at=since)
    if made.is_change:
        record(uow, "payment_method", "detached", made, customer)
    _drop_default(uow, customer, row)


def owner_key(owner_type: str, owner_id: str, account: str | None = None) -> str:
    """Return what is unique among the living customers of a processor, all its accounts included."""
    named = f"{owner_type}:{owner_id}"
    return named if account is None else f"{account}/{named}"


def _values(obj: objects.Customer, discounts: list[dict[str, t.Any]] | None) -> dict[str, object]:
    return {
        "name": obj.name,
        "email": obj.email,
        "preferred_locale": obj.preferred_locale,
        "currency": obj.currency,
        "balance": obj.balance,
        "discounts": stored_discounts(obj.discounts, discounts),
        "country": obj.country,
        "tax_exempt": obj.tax_exempt,
    }


def _set_default(made: Draft[models.Customer], method: models.PaymentMethod | None) -> None:
    usable = method is not None and method.is_attached
    made.set(default_payment_method_id=method.id if usable and method is not None else None)


def adopt_gathered(uow: UnitOfWork) -> None:
    """Make cards the default that waited until rows were inserted that had been gathered."""
    waiting: list[tuple[models.Customer, models.PaymentMethod]] = uow.kept.pop(_ADOPT, [])
    by_processor: dict[str, set[str]] = {}
    for customer, _ in waiting:
        by_processor.setdefault(customer.processor, set()).add(customer.processor_id)
    for processor, ids in by_processor.items():
        # With the objects as they came, which say what the default is.
        uow.find_all(models.Customer, processor, ids, whole=True)
    with uow.gathering():
        for customer, method in waiting:
            _adopt_default(uow, customer, method)


#: Cards that are new, with their customers.
_ADOPT: t.Final = "cards to adopt"


def _adopt_default(
    uow: UnitOfWork, customer: models.Customer, method: models.PaymentMethod
) -> None:
    """Make a card the default if the customer's own object, which came first, named it so."""
    from ..state import current_state

    processor = current_state().processor(customer.processor)
    if processor.default_payment_method_of(customer.raw) == method.processor_id:
        made = Draft(customer, created=False)
        made.set(default_payment_method_id=method.id)
        if made.is_change:
            record(uow, "customer", "updated", made, customer)


def _drop_default(uow: UnitOfWork, customer: models.Customer, method: models.PaymentMethod) -> None:
    if customer.default_payment_method_id == method.id:
        made = Draft(customer, created=False)
        made.set(default_payment_method_id=None)
        record(uow, "customer", "updated", made, customer)
