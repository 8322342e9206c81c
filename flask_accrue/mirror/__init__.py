"""The only code that writes mirrored rows: one function a thing, for answers and webhooks alike."""

from __future__ import annotations

import collections.abc as c
import datetime

from .. import models
from ..processors import Answer, objects
from ..unit_of_work import UnitOfWork, system_chain
from .catalog import write_price, write_product
from .changes import Draft, earlier, record
from .connect import let_go, write_connect_account, write_transfer
from .customers import (
    OWNER_KEY,
    adopt_customer,
    claim_customer,
    create_customer,
    detach_payment_method,
    living_customer,
    mark_customer_deleted,
    named_owner,
    owner_key,
    read_owners_ahead,
    write_customer,
    write_payment_method,
)
from .discounts import names_unknown, note_redemptions
from .freshness import (
    UNSEEN,
    Source,
    Verdict,
    Watermark,
    is_final,
    is_gone,
    is_gone_for_good,
    judge,
    may_write,
    watermark,
)
from .invoices import note_failure, record_sent, write_invoice, write_invoice_payment
from .items import note_past_items
from .many import gathered, read_ahead
from .mounted_checkout import CHECKOUT_KEY, change_mounted, follow_mounted, settle_mounted
from .payments import write_charge, write_payment_intent, write_refund
from .plain import is_plain, write_plain
from .subscriptions import NAME_KEY, end_subscription, write_subscription

__all__ = [
    "CHECKOUT_KEY",
    "NAME_KEY",
    "OWNER_KEY",
    "UNSEEN",
    "Source",
    "Verdict",
    "Watermark",
    "adopt_customer",
    "change_mounted",
    "claim_customer",
    "create_customer",
    "gathered",
    "is_final",
    "is_gone",
    "is_gone_for_good",
    "judge",
    "living_customer",
    "mark_gone",
    "may_write",
    "named_owner",
    "names_unknown",
    "note_failure",
    "note_past_items",
    "note_redemptions",
    "owner_key",
    "read_ahead",
    "read_owners_ahead",
    "record_sent",
    "set_data",
    "set_local",
    "settle_mounted",
    "watermark",
    "write",
    "write_answers",
    "write_catalog",
    "write_connect_account",
]


def write(
    uow: UnitOfWork,
    customer: models.Customer,
    obj: objects.ProcessorObject,
    source: Source,
    *,
    failed_at: datetime.datetime | None = None,
    attempt: int | None = None,
    looked_up: bool = False,
) -> models.Mirrored:
    """Write an object of a customer whose chain is locked, and return its row.

    :param failed_at: when collecting this invoice failed, where an event says that it did.
    :param attempt: how many attempts there had been by then; by default as many as the invoice says.
    :param looked_up: no event or call tells of it, so that a failure which none has told is dated.
    """
    if isinstance(obj, objects.Invoice):
        row: models.Mirrored = write_invoice(
            uow,
            customer,
            obj,
            source,
            failed_at=failed_at,
            attempt=attempt,
            looked_up=looked_up,
        )
    else:
        row = _write(uow, customer, obj, source)
    follow_mounted(uow, customer, obj, row)
    return row


def _write(
    uow: UnitOfWork,
    customer: models.Customer,
    obj: objects.ProcessorObject,
    source: Source,
) -> models.Mirrored:
    match obj:
        case objects.Customer():
            write_customer(uow, customer, obj, source)
            return customer
        case objects.Subscription():
            return write_subscription(uow, customer, obj, source)
        case objects.InvoicePayment():
            return write_invoice_payment(uow, customer, obj, source)
        case objects.PaymentMethod():
            return write_payment_method(uow, customer, obj, source)
        case objects.PaymentIntent():
            return write_payment_intent(uow, customer, obj, source)
        case objects.Charge():
            return write_charge(uow, customer, obj, source)
        case objects.Refund():
            return write_refund(uow, customer, obj, source)
    if is_plain(obj.kind) and obj.kind not in objects.NOBODYS:
        return write_plain(uow, customer.processor, obj, source, customer)
    raise TypeError(f"A {obj.kind} doesn't belong to a customer.")


def write_catalog(
    uow: UnitOfWork,
    processor: str,
    obj: objects.ProcessorObject,
    source: Source,
    account: str | None = None,
) -> models.Mirrored:
    """Write what belongs to no customer, whose system chain is locked.

    :param account: the connected account whose it is, ``None``: the platform's.
    """
    if isinstance(obj, objects.Product):
        return write_product(uow, processor, obj, source, account)
    if isinstance(obj, objects.Price):
        return write_price(uow, processor, obj, source, account)
    if isinstance(obj, objects.ConnectAccount):
        return write_connect_account(uow, processor, obj, source)
    if isinstance(obj, objects.Transfer):
        return write_transfer(uow, processor, obj, source)
    if obj.kind in objects.CATALOG:
        return write_plain(uow, processor, obj, source, account=account)
    raise TypeError(f"A {obj.kind} belongs to a customer.")


