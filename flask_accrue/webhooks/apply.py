"""Applying one event: its body when that is safe, else the object as the processor has it now."""

from __future__ import annotations

import dataclasses
import typing as t
import uuid

from .. import clock, leases, metering, mirror, models, signals
from ..errors import AuthenticationError, NotFound
from ..mirror import Source, Verdict, Watermark
from ..origins import Actor, Origin
from ..processors import Answer, Processor, ProcessorEvent, Reference, objects
from ..telemetry import reached
from ..unit_of_work import UnitOfWork, write
from . import accounts
from .owners import Finish, Nobody, adopt, is_mirrored, must_fetch, payer_of, payer_of_row
from .past import attempt_of, note_past

_FETCHES: t.Final = 3

#: What was asked for since some events came in, with its account: what is here is as new as they are.
Asked: t.TypeAlias = set[tuple[Reference, "str | None"]]


class Deferred(Exception):
    """It can't be applied now, through nobody's fault; it's tried again later."""


class Unknown(Exception):
    """The customer isn't here."""


class Elsewhere(Exception):
    """The customer is here, and in another account than the event is from."""


class MustFetch(Exception):
    """The body can't be told apart from what we have: ask the processor, outside the transaction."""

    def __init__(self, seen: Watermark) -> None:
        super().__init__()
        self.seen = seen


def apply(
    row_id: uuid.UUID, gateway: Processor, event: ProcessorEvent, finish: Finish, asked: Asked
) -> None:
    """Write what an event says, and close its row, in one transaction.

    Whose it is, the platform's or a connected account's, the event itself says, whichever endpoint it came
    to.

    :param asked: what was asked for after this event had come in; what it makes us ask for is added.
    :raises Deferred: when newer news kept coming in while the object was fetched.
    :raises ProcessorError: when the processor couldn't be asked.
    """
    origin = origin_of(row_id, event)
    nobody = accounts.not_ours(gateway, event)
    if nobody is None:
        try:
            nobody = _apply_ours(row_id, gateway, event, origin, finish, asked)
        except AuthenticationError:
            nobody = accounts.let_go(gateway, event)
            if nobody is None:
                raise
    if nobody is not None:
        outcome, reason = nobody
        write(lambda uow: finish(uow, outcome, reason, None), origin=origin)


def _apply_ours(
    row_id: uuid.UUID,
    gateway: Processor,
    event: ProcessorEvent,
    origin: Origin,
    finish: Finish,
    asked: Asked,
) -> Nobody | None:
    of = event.subject
    if event.refuses_usage:
        _refuse_usage(gateway, event, origin, finish)
    elif of is None or not is_mirrored(of):
        # A kind that isn't mirrored, or an announcement such as an upcoming invoice: it has no id.
        customer_id = event.customer or getattr(event.object, "customer", None)

        def note(uow: UnitOfWork) -> None:
            known = None
            if customer_id is not None:
                known = uow.lock_processor_customer(gateway.name, customer_id)
                if known is not None and known.account != event.account:
                    known = None
            finish(uow, "unhandled", f"{event.type} isn't mirrored", known)

        write(note, origin=origin)
        accounts.tell(row_id, event)
    elif of.kind in objects.NOBODYS:
        _apply(gateway, event, of, None, origin, finish, asked)
    else:
        return _apply_to_somebody(gateway, event, of, origin, finish, asked)
    return None


def origin_of(row_id: uuid.UUID, event: ProcessorEvent) -> Origin:
    """Return what the entries tell of why they were written."""
    return Origin(
        Actor("webhook", event.processor_id),
        cause_webhook_id=row_id,
        occurred_at=event.created,
    )


def _refuse_usage(
    gateway: Processor, event: ProcessorEvent, origin: Origin, finish: Finish
) -> None:
    """Mark the usage as failed that the processor names, and tell the host of each."""
    named = gateway.list_refused_usage(event.processor_id, account=event.account)
    reached("webhook.fetched")

    def mark(uow: UnitOfWork) -> list[uuid.UUID]:
        marked = metering.mark_refused(uow, gateway.name, event.account, named)
        known = f"{len(marked)} of {len(named)} named samples are usage of ours"
        finish(uow, "applied" if marked else "unhandled", known, None)
        return marked

    for id in write(mark, origin=origin):
        leases.tell(signals.usage_report_failed, models.MeterEvent, id)


