"""Connected accounts, and transfers to them, which belong to no customer."""

from __future__ import annotations

import typing as t

from .. import models
from ..ids import new_id
from ..processors import objects
from ..unit_of_work import UnitOfWork
from .changes import Draft, draft, earlier, record, stamp
from .freshness import Source

_SAME: t.Final = (
    "type",
    "dashboard",
    "country",
    "email",
    "business_type",
    "business_name",
    "default_currency",
    "charges_enabled",
    "payouts_enabled",
    "details_submitted",
    "disabled_reason",
    "due_by",
)
_ABILITIES: t.Final = ("charges_enabled", "payouts_enabled")


def write_connect_account(
    uow: UnitOfWork,
    processor: str,
    obj: objects.ConnectAccount,
    source: Source,
    *,
    owner: tuple[str, str] | None = None,
) -> models.ConnectAccount:
    """Write a connected account; its system chain must be locked.

    Of one that is gone only that is told, so what was known of it stays.

    :param owner: the billable's type and id whose a new one is.
    """
    row = uow.find(models.ConnectAccount, processor, obj.processor_id)
    if obj.deleted and row is not None:
        return let_go(uow, row, source)
    owner_type, owner_id = owner or (None, None)
    made = draft(
        uow,
        models.ConnectAccount,
        processor,
        obj,
        source,
        {
            **{name: getattr(obj, name) for name in _SAME},
            "capabilities": dict(obj.capabilities),
            "currently_due": list(obj.currently_due),
            "past_due": list(obj.past_due),
        },
        row=row,
        id=new_id(),
        owner_type=owner_type,
        owner_id=owner_id,
    )
    if made.is_change:
        record(uow, "connect_account", _verb(made), made, None)
    return made.row


def write_transfer(
    uow: UnitOfWork, processor: str, obj: objects.Transfer, source: Source
) -> models.Transfer:
    """Write a transfer; its system chain must be locked."""
    row = uow.find(models.Transfer, processor, obj.processor_id)
    known = None if row is None else row.destination_processor_id
    made = draft(
        uow,
        models.Transfer,
        processor,
        obj,
        source,
        {
            # An account that was deleted isn't named any more, and it's still where the money went.
            "destination_processor_id": obj.destination or known,
            "amount": obj.amount,
            "amount_reversed": obj.amount_reversed,
            "currency": obj.currency,
            "source_charge_processor_id": obj.source_charge,
            "transfer_group": obj.transfer_group,
            "description": obj.description,
        },
        row=row,
        id=new_id(),
    )
    if made.is_change:
        verb = "updated"
        if made.created:
            verb = "created"
        elif "amount_reversed" in made.after:
            verb = "reversed"
        record(uow, "transfer", verb, made, None)
    return made.row


def lost_capabilities(
    before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]
) -> tuple[str, ...]:
    """Return what an account could do before a change and can't do after it."""
    had, has = before.get("capabilities") or {}, after.get("capabilities") or {}
    lost = [name for name, status in had.items() if status == "active" != has.get(name)]
    lost += [name for name in _ABILITIES if before.get(name) and after.get(name) is False]
    return tuple(sorted(lost))


def let_go(uow: UnitOfWork, row: models.ConnectAccount, source: Source) -> models.ConnectAccount:
    """Note that an account isn't the platform's to act for any more."""
    made = Draft(row, created=False)
    made.set(deleted_at=earlier(row.deleted_at, source.fresh_from))
    stamp(made, source)
    if made.is_change:
        record(uow, "connect_account", "deauthorized", made, None)
    return row


def _verb(made: Draft[models.ConnectAccount]) -> str:
    if made.created:
        return "created"
    return "capability_lost" if lost_capabilities(made.before, made.after) else "updated"