def write_answers(
    uow: UnitOfWork,
    customer: models.Customer | None,
    answers: c.Sequence[Answer],
    seen: c.Mapping[tuple[str, str], Watermark],
    *,
    processor: str | None = None,
    account: str | None = None,
) -> tuple[dict[tuple[str, str], models.Mirrored], list[tuple[str, str]]]:
    """Write all objects of some answers that may be written.

    :param customer: whose they are; ``None``: of the catalog of ``processor``, whose system chains are
        locked here.
    :param account: the connected account whose catalog that is, ``None``: the platform's.
    :param seen: the watermarks of the rows that were there before the call, by kind and id.
    :returns: the rows by kind and id, and what may not be written because an event came in between
        and can't be told from the answer: it has to be fetched again.
    """
    rows: dict[tuple[str, str], models.Mirrored] = {}
    allowed: list[tuple[objects.ProcessorObject, Source]] = []
    unclear: list[tuple[str, str]] = []
    if customer is not None:
        processor, account = customer.processor, customer.account
    assert processor is not None, "the catalog is a processor's"
    if customer is None:
        ids = {obj.processor_id for answer in answers for obj in answer.objects}
        ids |= {gone.processor_id for answer in answers for gone in answer.gone}
        uow.lock_systems({system_chain(processor_id) for processor_id in ids})
    # All are judged before any is written: writing an invoice also touches its subscription.
    for answer in answers:
        source = Source.of_answer(answer)
        for obj in answer.objects:
            name = (obj.kind, obj.processor_id)
            row = (
                customer
                if obj.kind == "customer"
                else uow.find(models.MIRRORED[obj.kind], processor, obj.processor_id, account)
            )
            if may_write(row, seen.get(name, UNSEEN), source):
                allowed.append((obj, source))
            else:
                assert row is not None
                rows[name] = row
                unclear.append(name)
        for gone in answer.gone:
            found = uow.find(models.MIRRORED[gone.kind], processor, gone.processor_id, account)
            if found is not None:
                mark_gone(uow, customer, found, source)
                rows[gone] = found
    for obj, source in allowed:
        if customer is None:
            row = write_catalog(uow, processor, obj, source, account)
        elif obj.kind in objects.NOBODYS:
            uow.lock_system(obj.processor_id)
            row = write_catalog(uow, processor, obj, source, account)
        else:
            row = write(uow, customer, obj, source)
        rows[obj.kind, obj.processor_id] = row
    return rows, unclear


def set_local(
    uow: UnitOfWork, customer: models.Customer, kind: str, row: models.Mirrored, **values: object
) -> None:
    """Set columns that only exist here, with an entry in the ledger."""
    made = Draft(row, created=False)
    made.set(**values)
    if made.is_change:
        record(uow, kind, "updated", made, customer)


def set_data(
    uow: UnitOfWork,
    customer: models.Customer | None,
    kind: str,
    row: models.Mirrored,
    data: dict[str, object],
) -> None:
    """Replace the host's own data of a row. The ledger tells which keys changed, not their values."""
    old = row.data
    if old == data:
        return
    made = Draft(row, created=False)
    row.data = data
    keys = sorted(key for key in {*old, *data} if old.get(key) != data.get(key))
    made.note("data", None, keys)
    record(uow, kind, "data_changed", made, customer)


def mark_gone(
    uow: UnitOfWork, customer: models.Customer | None, row: models.Mirrored, source: Source
) -> None:
    """Note that the processor answered a fetch of something that we hold with: no such thing."""
    since = source.fresh_to
    if isinstance(row, models.Customer):
        mark_customer_deleted(uow, row, source)
    elif isinstance(row, models.PaymentMethod) and customer is not None:
        detach_payment_method(uow, customer, row, since)
    elif isinstance(row, models.Subscription) and customer is not None:
        end_subscription(uow, customer, row, since, deleted=True)
    elif isinstance(row, models.ConnectAccount):
        let_go(uow, row, source)
    else:
        made = Draft(row, created=False)
        made.set(deleted_at=earlier(row.deleted_at, since))
        if made.is_change:
            kind = next(name for name, model in models.MIRRORED.items() if isinstance(row, model))
            record(uow, kind, "deleted", made, customer)