def _apply_to_somebody(
    gateway: Processor,
    event: ProcessorEvent,
    of: Reference,
    origin: Origin,
    finish: Finish,
    asked: Asked,
) -> Nobody | None:
    """Apply an event to its customer, or say why there is none here."""
    answer = None
    if event.object is not None:
        payer = payer_of(gateway, event, event.object)
    elif of.kind == "customer":
        payer = of.processor_id
    else:
        payer = event.customer or payer_of_row(gateway, of)
        if payer is None:
            # Only the object itself can say whose it is.
            answer = _fetch(gateway, event, of)
            if answer is None:
                return Nobody("skipped", _gone(gateway, of))
            payer = payer_of(gateway, event, answer.main)
    if payer is None:
        return Nobody("ignored", f"this {of.kind} has no customer")
    try:
        _apply(gateway, event, of, payer, origin, finish, asked, answer)
    except Elsewhere:
        return Nobody("ignored", "the customer of that id is another account's")
    except Unknown:
        adopted = adopt(gateway, event, payer, origin, finish)
        if isinstance(adopted, Nobody):
            return adopted
        if not adopted:
            _apply(gateway, event, of, payer, origin, finish, asked, answer)
    return None


def _apply(
    gateway: Processor,
    event: ProcessorEvent,
    of: Reference,
    payer: str | None,
    origin: Origin,
    finish: Finish,
    asked: Asked,
    answer: Answer | None = None,
) -> None:
    """Apply the body; when that isn't safe, fetch and apply the answer, three times at most.

    :param answer: the answer to a fetch that was made before, when there was no row.
    """
    seen = mirror.UNSEEN
    if answer is None:
        try:
            write(
                lambda uow: apply_body(uow, gateway, event, of, payer, finish, asked), origin=origin
            )
        except MustFetch as wanted:
            seen = wanted.seen
        else:
            return
    for _ in range(_FETCHES):
        found = answer or _fetch(gateway, event, of)
        answer = None
        try:
            write(
                lambda uow, found=found, seen=seen: _from_answer(  # type: ignore[misc]
                    uow, gateway, event, of, payer, found, seen, finish
                ),
                # What an answer shows didn't happen when the event did that made us ask.
                origin=origin
                if found is None
                else dataclasses.replace(origin, occurred_at=found.fresh_to),
            )
        except MustFetch as again:
            seen = again.seen
        else:
            if found is not None:
                asked.add((of, event.account))
            return
    raise Deferred(f"{of.kind} {of.processor_id} changed with each of {_FETCHES} fetches")


def _fetch(gateway: Processor, event: ProcessorEvent, of: Reference) -> Answer | None:
    """Ask for the object as it is now; ``None`` when there is no such thing. Any other error is one."""
    answer: Answer | None
    try:
        # An account is the platform's to look at; what is in it, its own.
        account = None if of.kind == "connect_account" else event.account
        answer = gateway.fetch(of.kind, of.processor_id, account=account)
    except NotFound:
        answer = None
    reached("webhook.fetched")
    return answer


def apply_body(
    uow: UnitOfWork,
    gateway: Processor,
    event: ProcessorEvent,
    of: Reference,
    payer: str | None,
    finish: Finish,
    asked: Asked | None = None,
) -> None:
    """Apply the body under the lock, if it's certainly newer than what is here.

    :param asked: what was asked for after this event had come in.
    :raises MustFetch: when that can't be told.
    """
    customer, row = _lock(uow, gateway, event, of, payer)
    event = _timed(gateway, event, customer)
    verdict = mirror.judge(row, event)
    is_short = event.fetchable and mirror.names_unknown(row, event.object)
    is_short = is_short or _lacks_card(uow, gateway, event.object)
    # Events don't tell in which currencies a price is sold.
    is_short = is_short or (event.fetchable and getattr(event.object, "lacks_currencies", False))
    if verdict is Verdict.APPLY and (must_fetch(event) or is_short):
        verdict = Verdict.FETCH
    if verdict is Verdict.FETCH and asked and row is not None and (of, event.account) in asked:
        verdict = Verdict.STALE
    if verdict is Verdict.FETCH:
        raise MustFetch(mirror.watermark(row))
    if verdict is Verdict.STALE:
        note_past(uow, customer, row, event)
        finish(uow, "stale", "what we have is newer", customer)
        return
    assert event.object is not None, "what only refers to its object is fetched"
    _write(uow, gateway, customer, event.object, Source.of_event(event), event)
    finish(uow, "applied", None, customer)


