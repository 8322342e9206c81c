"""Appending to the ledger, in the transaction of the change that it tells of."""

from __future__ import annotations

import collections.abc as c
import datetime
import decimal
import re
import typing as t
import uuid

from .. import models
from ..unit_of_work import UnitOfWork, system_chain
from . import chain

SCHEMA_VERSION: t.Final = 1
_SURROGATE: t.Final = re.compile("[\ud800-\udfff]")
_PLAIN: t.Final = frozenset({int, bool, type(None)})


def append(
    uow: UnitOfWork,
    type: str,
    *,
    subject_type: str,
    subject_id: str,
    customer: models.Customer | None,
    data: c.Mapping[str, t.Any] | None = None,
    state: c.Mapping[str, t.Any] | None = None,
    chain_of: str | None = None,
) -> models.LedgerEntry:
    """Append an entry to the customer's chain, or to a chain of the system's without a customer.

    The chain must be locked by this unit of work. Two statements in all: the lock, which the
    transaction needs anyway, and the insert; the database's trigger moves the head.

    :param type: such as ``subscription.canceled``.
    :param data: what changed; plain JSON without floats, no card, no secret, no raw payload.
    :param chain_of: without a customer, what :meth:`UnitOfWork.lock_system` was called with, where that
        isn't the subject's id.
    :param state: the subject after the change, whole; ``None`` where there is no state to keep.
    :raises InvalidState: when this transaction didn't lock the chain.
    :raises TypeError: for a float, and for what JSON doesn't know.
    """
    content, _ = _signed(
        uow, type, subject_type, subject_id, customer, data or {}, state, chain_of or subject_id
    )
    entry = models.LedgerEntry(**content)
    uow.add(entry)
    return entry


def tell(
    uow: UnitOfWork,
    type: str,
    *,
    subject_type: str,
    subject_id: str,
    customer: models.Customer | None,
    data: c.Mapping[str, t.Any],
    state: c.Mapping[str, t.Any],
    chain_of: str,
) -> None:
    """Append an entry as :func:`append` does, of which nobody needs the row."""
    content, text = _signed(uow, type, subject_type, subject_id, customer, data, state, chain_of)
    uow.add_values(models.LedgerEntry, content, text)


def _signed(
    uow: UnitOfWork,
    type: str,
    subject_type: str,
    subject_id: str,
    customer: models.Customer | None,
    data: c.Mapping[str, t.Any],
    state: c.Mapping[str, t.Any] | None,
    chain_of: str,
) -> tuple[dict[str, t.Any], str]:
    """Return the next entry of a chain, also as a text of JSON, and have the chain end with it."""
    name = customer.chain if customer is not None else system_chain(chain_of)
    sequence, previous_hash = uow.head(name)
    key = chain.signing_key(uow.state.ledger_keys)
    try:
        data, state = jsonable(data), None if state is None else jsonable(state)
    except _FloatError:
        chain.refuse_floats({"data": data, "state": state})
        raise
    content: dict[str, t.Any] = {
        "chain": name,
        "sequence": sequence + 1,
        "type": type,
        "schema_version": SCHEMA_VERSION,
        "actor_type": uow.origin.actor.type,
        "actor_id": uow.origin.actor.id,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "customer_id": None if customer is None else customer.id,
        "data": data,
        "state": state,
        "operation_id": uow.origin.operation_id,
        "trace_id": uow.origin.trace_id,
        "cause_entry_id": uow.origin.cause_entry_id,
        "cause_webhook_id": uow.origin.cause_webhook_id,
        "occurred_at": uow.origin.occurred_at,
        "recorded_at": uow.state.clock.now(),
        "key_id": key.id,
        "previous_hash": previous_hash,
    }
    text, digest = chain.signed_text(content, key)
    content["hash"] = digest
    uow.move_head(name, sequence + 1, digest)
    return content, f'{text[:-1]},"hash":"{digest}"}}'


class _FloatError(TypeError):
    """There is a float in what is to be recorded."""


def jsonable(value: t.Any) -> t.Any:
    """Turn times into ISO 8601 in UTC, UUIDs and decimals into text, so that the database can hold it.

    :raises ValueError: for a time without a zone.
    :raises TypeError: for a float.
    """
    of = type(value)
    if of in _PLAIN:
        return value
    if isinstance(value, str):
        return _text(value)
    if of is dict:
        return {
            # Most names are plain, and most of a state says nothing, or is a short text or a number.
            name
            if type(name) is str and name.isidentifier() and name.isascii()
            else _text(str(name)): each
            if type(each) in _PLAIN or (type(each) is str and each.isalnum() and each.isascii())
            else jsonable(each)
            for name, each in value.items()
        }
    if of is datetime.datetime or isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone can't be recorded: {value!r}. Use UTC.")
        if value.tzinfo is not datetime.UTC:
            value = value.astimezone(datetime.UTC)
        return value.isoformat()
    if of is list or of is tuple:
        return [jsonable(item) for item in value]
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return str(value)
    if isinstance(value, float):
        raise _FloatError("The ledger can't hold a float.")
    if isinstance(value, c.Mapping):
        return jsonable(dict(value))
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def _text(value: str) -> str:
    # What a customer typed must not keep an entry out: PostgreSQL holds neither of these two.
    if value.isascii():
        return value.replace("\x00", "\ufffd") if "\x00" in value else value
    if "\x00" in value or _SURROGATE.search(value):
        return _SURROGATE.sub("\ufffd", value.replace("\x00", "\ufffd"))
    return value
