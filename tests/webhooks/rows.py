"""All mirrored rows of a database, so that two ways to the same end can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from flask_accrue import models

if TYPE_CHECKING:
    import uuid

    from flask_sqlalchemy import SQLAlchemy

#: Bookkeeping of this database, which tells nothing about the processor.
OWN = frozenset("id created_at updated_at lock_version fresh_from fresh_to fresh_event".split())

Rows = dict[str, dict[str, dict[str, Any]]]


def mirrored_rows(db: SQLAlchemy) -> Rows:
    """Return each row by kind and the processor's id, its columns by name.

    Foreign keys are told by the processor's id of what they lead to.
    """
    db.session.rollback()
    db.session.expire_all()
    names: dict[uuid.UUID, str] = {}
    rows: Rows = {"item": {}, "line": {}}
    for kind, model in models.MIRRORED.items():
        found = db.session.scalars(sa.select(model)).all()
        names |= {row.id: row.processor_id for row in found}
        rows[kind] = {row.processor_id: _columns(row) for row in found}
    for item in db.session.scalars(sa.select(models.SubscriptionItem)):
        rows["item"][item.processor_id] = _columns(item)
    lines = sa.select(models.InvoiceItem).order_by(models.InvoiceItem.position)
    for line in db.session.scalars(lines):
        name = f"{names[line.invoice_id]}/{line.position}"
        rows["line"][name] = _columns(line)
    for columns in (each for of_kind in rows.values() for each in of_kind.values()):
        for name, value in columns.items():
            if name.endswith("_id") and value in names:
                columns[name] = names[value]
    db.session.rollback()
    return rows


def _columns(row: Any) -> dict[str, Any]:
    keys = [attribute.key for attribute in type(row).__mapper__.column_attrs]
    return {key: getattr(row, key) for key in keys if key not in OWN}


def differences(rows: Rows, others: Rows) -> list[str]:
    """Say in which columns two sets of rows differ, for a message that can be read."""
    told = []
    for kind in sorted(rows.keys() | others.keys()):
        here, there = rows.get(kind, {}), others.get(kind, {})
        told += [f"{kind} {name} is only here" for name in sorted(here.keys() - there.keys())]
        told += [f"{kind} {name} is missing" for name in sorted(there.keys() - here.keys())]
        for name in sorted(here.keys() & there.keys()):
            told += [
                f"{kind} {name}.{column}: {here[name][column]!r} != {value!r}"
                for column, value in there[name].items()
                if here[name][column] != value
            ]
    return told
