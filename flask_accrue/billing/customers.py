"""Customers: finding, making and changing them."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t
import zoneinfo

import sqlalchemy as sa

from .. import account_scope, installation, mirror, models, operations
from ..billable import owner_reference
from ..errors import InvalidRequest, InvalidState, NotFound, OperationInProgress
from ..gateways import gateway_of
from ..metadata import can_be_stored, change_of_metadata, validate_metadata
from ..mirror import Source
from ..origins import Origin, current_actor
from ..processors import Answer, Capability, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from .perform import Plan, perform, seen, settle_session

#: The key of an object's metadata that names the operation that made it.
OPERATION_KEY: t.Final = "accrue_operation"

#: How long a second first visit waits for the first one's customer, in seconds.
_WAIT: t.Final = 10.0


def get_customer(owner: t.Any, processor: str | None = None) -> models.Customer | None:
    """Return the living customer of a billable, or ``None``. Never calls the processor.

    In an account's block it's the customer that the billable is there.

    :raises InvalidState: with the code ``other_account`` for a customer of another account than the block's.
    """
    if isinstance(owner, models.Customer):
        account_scope.check(owner.account)
        return owner
    state = current_state()
    name = processor or state.settings.processor
    owner_type, owner_id = owner_reference(owner)
    with state.db.session.no_autoflush:
        return _living(name, owner_type, owner_id)


def customer(
    owner: t.Any, processor: str | None = None, *, operation_id: str | None = None
) -> models.Customer:
    """Return a billable's customer, making one at the processor on the first visit.

    Two first visits at once make one customer: the second waits for the first.
    """
    if isinstance(owner, models.Customer):
        account_scope.check(owner.account)
        return owner
    settle_session()
    deadline = time.monotonic() + _WAIT
    while True:
        found = get_customer(owner, processor)
        if found is not None:
            return found
        try:
            return create_customer(owner, processor, operation_id=operation_id)
        except OperationInProgress:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        except InvalidState as error:
            if error.code != "customer_exists":
                raise


def create_customer(
    owner: t.Any, processor: str | None = None, *, operation_id: str | None = None
) -> models.Customer:
    """Make a customer for a billable, at the processor and here.

    :raises InvalidState: with the code ``customer_exists`` while one lives.
    """
    state = current_state()
    gateway = state.processor(processor)
    gateway.require(Capability.CUSTOMERS)
    settle_session()
    owner_type, owner_id = owner_reference(owner)
    account = account_scope.current_account()
    named = mirror.owner_key(owner_type, owner_id)
    key = mirror.owner_key(owner_type, owner_id, account)
    subject = f"owner:{key}"
    marks = installation.mark()
    generation = 1 + _generations(gateway.name, owner_type, owner_id, subject)

    def refuse_second() -> None:
        if _living(gateway.name, owner_type, owner_id) is not None:
            raise InvalidState(
                f"This {owner_type} has a customer at {gateway.name} already; use "
                "billing.customer() to get it.",
                code="customer_exists",
            )

    def request(id: str) -> dict[str, t.Any]:
        return {
            "name": owner.billing_name,
            "email": owner.billing_email,
            "preferred_locale": None,
            "metadata": {mirror.OWNER_KEY: named, **marks, OPERATION_KEY: id},
        }

    def create(uow: UnitOfWork, answer: Answer) -> models.Customer:
        obj = answer.main
        assert isinstance(obj, objects.Customer)
        # An event may have told us of the customer before its answer came.
        known = uow.lock_processor_customer(gateway.name, obj.processor_id)
        if known is not None:
            return known
        return mirror.create_customer(
            uow,
            gateway.name,
            obj,
            Source.of_answer(answer),
            owner_type=owner_type,
            owner_id=owner_id,
            generation=generation,
            account=account,
        )

    if operation_id is None or not operations.is_known(operation_id):
        refuse_second()
    plan = Plan(
        kind="create_customer",
        subject=subject,
        processor=gateway,
        arguments={"owner": key},
        method="create_customer",
        request=request,
        result="customer",
        customer_id=None,
        check=refuse_second,
        guard=operations.shortened(f"customer:{gateway.name}:{key}"),
        find=("customer", None),
        create=create,
    )
    # The generation makes a purged customer's key unusable, or the dead would come back.
    # So does the installation's name one of another's that has the same account.
    ours = "".join(f"@{name}" for name in marks.values())
    generated = operations.shortened(f"customer{ours}:{gateway.name}:{key}:{generation}")
    return perform(plan, operation_id or generated)


def update_customer(
    owner: t.Any,
    *,
    operation_id: str | None = None,
    **changes: t.Any,
) -> models.Customer:
    """Change ``name``, ``email``, ``metadata`` or ``preferred_locale`` at the processor, or
    ``preferred_timezone`` here alone.

    Metadata is merged; an empty value deletes its key.

    :raises InvalidRequest: for anything else, naming it.
    """
    allowed = {"name", "email", "metadata", "preferred_locale", "preferred_timezone"}
    for name in sorted(set(changes) - allowed):
        raise InvalidRequest(
            f"A customer has no {name!r} to change here; allowed: {', '.join(sorted(allowed))}.",
            code="parameter_unknown",
            param=name,
        )
    for name in sorted(set(changes) - {"metadata"}):
        value = changes[name]
        if value is not None and not (isinstance(value, str) and can_be_stored(value)):
            raise InvalidRequest(
                f"A customer's {name} is a string that a database can hold, not {value!r}.",
                code="parameter_invalid",
                param=name,
            )
    if "metadata" in changes:
        changes["metadata"] = validate_metadata(changes["metadata"])
    says_zone = "preferred_timezone" in changes
    zone = changes.pop("preferred_timezone", None)
    if zone is not None:
        _check_zone(zone)
    row = customer(owner)
    if "metadata" in changes:
        change_of_metadata(changes["metadata"], row)
    if changes:
        row = change_customer(row, "update_customer", changes, operation_id)
    if says_zone and zone != row.preferred_timezone:
        row = _set_zone(row, zone)
    return row


def sync_customer(owner: t.Any, *, operation_id: str | None = None) -> models.Customer | None:
    """Fetch a billable's customer from the processor and write what it says.

    :returns: the customer, or ``None`` when the processor deleted it.
    """
    row = get_customer(owner)
    if row is None:
        return None
    settle_session()
    gateway = gateway_of(row)
    id, processor_id, before = row.id, row.processor_id, seen(row)
    current_state().db.session.rollback()
    try:
        answer = gateway.fetch("customer", processor_id)
    except NotFound:
        answer = None

    def work(uow: UnitOfWork) -> models.Customer:
        locked = uow.lock_customer(id)
        if answer is not None:
            mirror.write_answers(uow, locked, [answer], before)
        else:
            now = current_state().clock.now()
            mirror.mark_gone(uow, locked, locked, Source(now, now))
        return locked

    written = write(work, origin=Origin(current_actor(), operation_id=operation_id))
    return None if written.is_deleted else written


def search(text: str, *, limit: int = 50) -> list[models.Customer]:
    """Return living customers whose name, e-mail, owner or processor id begins with the text."""
    customers = models.Customer
    statement = (
        sa.select(customers)
        .where(sa.not_(customers.is_deleted), customers.begins(text))
        .order_by(customers.created.desc(), customers.id.desc())
        .limit(limit)
        .execution_options(autoflush=False)
    )
    return list(current_state().db.session.scalars(statement))


def change_customer(
    row: models.Customer,
    kind: str,
    changes: c.Mapping[str, t.Any],
    operation_id: str | None,
    *,
    legal: c.Callable[[], None] | None = None,
) -> models.Customer:
    """Change a customer at the processor, as the operation ``kind``.

    :param legal: refuses what mustn't be begun.
    """
    gateway = gateway_of(row)
    gateway.require(Capability.CUSTOMERS)
    processor_id = row.processor_id

    def request(_: str) -> dict[str, t.Any]:
        if legal is not None:
            legal()
        return {"customer": processor_id, "changes": dict(changes)}

    plan: Plan[models.Customer] = Plan(
        kind=kind,
        subject=f"customer:{row.id}",
        processor=gateway,
        arguments=dict(changes),
        method="update_customer",
        request=request,
        result="customer",
        customer_id=row.id,
        seen=seen(row),
    )
    return perform(plan, operation_id)


def _set_zone(row: models.Customer, zone: str | None) -> models.Customer:
    id = row.id

    def work(uow: UnitOfWork) -> models.Customer:
        locked = uow.lock_customer(id)
        mirror.set_local(uow, locked, "customer", locked, preferred_timezone=zone)
        return locked

    return write(work, origin=Origin(current_actor()))


def _check_zone(zone: str) -> None:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise InvalidRequest(
            f"{zone!r} is no time zone; use a name such as 'Europe/Berlin'.",
            code="parameter_invalid",
            param="preferred_timezone",
        ) from None


def _living(processor: str, owner_type: str, owner_id: str) -> models.Customer | None:
    customers, account = models.Customer, account_scope.current_account()
    return (
        current_state()
        .db.session.scalars(
            sa.select(customers).where(
                customers.processor == processor,
                customers.owner_key == mirror.owner_key(owner_type, owner_id, account),
            )
        )
        .one_or_none()
    )


def _generations(processor: str, owner_type: str, owner_id: str, subject: str) -> int:
    """Return how many customers of an owner were made, purged ones included, or refused."""
    customers, made = models.Customer, models.Operation
    session = current_state().db.session
    newest = session.scalar(
        sa.select(sa.func.max(customers.generation)).where(
            customers.processor == processor,
            customers.owner_type == owner_type,
            customers.owner_id == owner_id,
        )
    )
    closed = session.scalar(
        sa.select(sa.func.count())
        .select_from(made)
        .where(
            made.processor == processor,
            made.kind == "create_customer",
            made.subject == subject,
            made.state.in_(("done", "refused")),
        )
    )
    return max(newest or 0, closed or 0)
