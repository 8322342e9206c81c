"""The host's models that can pay, and the two strings that link them to their customers."""

from __future__ import annotations

import collections.abc as c
import datetime
import decimal
import enum
import json
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from werkzeug.local import LocalProxy

from .errors import ConfigError, InvalidRequest, InvalidState
from .state import current_state

_INT64: t.Final = 2**63


class Billable:
    """Mark a model of the host as something that can pay.

    ::

        class Organization(Billable, db.Model):
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str]

    ``billing_name`` and ``billing_email`` are what the processor is told; by default the model's ``name``
    and ``email``. ``__billable_type__`` is what customers are filed under, by default the class name; set it
    before the first customer exists if the class may be renamed.
    """

    __billable_type__: t.ClassVar[str | None] = None

    @property
    def billing_name(self) -> str | None:
        """The name on invoices."""
        return getattr(self, "name", None)

    @property
    def billing_email(self) -> str | None:
        """Where receipts go."""
        return getattr(self, "email", None)

    @classmethod
    def billable_type(cls) -> str:
        """Return what customers of this model are filed under."""
        return cls.__billable_type__ or cls.__name__


def owner_reference(owner: t.Any) -> tuple[str, str]:
    """Return the type and id that link a billable to its customers.

    The id is the primary key as text, without loss: ``5``, a UUID, or a JSON list for several columns.

    :raises InvalidRequest: for something that isn't a billable.
    :raises InvalidState: for one that has no primary key yet.
    """
    if isinstance(owner, LocalProxy):
        owner = owner._get_current_object()
    state = sa.inspect(owner, raiseerr=False) if isinstance(owner, Billable) else None
    if state is None:
        raise InvalidRequest(
            f"A {type(owner).__name__} can't pay: its model doesn't inherit from Billable.",
            code="not_billable",
        )
    # What was loaded knows its key without asking the database, also when it is expired or detached.
    key = state.identity or state.mapper.primary_key_from_instance(owner)
    if any(part is None for part in key):
        raise InvalidState(
            f"This {type(owner).__name__} has no primary key yet: add it to db.session first.",
            code="owner_unsaved",
        )
    return owner.billable_type(), key_text(key)


def load_owner(owner_type: str, owner_id: str) -> t.Any | None:
    """Return the billable that a customer belongs to, or ``None`` when the host deleted it."""
    model = billable_types().get(owner_type)
    if model is None:
        return None
    key = _key(model, owner_id)
    if key is None:
        return None
    try:
        return current_state().db.session.get(model, key)
    except sa.exc.DBAPIError:
        raise
    except sa.exc.StatementError:
        # A column type of the host's own took the text for no key.
        return None


def may_be_key(model: type[t.Any], text: str) -> bool:
    """Tell whether some owner of a model writes its primary key so, without looking for one.

    What a column type of the host's own makes of it isn't known.
    """
    if any(isinstance(each.type, sa.TypeDecorator) for each in sa.inspect(model).primary_key):
        return True
    try:
        return _key(model, text) is not None
    except NotImplementedError:
        return True


def key_as_written(model: type[t.Any], text: str) -> str:
    """Return the key of a single column as its model writes it, where another tool has written it.

    A UUID may come in capitals or without dashes, as databases hold it that have no type for one.
    """
    columns = sa.inspect(model).primary_key
    type_ = columns[0].type
    plain = type_.impl_instance if isinstance(type_, sa.TypeDecorator) else type_
    if len(columns) == 1 and isinstance(plain, sa.Uuid) and plain.as_uuid:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            return text
    return text


def billable_types() -> dict[str, type[t.Any]]:
    """Return this app's billable models by type.

    :raises ConfigError: when two models share a type.
    """
    base: t.Any = current_state().db.Model
    registry: orm.registry = base.registry
    found: dict[str, type[t.Any]] = {}
    for mapper in registry.mappers:
        model = mapper.class_
        if not issubclass(model, Billable):
            continue
        other = found.setdefault(model.billable_type(), model)
        if other is not model and not (issubclass(model, other) or issubclass(other, model)):
            raise ConfigError(
                f"Two models are billable as {model.billable_type()!r}: {other.__name__} and "
                f"{model.__name__}. Set __billable_type__ on one of them."
            )
        if issubclass(other, model):
            found[model.billable_type()] = model
    return found


def _key(model: type[t.Any], owner_id: str) -> tuple[t.Any, ...] | None:
    """Return the primary key behind the id of an owner, or ``None`` where it's none."""
    columns = sa.inspect(model).primary_key
    try:
        texts = [owner_id] if len(columns) == 1 else json.loads(owner_id)
        key = tuple(_parse(text, column) for text, column in zip(texts, columns, strict=True))
    except (ValueError, TypeError, KeyError, decimal.InvalidOperation):
        return None
    # `05` and ` 5` also read as 5, but no owner writes itself so.
    return key if key_text(key) == owner_id else None


def key_text(key: c.Sequence[t.Any]) -> str:
    """Return a primary key as the id of an owner, without loss."""
    texts = [_text(part) for part in key]
    return texts[0] if len(texts) == 1 else json.dumps(texts)


def _text(part: t.Any) -> str:
    if type(part) in (int, str):
        return str(part)
    if isinstance(part, enum.Enum):
        return part.name
    if isinstance(part, bytes):
        return part.hex()
    if isinstance(part, datetime.datetime | datetime.date | datetime.time):
        return part.isoformat()
    if isinstance(part, decimal.Decimal):
        # Before it was stored it may have had fewer zeros at its end.
        text = format(part, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(part)


def _parse(text: str, column: sa.Column[t.Any]) -> t.Any:
    type_ = column.type
    kind = (type_.impl_instance if isinstance(type_, sa.TypeDecorator) else type_).python_type
    if kind in (str, object):
        if "\0" in text:
            raise ValueError("No database key holds a NUL.")
        return text
    if kind is bool:
        return {"True": True, "False": False}[text]
    if kind is bytes:
        return bytes.fromhex(text)
    if kind in (datetime.datetime, datetime.date, datetime.time):
        return kind.fromisoformat(text)
    if issubclass(kind, enum.Enum):
        return kind[text]
    value = kind(text)
    if kind is int and not -_INT64 <= value < _INT64:
        raise ValueError("No database key is that long.")
    return value