def _from_answer(
    uow: UnitOfWork,
    gateway: Processor,
    event: ProcessorEvent,
    of: Reference,
    payer: str | None,
    answer: Answer | None,
    seen: Watermark,
    finish: Finish,
) -> None:
    customer, row = _lock(uow, gateway, event, of, payer)
    event = _timed(gateway, event, customer)
    reason = None
    if answer is None:
        reason = _gone(gateway, of)
        if row is None:
            finish(uow, "skipped", reason, customer)
            return
        now = clock.now()
        mirror.mark_gone(uow, customer, row, Source(now, now))
    else:
        source = Source.of_answer(answer)
        if not mirror.may_write(row, seen, source):
            assert row is not None
            # Whoever wrote it meanwhile may have left nothing to ask: it's newer than the event by now, or
            # what is here is what was answered.
            if mirror.judge(row, event) is not Verdict.STALE and row.raw != answer.main.raw:
                raise MustFetch(mirror.watermark(row))
            note_past(uow, customer, row, event)
            finish(uow, "stale", "what we have is newer", customer)
            return
        for each in answer.objects:
            if (each.kind, each.processor_id) == of:
                row = _write(uow, gateway, customer, each, source, event)
            elif customer is not None and uow.find(*_named(gateway, each), event.account) is None:
                # What came along and isn't here yet; of the rest its own events tell.
                mirror.write(uow, customer, each, source)
    obj = event.object
    if (
        obj is not None
        and row is not None
        and mirror.is_gone(row)
        and mirror.judge(row, event) is Verdict.APPLY
    ):
        # The processor tells no more of what is gone, so the body does: what it was, or since when.
        _write(uow, gateway, customer, obj, Source.of_event(event), event)
    note_past(uow, customer, row, event, written=answer is not None)
    finish(uow, "fetched", reason, customer)


def _timed(
    gateway: Processor, event: ProcessorEvent, customer: models.Customer | None
) -> ProcessorEvent:
    """Return an event as its customer tells what its time means. No simulation is live."""
    if event.livemode or customer is None or not gateway.is_simulated(customer.raw):
        return event
    return dataclasses.replace(event, simulated=True, usable=False)


def _lacks_card(uow: UnitOfWork, gateway: Processor, obj: objects.ProcessorObject | None) -> bool:
    """Tell whether a card was set up that isn't here yet; a fetch of the setup intent brings it along."""
    if not isinstance(obj, objects.SetupIntent) or not obj.is_succeeded:
        return False
    card = obj.payment_method
    return (
        card is not None and uow.find(models.MIRRORED["payment_method"], gateway.name, card) is None
    )


def _named(
    gateway: Processor, obj: objects.ProcessorObject
) -> tuple[type[models.Mirrored], str, str]:
    return models.MIRRORED[obj.kind], gateway.name, obj.processor_id


def _gone(gateway: Processor, of: Reference) -> str:
    return f"{gateway.name} has no such {of.kind} any more"


def _lock(
    uow: UnitOfWork,
    gateway: Processor,
    event: ProcessorEvent,
    of: Reference,
    payer: str | None,
) -> tuple[models.Customer | None, models.Mirrored | None]:
    """Lock the chain, and return the customer and the object's row as they are now."""
    if payer is None:
        uow.lock_system(of.processor_id)
        customer = None
    else:
        customer = uow.lock_processor_customer(gateway.name, payer)
        if customer is None:
            raise Unknown
        if customer.account != event.account:
            raise Elsewhere
    if of.kind == "customer":
        return customer, customer
    return customer, uow.find(
        models.MIRRORED[of.kind], gateway.name, of.processor_id, event.account
    )


def _write(
    uow: UnitOfWork,
    gateway: Processor,
    customer: models.Customer | None,
    obj: objects.ProcessorObject,
    source: Source,
    event: ProcessorEvent,
) -> models.Mirrored:
    if customer is None:
        row = mirror.write_catalog(uow, gateway.name, obj, source, event.account)
    else:
        failed_at = event.created if event.payment_failed else None
        row = mirror.write(
            uow,
            customer,
            obj,
            source,
            failed_at=failed_at,
            attempt=attempt_of(event),
            # What happened since has events of its own, but may be told by this alone.
            looked_up=source.event is None,
        )
    reached("webhook.mirrored")
    return row
