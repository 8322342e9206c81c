"""Many objects at once: a few statements read what writing them needs, and a few insert what they bring."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

from .. import models
from ..processors import Reference, objects
from ..unit_of_work import UnitOfWork
from .customers import adopt_gathered
from .failures import date_gathered
from .items import read_items_ahead
from .lines import read_lines_ahead
from .links import link_gathered, read_invoices_ahead
from .subscriptions import derive_gathered, read_derived_ahead


@contextlib.contextmanager
def gathered(uow: UnitOfWork) -> c.Iterator[None]:
    """Write objects of one kind together: their rows and entries are inserted at the end.

    What follows from rows that are here is worked out then, once: what a subscription has from its
    invoices, which invoice a charge paid, which card is the default.
    """
    with uow.gathering():
        yield
    uow.flush()
    adopt_gathered(uow)
    link_gathered(uow)
    date_gathered(uow)
    derive_gathered(uow)


def read_ahead(
    uow: UnitOfWork,
    processor: str,
    found: c.Collection[objects.ProcessorObject],
    account: str | None = None,
    *,
    whole: bool = False,
) -> None:
    """Read the rows of several objects at once, so that writing each of them finds its row read.

    Their customers' chains have to be locked.

    :param account: the connected account in which they are, ``None``: on the platform.
    :param whole: with the objects as they came, so that what hasn't changed isn't written again.
    """
    # Payments come inside their invoices.
    own_kinds = {obj.kind for obj in found} | {"invoice_payment"}
    ids: dict[str, set[str]] = {}
    for obj in found:
        for kind, processor_id in _needed(obj):
            ids.setdefault(kind, set()).add(processor_id)
    if not whole:
        # Those that are locked are read.
        ids.pop("customer", None)
    for kind, processor_ids in ids.items():
        own = whole and kind in own_kinds
        rows = uow.find_all(models.MIRRORED[kind], processor, processor_ids, account, whole=own)
        if kind == "subscription" and rows:
            read_items_ahead(uow, t.cast("list[models.Subscription]", rows))
        if kind == "subscription" and own:
            read_derived_ahead(uow, processor, processor_ids)
        if kind == "invoice" and rows:
            read_lines_ahead(uow, t.cast("list[models.Invoice]", rows))
    if whole:
        read_invoices_ahead(uow, processor, found)


def _needed(obj: objects.ProcessorObject) -> c.Iterator[Reference]:
    """Give the names of the rows that writing an object needs: its own, and those that it refers to."""
    yield Reference(obj.kind, obj.processor_id)
    if isinstance(obj, objects.Customer) and obj.default_payment_method is not None:
        yield Reference("payment_method", obj.default_payment_method)
    if isinstance(obj, objects.Invoice):
        if obj.subscription is not None:
            yield Reference("subscription", obj.subscription)
        if obj.payments is not objects.UNSAID:
            for payment in obj.payments:
                yield Reference("invoice_payment", payment.processor_id)
