"""Writing one row: what changed, what that is called, and its entry in the ledger."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from .. import models
from ..inserts import new_row, set_values
from ..ledger.append import tell
from ..processors import objects
from ..unit_of_work import Change, UnitOfWork
from .freshness import Source

R = t.TypeVar("R", bound=models.Mirrored)

#: Links that open without a log-in. The ledger is for ever, and read by more people than may pay a bill.
_OPEN_LINKS: t.Final = frozenset({"hosted_url", "receipt_url", "url"})
#: Columns that are bookkeeping of ours, the raw object or an open link: neither in a state nor a change.
_UNTOLD: t.Final = _OPEN_LINKS | frozenset(
    "id created_at updated_at lock_version fresh_from fresh_to fresh_event raw data "
    "processor owner_key".split()
)
_TOLD: dict[type[models.Mirrored], tuple[str, ...]] = {}


#: What a processor may write at length has a column of as much, or of more.
_ALWAYS_FITS: t.Final = 64


@dataclasses.dataclass
class Draft(t.Generic[R]):
    """A row that's being written, with what it was before.

    :ivar gathered: it's new, and inserted later together with others.
    """

    row: R
    created: bool
    before: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    after: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    gathered: bool = False

    def set(self, **values: t.Any) -> None:
        """Set columns, and note those that change, unless nobody is told of them."""
        if self.gathered:
            set_values(self.row, values)
            return
        for name, value in values.items():
            old = getattr(self.row, name)
            if old == value and type(old) is type(value):
                continue
            if not self.created and name not in _UNTOLD:
                self.before.setdefault(name, old)
                self.after[name] = value
                if self.before[name] == value:
                    del self.before[name], self.after[name]
            setattr(self.row, name, value)

    def note(self, name: str, before: t.Any, after: t.Any) -> None:
        """Note a change of what belongs to the row without being a column of it."""
        if before != after:
            self.before[name], self.after[name] = before, after

    @property
    def is_change(self) -> bool:
        """Whether there is anything to tell."""
        return self.created or bool(self.after)


def draft(
    uow: UnitOfWork,
    model: type[R],
    processor: str,
    obj: objects.ProcessorObject,
    source: Source,
    values: c.Mapping[str, t.Any],
    *,
    row: R | None,
    **identity: t.Any,
) -> Draft[R]:
    """Write what every mirrored row has, and its own columns; ``row`` is the locked one or ``None``.

    :param identity: columns that are only set on a new row, such as ``customer_id``.
    """
    made: Draft[R]
    values = _fitting(model, values)
    if row is None:
        names = {"processor": processor, "processor_id": obj.processor_id}
        row = new_row(model, {**names, **identity, "meta": {}, "data": {}})
        uow.add(row)
        made = Draft(row, created=True, gathered=uow.gathers)
    else:
        made = Draft(row, created=False)
    made.set(meta=dict(obj.metadata), **values)
    if obj.created is not None:
        made.set(created=obj.created)
    if obj.deleted:
        made.set(deleted_at=earlier(row.deleted_at, source.fresh_from))
    elif row.deleted_at is not None and row.deleted_at < source.fresh_from:
        made.set(deleted_at=None)
    raw = dict(obj.raw)
    if made.is_change or source.event is not None or is_other(row, raw):
        stamp(made, source, raw=raw)
    return made


def _fitting(model: type[models.Mirrored], values: c.Mapping[str, t.Any]) -> c.Mapping[str, t.Any]:
    """Return values whose texts fit their columns: a name of a page's length mustn't keep all else away.

    Whole, it's in ``raw``. No id is as long as that.
    """
    if not any(type(value) is str and len(value) > _ALWAYS_FITS for value in values.values()):
        return values
    columns = sa.inspect(model).columns
    fitting = dict(values)
    for name, value in values.items():
        if type(value) is str and name in columns:
            fitting[name] = value[: getattr(columns[name].type, "length", None)]
    return fitting


def is_other(row: models.Mirrored, raw: dict[str, t.Any]) -> bool:
    """Tell whether an object isn't as it came last time, or may not be.

    The old one is loaded only by whoever expects that nothing has changed: reading it costs more than writing
    it again.
    """
    return orm.attributes.instance_dict(row).get("raw") != raw


def earlier(known: datetime.datetime | None, said: datetime.datetime) -> datetime.datetime:
    """Return the earlier of two times at which something was gone.

    A fetch that finds nothing only tells that it's gone by now; the event tells since when.
    """
    return said if known is None else min(known, said)


def stamp(made: Draft[R], source: Source, *, raw: dict[str, t.Any] | None = None) -> None:
    """Note how fresh a row is; ``raw`` is the object as it came, where it came whole."""
    values: dict[str, t.Any] = {
        "fresh_from": source.fresh_from,
        "fresh_to": source.fresh_to,
        "fresh_event": source.event,
    }
    if raw is not None:
        # Not compared: the old one isn't loaded, since reading it costs more than writing it again.
        values["raw"] = raw
    if made.gathered:
        set_values(made.row, values)
        return
    for name, value in values.items():
        setattr(made.row, name, value)


def record(
    uow: UnitOfWork,
    kind: str,
    verb: str,
    made: Draft[t.Any],
    customer: models.Customer | None,
    *,
    data: c.Mapping[str, t.Any] | None = None,
    **parts: t.Any,
) -> None:
    """Append the entry of a change, and hand the change on.

    :param data: what the entry tells besides the columns that changed.
    :param parts: what belongs to the state besides the columns, such as a subscription's items.
    """
    row = made.row
    tell(
        uow,
        f"{kind}.{verb}",
        subject_type=kind,
        subject_id=str(row.id),
        customer=customer,
        data={
            "processor": row.processor,
            "changes": {name: [made.before[name], value] for name, value in made.after.items()},
            **(data or {}),
        },
        state={**told(row), **parts},
        chain_of=row.processor_id,
    )
    uow.changed(Change(kind, verb, row, made.before, made.after, made.created))


def told(row: models.Mirrored) -> dict[str, t.Any]:
    """Return the columns of a row that make up its state in the ledger."""
    model = type(row)
    names = _TOLD.get(model)
    if names is None:
        mapper = model.__mapper__
        names = tuple(a.key for a in mapper.column_attrs if a.key not in _UNTOLD)
        _TOLD[model] = names
    known = orm.attributes.instance_dict(row)
    return {name: known[name] if name in known else getattr(row, name) for name in names}


def said(value: t.Any, known: t.Any) -> t.Any:
    """Return what the processor says, or what is known where it says nothing."""
    return known if value is objects.UNSAID else value
