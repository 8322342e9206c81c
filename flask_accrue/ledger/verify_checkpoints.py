"""Holding checkpoints against one another, and the entries against checkpoints and kept files."""

from __future__ import annotations

import collections.abc as c
import itertools
import typing as t

import sqlalchemy as sa

from .. import models
from ..ledger_keys import LedgerKey
from . import chain as chains
from .checkpoint import SIGNED, ExportedHeads
from .findings import Kind, Report
from .reading import Unreadable, pages

_BATCH: t.Final = 500

_ENTRIES: t.Final = t.cast(sa.Table, models.LedgerEntry.__table__)
_TABLE: t.Final = t.cast(sa.Table, models.LedgerCheckpoint.__table__)

Head: t.TypeAlias = tuple[str, int, str]


def verify_checkpoints(
    connection: sa.Connection, keys: c.Mapping[str, LedgerKey], report: Report
) -> None:
    """Note each checkpoint that isn't what was signed, and each entry that one of them disowns."""
    number, digest, sound = 0, "", True
    order = [_TABLE.c.number, _TABLE.c.id]
    others = [column for column in _TABLE.c if column.name not in ("number", "id")]
    newest = connection.scalar(sa.select(sa.func.max(_TABLE.c.number)))
    if newest is None:
        return
    statement = sa.select(*others, *order).where(_TABLE.c.number <= newest)
    # A checkpoint may hold thousands of heads, so a page is short.
    for page in pages(connection, statement, order, size=10):
        for checkpoint in page:
            report.checkpoints += 1
            key = checkpoint.key if isinstance(checkpoint, Unreadable) else checkpoint[-2:]
            if not isinstance(key[0], int) or key[0] <= number:
                _add(report, key[0], "there is no such place, or another one has it")
                continue
            if key[0] > number + 1:
                numbers = str(number + 1) + (f" to {key[0] - 1}" if key[0] > number + 2 else "")
                _add(report, number + 1, f"missing ({numbers}), and later ones are there")
                sound = False
            number = key[0]
            if isinstance(checkpoint, Unreadable):
                _add(report, number, f"it can't be read any more ({checkpoint.error})")
                digest, sound = "", False
                continue
            signed = _is_signed(checkpoint, keys, report)
            if signed and sound and checkpoint.previous_hash != digest:
                _add(report, number, "it was signed to follow another one than the one before it")
            digest, sound = checkpoint.hash, signed
            if signed:
                heads = ((name, *head) for name, head in checkpoint.heads.items())
                _verify_heads(connection, heads, f"checkpoint {number}", number, report)


def verify_against(connection: sa.Connection, kept: ExportedHeads, report: Report) -> None:
    """Note each entry, and the checkpoint, that isn't what a kept file says it was."""
    if kept.checkpoint is not None:
        number, digest = kept.checkpoint
        found = connection.scalar(sa.select(_TABLE.c.hash).where(_TABLE.c.number == number))
        connection.rollback()
        if found is None:
            _add(report, number, f"{kept.path} says that it was made, and it's missing")
        elif found != digest:
            _add(report, number, f"{kept.path} says that it was another one")
    _verify_heads(connection, kept.heads(), str(kept.path), None, report)


def _is_signed(checkpoint: sa.Row[t.Any], keys: c.Mapping[str, LedgerKey], report: Report) -> bool:
    key = keys.get(checkpoint.key_id)
    if key is None:
        report.add(
            Kind.UNKNOWN_KEY,
            f"it was signed with the key {checkpoint.key_id!r}, which isn't configured: put it back "
            "at the end of ACCRUE_LEDGER_KEYS",
            checkpoint=checkpoint.number,
        )
        return False
    content = {name: checkpoint._mapping[name] for name in SIGNED}
    try:
        signed = chains.is_signed(content, checkpoint.hash, key)
    except Exception:  # noqa: BLE001 - what can't even be written wasn't signed
        signed = False
    if not signed:
        _add(
            report,
            checkpoint.number,
            "it isn't what was signed: it was changed, or written by somebody without the key",
        )
    return signed


def _verify_heads(
    connection: sa.Connection,
    heads: c.Iterable[Head],
    witness: str,
    checkpoint: int | None,
    report: Report,
) -> None:
    heads = iter(heads)
    while batch := list(itertools.islice(heads, _BATCH)):
        places = sa.tuple_(_ENTRIES.c.chain, _ENTRIES.c.sequence)
        statement = sa.select(_ENTRIES.c.chain, _ENTRIES.c.sequence, _ENTRIES.c.hash, _ENTRIES.c.id)
        rows = connection.execute(statement.where(places.in_([head[:2] for head in batch])))
        found = {(row.chain, row.sequence): row for row in rows}
        for chain, sequence, digest in batch:
            entry = found.get((chain, sequence))
            if entry is None:
                _miss(connection, chain, sequence, witness, checkpoint, report)
            elif entry.hash != digest:
                report.add(
                    Kind.REWRITTEN,
                    f"it, or an entry before it, was replaced: {witness} signed another one",
                    chain=chain,
                    sequence=sequence,
                    entry_id=entry.id,
                    checkpoint=checkpoint,
                )
        connection.rollback()


def _miss(
    connection: sa.Connection,
    chain: str,
    sequence: int,
    witness: str,
    checkpoint: int | None,
    report: Report,
) -> None:
    before = (_ENTRIES.c.chain == chain) & (_ENTRIES.c.sequence < sequence)
    left = connection.scalar(sa.select(sa.func.max(_ENTRIES.c.sequence)).where(before)) or 0
    report.add(
        Kind.TRUNCATED,
        f"missing: {witness} signed entry {sequence}",
        chain=chain,
        sequence=left + 1,
        last_sequence=sequence,
        checkpoint=checkpoint,
    )


def _add(report: Report, number: t.Any, reason: str) -> None:
    report.add(Kind.CHECKPOINT, reason, checkpoint=number)
