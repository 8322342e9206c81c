"""Whose an object is, and whether that is somebody of ours."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import installation, mirror, models
from ..errors import NotFound
from ..mirror import Source
from ..origins import Origin
from ..processors import Processor, ProcessorEvent, Reference, objects
from ..state import current_state
from ..telemetry import reached
from ..unit_of_work import UnitOfWork, write

#: Closes the event's row in the transaction that applies it: ``(uow, outcome, reason, customer)``.
Finish: t.TypeAlias = c.Callable[[UnitOfWork, str, "str | None", "models.Customer | None"], None]


class Nobody(t.NamedTuple):
    """Why an event is about nobody here."""

    outcome: str
    reason: str


def must_fetch(event: ProcessorEvent) -> bool:
    """Tell whether the host wants no body to be believed, of an object that can still be fetched."""
    wanted = current_state().settings.webhook_source == "fetch"
    return wanted and event.fetchable and not mirror.is_final(event.object)


def is_mirrored(of: Reference) -> bool:
    """Tell whether an object becomes a row; summaries of entitlements do where the host wants them."""
    return of.kind != "entitlement_summary" or current_state().settings.mirrors_entitlements


def payer_of(gateway: Processor, event: ProcessorEvent, obj: objects.ProcessorObject) -> str | None:
    """Return the processor's id of the customer that an object belongs to, or ``None``."""
    return named_payer(event, obj) or _through_parent(gateway, event, obj)


def named_payer(event: ProcessorEvent, obj: objects.ProcessorObject) -> str | None:
    """Return the customer that an event itself names as the one its object belongs to, or ``None``."""
    if isinstance(obj, objects.Customer):
        return obj.processor_id
    return getattr(obj, "customer", None) or event.customer


def payer_of_row(gateway: Processor, of: Reference) -> str | None:
    """Return the processor's id of the customer that a row of ours belongs to, ``None`` without a row."""
    model: t.Any = models.MIRRORED[of.kind]
    session = current_state().db.session
    found: str | None = session.scalar(
        sa.select(models.Customer.processor_id)
        .join(model, model.customer_id == models.Customer.id)
        .where(model.processor == gateway.name, model.processor_id == of.processor_id)
    )
    session.rollback()
    return found


def adopt(
    gateway: Processor,
    event: ProcessorEvent,
    payer: str,
    origin: Origin,
    finish: Finish,
) -> Nobody | bool:
    """Make the row of a customer that we don't have, if its metadata says that it's ours.

    :param payer: the processor's id of the customer.
    :returns: whether that finished the event, because it's about the customer itself; or why there is
        nobody.
    """
    if event.account is not None:
        # Whoever has the account decides what its customers are called, and mustn't name ours.
        return Nobody("ignored", "the customer wasn't made here, and is a connected account's")
    outcome, obj = "fetched", event.object
    if isinstance(obj, objects.Customer) and event.usable and not must_fetch(event):
        found, source, outcome = obj, Source.of_event(event), "applied"
    else:
        try:
            answer = gateway.fetch("customer", payer, account=event.account)
        except NotFound:
            return Nobody("ignored", f"{gateway.name} has no customer {payer}")
        reached("webhook.fetched")
        assert isinstance(answer.main, objects.Customer)
        found, source = answer.main, Source.of_answer(answer)
    if found.deleted:
        return Nobody("ignored", "the customer is deleted and wasn't ours")
    reason = installation.reason_against(found.metadata)
    if reason is not None:
        return Nobody("ignored", f"the customer isn't ours: {reason}")
    owner = mirror.named_owner(found)
    if owner is None:
        return Nobody("ignored", "the customer isn't ours: no accrue_owner names a billable here")

    def create(uow: UnitOfWork) -> Nobody | bool:
        if uow.lock_processor_customer(gateway.name, payer) is not None:
            return False
        made = mirror.adopt_customer(uow, gateway.name, found, source, *owner)
        if made is None:
            return Nobody("ignored", "the owner has another customer here")
        if event.subject == Reference("customer", payer):
            finish(uow, outcome, None, made)
            return True
        return False

    return write(create, origin=origin)


def _through_parent(
    gateway: Processor, event: ProcessorEvent, obj: objects.ProcessorObject
) -> str | None:
    """Return whose an object is that doesn't say so itself: a refund is its charge's customer's."""
    if isinstance(obj, objects.Refund | objects.Dispute):
        parents = [("charge", obj.charge), ("payment_intent", obj.payment_intent)]
    elif isinstance(obj, objects.InvoicePayment):
        parents = [("invoice", obj.invoice)]
    else:
        return None
    for kind, processor_id in parents:
        if processor_id is None:
            continue
        known = payer_of_row(gateway, Reference(kind, processor_id))
        if known is not None:
            return known
        try:
            answer = gateway.fetch(kind, processor_id, account=event.account)
        except NotFound:
            continue
        payer = getattr(answer.main, "customer", None)
        if isinstance(payer, str):
            return payer
    return None
