"""Walking each chain from its first entry to its last: signatures, places, links."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .. import models
from ..ledger_keys import LedgerKey
from . import chain as chains
from .findings import Kind, Report
from .reading import Unreadable, pages

#: How many entries of one chain, and how many empty places, are tried against one another.
_TRIED: t.Final = 50

_TABLE: t.Final = t.cast(sa.Table, models.LedgerEntry.__table__)
_ORDER: t.Final = (_TABLE.c.chain, _TABLE.c.sequence, _TABLE.c.id)
_HEADS: t.Final = t.cast(sa.Table, models.LedgerChain.__table__)


def verify_entries(
    connection: sa.Connection, keys: c.Mapping[str, LedgerKey], report: Report
) -> None:
    """Read all entries, chain by chain, and note each that isn't what and where it was signed."""
    others = [column for column in _TABLE.c if column not in _ORDER]
    # What comes while this reads is for the next time, or there might be no end to it.
    newest = connection.scalar(sa.select(sa.func.max(_TABLE.c.id)))
    if newest is None:
        return
    statement = sa.select(*others, *_ORDER).where(_TABLE.c.id <= newest)
    walk: _Walk | None = None
    for page in pages(connection, statement, _ORDER):
        headed = _with_head(connection, {_place(entry)[0] for entry in page})
        for entry in page:
            name = _place(entry)[0]
            if walk is None or walk.name != name:
                if walk is not None:
                    walk.finish()
                walk = _Walk(name, keys, report)
                if name not in headed:
                    report.add(
                        Kind.MISSING_CHAIN, "it has entries, and its head is gone", chain=str(name)
                    )
            walk.step(entry)
    if walk is not None:
        walk.finish()


def _place(entry: sa.Row[t.Any] | Unreadable) -> tuple[t.Any, t.Any, int]:
    key = entry.key if isinstance(entry, Unreadable) else tuple(entry)[-3:]
    return t.cast("tuple[t.Any, t.Any, int]", key)


def _with_head(connection: sa.Connection, names: set[t.Any]) -> set[t.Any]:
    # A chain's row is there before its first entry, so reading it later can't miss it.
    return set(connection.scalars(sa.select(_HEADS.c.chain).where(_HEADS.c.chain.in_(names))))


class _Walk:
    """One chain, as far as it was read."""

    def __init__(self, name: t.Any, keys: c.Mapping[str, LedgerKey], report: Report) -> None:
        self.name = name
        self._keys = keys
        self._report = report
        self._sequence = 0
        self._digest = ""
        self._entry_id: int | None = None
        # Whether the entry before is what was signed, so that a link which fails accuses this one.
        self._sound = True
        self._suspects: list[tuple[dict[str, t.Any], sa.Row[t.Any]]] = []
        self._empty: list[int] = []

    def step(self, entry: sa.Row[t.Any] | Unreadable) -> None:
        """Take the next entry, in order of place."""
        self._report.entries += 1
        _, sequence, entry_id = _place(entry)
        if not isinstance(sequence, int) or sequence < 1:
            self._add(Kind.INSERTED, "no chain has such a place", entry)
            return
        sound = self._is_signed(entry)
        if sequence == self._sequence:
            self._add(Kind.INSERTED, "there is another entry in this place", entry)
        elif sequence > self._sequence + 1:
            self._miss(self._sequence + 1, sequence - 1)
        elif sound and self._sound and self._link(entry) != self._digest:
            self._add(
                Kind.REORDERED,
                "it was signed to follow another entry than the one before it",
                entry,
            )
        if self._entry_id is not None and entry_id <= self._entry_id:
            self._add(
                Kind.REORDERED,
                f"it was written before the entry that it follows, which has the id {self._entry_id}",
                entry,
            )
        self._sequence, self._entry_id, self._sound = sequence, entry_id, sound
        self._digest = "" if isinstance(entry, Unreadable) else entry.hash

    def finish(self) -> None:
        """Tell the entries that were moved from those that were edited."""
        places = [content["sequence"] for content, _ in self._suspects] + self._empty
        for content, entry in self._suspects:
            key = self._keys[entry.key_id]
            signed_for = next(
                (
                    place
                    for place in places
                    if chains.is_signed({**content, "sequence": place}, entry.hash, key)
                ),
                None,
            )
            if signed_for is None:
                self._edited(entry)
            else:
                self._add(Kind.REORDERED, f"it was signed as entry {signed_for}", entry)

    def _is_signed(self, entry: sa.Row[t.Any] | Unreadable) -> bool:
        if isinstance(entry, Unreadable):
            self._add(Kind.EDITED, f"it can't be read any more ({entry.error})", entry)
            return False
        key = self._keys.get(entry.key_id)
        if key is None:
            self._add(
                Kind.UNKNOWN_KEY,
                f"it was signed with the key {entry.key_id!r}, which isn't configured: put it back "
                "at the end of ACCRUE_LEDGER_KEYS",
                entry,
            )
            return False
        try:
            content = chains.entry_content(t.cast("c.Mapping[str, t.Any]", entry._mapping))
        except KeyError:
            self._add(
                Kind.EDITED,
                f"its schema version {entry.schema_version!r} is none that this release knows",
                entry,
            )
            return False
        try:
            if chains.is_signed(content, entry.hash, key):
                return True
        except Exception:  # noqa: BLE001 - what can't even be written wasn't signed
            self._edited(entry)
            return False
        if len(self._suspects) < _TRIED:
            self._suspects.append((content, entry))
        else:
            self._edited(entry)
        return False

    @staticmethod
    def _link(entry: sa.Row[t.Any] | Unreadable) -> t.Any:
        return None if isinstance(entry, Unreadable) else entry.previous_hash

    def _edited(self, entry: sa.Row[t.Any]) -> None:
        self._add(
            Kind.EDITED,
            "it isn't what was signed: it was changed, or written by somebody without the key",
            entry,
        )

    def _miss(self, first: int, last: int) -> None:
        self._empty.extend(range(first, min(last + 1, first + _TRIED - len(self._empty))))
        self._report.add(
            Kind.DELETED,
            "missing between entries that are there" if first > 1 else "missing at the beginning",
            chain=str(self.name),
            sequence=first,
            last_sequence=last,
        )

    def _add(self, kind: str, reason: str, entry: sa.Row[t.Any] | Unreadable) -> None:
        name, sequence, entry_id = _place(entry)
        self._report.add(kind, reason, chain=str(name), sequence=sequence, entry_id=entry_id)
