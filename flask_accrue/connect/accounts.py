"""Connected accounts: made, looked at, changed, turned away."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import account_scope, mirror, models
from ..billable import owner_reference
from ..billing.customers import OPERATION_KEY
from ..billing.perform import Plan, perform, seen, settle_session
from ..billing.writing import Seen
from ..errors import InvalidRequest, NotFound
from ..gateways import check_connected
from ..metadata import change_of_metadata, validate_metadata
from ..mirror import Source
from ..origins import Origin, current_actor
from ..processors import Answer, Capability, Processor, objects
from ..state import current_state
from ..unit_of_work import UnitOfWork, write

TYPES: t.Final = frozenset({"custom", "express", "standard"})
#: What an account needs to be charged for and to be paid.
CAPABILITIES: t.Final = ("card_payments", "transfers")
REASONS: t.Final = frozenset(
    "credit fraud_no_intent_to_fulfill fraud_other fraud_payment_method_casher "
    "fraud_payment_method_tester other terms_of_service".split()
)

_CHANGEABLE: t.Final = frozenset(
    "email business_type business_profile capabilities default_currency metadata".split()
)
_TEXTS: t.Final = ("email", "business_type", "default_currency")

Account: t.TypeAlias = models.ConnectAccount | str


def create_account(
    owner: t.Any = None,
    *,
    type: str | None = None,
    controller: c.Mapping[str, t.Any] | None = None,
    country: str | None = None,
    email: str | None = None,
    business_type: str | None = None,
    business_profile: c.Mapping[str, t.Any] | None = None,
    capabilities: c.Collection[str] = CAPABILITIES,
    default_currency: str | None = None,
    metadata: c.Mapping[str, str] | None = None,
    processor: str | None = None,
    operation_id: str | None = None,
) -> models.ConnectAccount:
    """Make a connected account. It can do nothing until its owner has told what the processor wants to know.

    :param owner: the billable whose account it is, or ``None``; only kept here.
    :param type: ``express``, ``standard`` or ``custom``; else ``controller`` says who pays fees, bears
        losses, asks for what is missing, and which dashboard there is. One of them has to be given: it
        decides who is liable.
    :param country: two capital letters; it can't be changed later.
    :param capabilities: what is asked for.
    :raises InvalidRequest: for arguments that can't be, or that the processor refuses.
    :raises InvalidState: with the code ``other_account``, inside an account's block.
    """
    if (type is None) == (controller is None):
        raise _invalid("An account is made with a type or with a controller: one of them.", "type")
    if type is not None and type not in TYPES:
        raise _invalid(f"The type of an account is one of {', '.join(sorted(TYPES))}.", "type")
    _check_texts({"email": email, "business_type": business_type, "country": country})
    owned = None if owner is None else owner_reference(owner)
    extra = validate_metadata(metadata or {}, ours=1)
    gateway = _gateway(processor)
    said: dict[str, t.Any] = {
        "type": type,
        "controller": None if controller is None else dict(controller),
        "country": country,
        "email": email,
        "business_type": business_type,
        "business_profile": None if business_profile is None else dict(business_profile),
        "capabilities": _names(capabilities),
        "default_currency": default_currency,
    }
    given = {name: value for name, value in said.items() if value is not None}
    plan = Plan(
        kind="create_connect_account",
        subject="connect_accounts:" + ("" if owned is None else mirror.owner_key(*owned)),
        processor=gateway,
        arguments={**given, "metadata": extra},
        method="create_connect_account",
        request=lambda id: {"given": {**given, "metadata": {**extra, OPERATION_KEY: id}}},
        result="connect_account",
        customer_id=None,
        find=("connect_account", None),
        create=lambda uow, answer: _write(uow, gateway, answer, {}, owned),
    )
    return perform(plan, operation_id)


def get_account(account: t.Any, *, processor: str | None = None) -> models.ConnectAccount | None:
    """Return the account of that id at the processor, or the newest of a billable, or ``None`` where there is
    none that the platform may act for. Never calls the processor."""
    if isinstance(account, models.ConnectAccount):
        return account
    if isinstance(account, str):
        rows = _select(processor, models.ConnectAccount.processor_id == account)
    else:
        rows = list_accounts(account, processor=processor)
    return rows[0] if rows else None


def list_accounts(
    owner: t.Any = None, *, connected: bool = True, processor: str | None = None
) -> list[models.ConnectAccount]:
    """Return the accounts, the newest first. Never calls the processor.

    :param owner: only those of a billable.
    :param connected: only those that the platform may act for.
    """
    accounts = models.ConnectAccount
    which: list[sa.ColumnElement[bool]] = []
    if owner is not None:
        owner_type, owner_id = owner_reference(owner)
        which += [accounts.owner_type == owner_type, accounts.owner_id == owner_id]
    return _select(processor, *which, connected=connected)


def fetch_account(
    account: Account, *, owner: t.Any = None, processor: str | None = None
) -> models.ConnectAccount:
    """Fetch an account from the processor and write what it says: one of ours, or one that was connected
    elsewhere and is ours from now on.

    :param owner: the billable whose account it is, where there is no row of it yet.
    :raises NotFound: when the platform has no such account (any more).
    """
    account_scope.require_platform("A connected account")
    row = account if isinstance(account, models.ConnectAccount) else None
    name = account if isinstance(account, str) else account.processor_id
    row = row or get_account(name, processor=processor)
    owned = None if owner is None else owner_reference(owner)
    gateway = _gateway(processor if row is None else row.processor)
    before = seen(row)
    settle_session()
    current_state().db.session.rollback()
    answer = gateway.fetch("connect_account", name)
    if answer.main.deleted and row is None:
        raise NotFound(f"{gateway.name} has no such account any more.", param="account")
    return write(
        lambda uow: _write(uow, gateway, answer, before, owned), origin=Origin(current_actor())
    )


def update_account(
    account: Account, *, operation_id: str | None = None, **changes: t.Any
) -> models.ConnectAccount:
    """Change ``email``, ``business_type``, ``business_profile``, ``capabilities`` (by name, whether each is
    asked for), ``default_currency`` or ``metadata`` of an account.

    :raises InvalidRequest: for anything else, naming it.
    """
    for name in sorted(set(changes) - _CHANGEABLE):
        raise InvalidRequest(
            f"An account has no {name!r} to change here; allowed: {', '.join(sorted(_CHANGEABLE))}.",
            code="parameter_unknown",
            param=name,
        )
    _check_texts({name: changes[name] for name in _TEXTS if name in changes})
    if "metadata" in changes:
        changes["metadata"] = validate_metadata(changes["metadata"])
    for name in ("business_profile", "capabilities"):
        if name in changes and not isinstance(changes[name], c.Mapping):
            raise _invalid(f"{name} is a mapping, not {changes[name]!r}.", name)
        if name in changes:
            changes[name] = dict(changes[name])
    row = require_account(account)
    if "metadata" in changes:
        change_of_metadata(changes["metadata"], row)
    return _change(row, "update_connect_account", {"changes": changes}, operation_id)


def reject_account(
    account: Account, reason: str, *, operation_id: str | None = None
) -> models.ConnectAccount:
    """Turn an account away: it's neither charged for nor paid any more.

    :param reason: ``credit``, ``fraud_no_intent_to_fulfill``, ``fraud_other``,
        ``fraud_payment_method_casher``, ``fraud_payment_method_tester``, ``other`` or ``terms_of_service``.
    """
    if reason not in REASONS:
        raise _invalid(f"The reason is one of {', '.join(sorted(REASONS))}.", "reason")
    row = require_account(account)
    return _change(row, "reject_connect_account", {"reason": reason}, operation_id)


def require_account(account: t.Any, *, processor: str | None = None) -> models.ConnectAccount:
    """Return an account of ours that the platform may act for.

    :raises InvalidRequest: with the code ``account_unknown`` for one that isn't here.
    :raises InvalidState: with the code ``account_disconnected`` for one that has let go of the platform.
    """
    row = account if isinstance(account, models.ConnectAccount) else None
    if isinstance(account, str):
        found = _select(processor, models.ConnectAccount.processor_id == account, connected=False)
        row = found[0] if found else None
    return check_connected(row, account if isinstance(account, str) else None)


def _change(
    row: models.ConnectAccount, method: str, said: dict[str, t.Any], operation_id: str | None
) -> models.ConnectAccount:
    gateway = _gateway(row.processor)
    processor_id, before = row.processor_id, seen(row)
    plan = Plan(
        kind=method,
        subject=f"connect_account:{row.id}",
        processor=gateway,
        arguments=said,
        method=method,
        request=lambda id: {"account": processor_id, **said},
        result="connect_account",
        customer_id=None,
        create=lambda uow, answer: _write(uow, gateway, answer, before),
    )
    return perform(plan, operation_id)


def _write(
    uow: UnitOfWork,
    gateway: Processor,
    answer: Answer,
    before: Seen,
    owner: tuple[str, str] | None = None,
) -> models.ConnectAccount:
    """Write an account as it was answered, unless news have come in meanwhile.

    What they don't tell yet, the event of the change itself will.
    """
    obj, source = answer.main, Source.of_answer(answer)
    assert isinstance(obj, objects.ConnectAccount)
    uow.lock_system(obj.processor_id)
    row = uow.find(models.ConnectAccount, gateway.name, obj.processor_id)
    known = before.get((obj.kind, obj.processor_id), mirror.UNSEEN)
    if row is not None and not mirror.may_write(row, known, source):
        return row
    return mirror.write_connect_account(uow, gateway.name, obj, source, owner=owner)


def _gateway(processor: str | None) -> Processor:
    account_scope.require_platform("A connected account")
    gateway = current_state().processor(processor)
    gateway.require(Capability.CONNECT)
    return gateway


def _select(
    processor: str | None, *which: sa.ColumnElement[bool], connected: bool = True
) -> list[models.ConnectAccount]:
    accounts, state = models.ConnectAccount, current_state()
    statement = sa.select(accounts).where(
        accounts.processor == (processor or state.settings.processor), *which
    )
    if connected:
        statement = statement.where(accounts.is_connected)
    statement = statement.order_by(accounts.created.desc(), accounts.id.desc())
    return list(state.db.session.scalars(statement.execution_options(autoflush=False)))


def _names(capabilities: t.Any) -> list[str]:
    if isinstance(capabilities, str) or not all(isinstance(each, str) for each in capabilities):
        raise _invalid("Capabilities are a list of names such as 'transfers'.", "capabilities")
    return sorted(capabilities)


def _check_texts(values: c.Mapping[str, t.Any]) -> None:
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise _invalid(f"An account's {name} is a string, not {value!r}.", name)


def _invalid(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)
