"""An operation, and what those about the same thing have in common."""

from __future__ import annotations

import dataclasses
import typing as t

from flask_accrue import models
from tests.faults.operation_table.preparing import billed, scheduled, subscribed

if t.TYPE_CHECKING:
    import collections.abc as c

    from tests.faults.shop import Shop


CUSTOMER: t.Final = "^/v1/customers/[^/]+$"
SUBSCRIPTION: t.Final = "^/v1/subscriptions/[^/]+$"


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation, carried out under the id that it's given on what its preparation left.

    :ivar request: verb and path, a regular expression, of the request that changes something.
    :ivar tells: the types of the entries that the ledger gains.
    :ivar makes: the kinds of which there is one object more at Stripe, and one row more here.
    :ivar beside: how many more there are at Stripe of kinds that have no rows here.
    :ivar prepare: leaves what the operation is about.
    """

    run: c.Callable[[Shop, str], t.Any]
    request: tuple[str, str]
    tells: tuple[str, ...]
    makes: tuple[str, ...] = ()
    beside: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    prepare: c.Callable[[Shop], object] = lambda shop: None


def on_subscription(
    told: str,
    run: c.Callable[[models.Subscription, str], t.Any],
    *,
    method: str = "POST",
    prepare: c.Callable[[Shop], object] = subscribed,
    beside: t.Mapping[str, int] | None = None,
) -> Operation:
    return Operation(
        lambda shop, id: run(shop.subscription, id),
        (method, SUBSCRIPTION),
        (told,),
        prepare=prepare,
        beside=beside or {},
    )


def on_invoice(
    action: str,
    verb: str | None,
    run: c.Callable[..., t.Any],
    prepare: c.Callable[[Shop], object] = billed,
) -> Operation:
    return Operation(
        lambda shop, id: run(shop.only(models.Invoice), operation_id=id),
        ("POST", f"^/v1/invoices/[^/]+/{action}$"),
        () if verb is None else (f"invoice.{verb}",),
        prepare=prepare,
    )


def on_schedule(
    tells: tuple[str, ...],
    path: str,
    run: c.Callable[[models.SubscriptionSchedule, str], t.Any],
) -> Operation:
    return Operation(
        lambda shop, id: run(shop.only(models.SubscriptionSchedule), id),
        ("POST", path),
        tells,
        prepare=scheduled,
    )
