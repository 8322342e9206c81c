"""Checkpoints: a signed note of where each chain stood, and the file of it that is kept elsewhere."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hmac
import json
import pathlib
import typing as t

import sqlalchemy as sa

from .. import clock, models
from ..errors import InvalidState
from ..isolation import dialect_of
from ..ledger_keys import LedgerKey
from ..origins import Origin, current_actor
from ..state import current_state
from ..unit_of_work import UnitOfWork, write
from . import chain

#: How many chains one checkpoint covers at most; the rest goes into the next one at once.
HEADS: t.Final = 5000
FORMAT: t.Final = "accrue-ledger-heads/1"
#: What a checkpoint's hash covers.
SIGNED: t.Final = ("number", "recorded_at", "heads", "key_id", "previous_hash")
_TRIES: t.Final = 5


def make_checkpoint() -> list[models.LedgerCheckpoint]:
    """Sign the heads that changed since the last checkpoint, and the hash of that checkpoint.

    Commits. Several processes may do this at once: each changed head gets into one checkpoint, and the
    checkpoints stay one chain. A chain that is being written to at this moment isn't waited for; its
    turn comes with the next checkpoint.

    :returns: the checkpoints made, none where no head has changed.
    """
    made: list[models.LedgerCheckpoint] = []
    count = HEADS
    while count == HEADS:
        checkpoint, count = _make_one()
        if checkpoint is not None:
            made.append(checkpoint)
    return made


def _make_one() -> tuple[models.LedgerCheckpoint | None, int]:
    for attempt in range(1, _TRIES + 1):
        try:
            return write(_sign_changed_heads, origin=Origin(current_actor()))
        except sa.exc.IntegrityError:
            # Another one took the number. Numbers are unique, so that there is never a fork.
            if attempt == _TRIES:
                raise
    raise AssertionError("unreachable")


def _sign_changed_heads(uow: UnitOfWork) -> tuple[models.LedgerCheckpoint | None, int]:
    heads = models.LedgerChain
    changed = (
        sa.select(heads.chain)
        .where(heads.sequence > heads.checkpointed)
        .order_by(heads.chain)
        .limit(HEADS)
        .with_for_update(skip_locked=True)
    )
    if dialect_of(uow.session) != "sqlite":
        # So that it's run once. Python's SQLite driver, though, only begins a transaction for a
        # statement whose first word is UPDATE.
        changed = sa.select(changed.cte("changed").c.chain)
    # The mark only saves looking at what hasn't changed. Whoever forges it keeps a chain out of the
    # checkpoints here, which deleting them does as well; the exported file has all heads anyway.
    rows = uow.execute(
        sa.update(heads)
        .where(heads.chain.in_(changed))
        .values(checkpointed=heads.sequence)
        .returning(heads.chain, heads.sequence, heads.hash)
        .execution_options(synchronize_session=False)
    ).all()
    if not rows:
        return None, 0
    last = latest_checkpoint(uow.execute)
    key = chain.signing_key(current_state().ledger_keys)
    content: dict[str, t.Any] = {
        "number": 1 if last is None else last.number + 1,
        "recorded_at": clock.now(),
        "heads": {row.chain: [row.sequence, row.hash] for row in rows},
        "key_id": key.id,
        "previous_hash": "" if last is None else last.hash,
    }
    checkpoint = models.LedgerCheckpoint(**content, hash=chain.sign(content, key))
    uow.session.add(checkpoint)
    return checkpoint, len(rows)


def latest_checkpoint(execute: c.Callable[[t.Any], sa.Result[t.Any]]) -> t.Any:
    """Return number and hash of the latest checkpoint, or ``None`` before the first."""
    checkpoints = models.LedgerCheckpoint
    return execute(
        sa.select(checkpoints.number, checkpoints.hash).order_by(checkpoints.number.desc()).limit(1)
    ).one_or_none()


# -- the file ---------------------------------------------------------------------------------------
#
# JSON Lines, so that a million heads need no memory: what it is, a line a head, and a seal over all.


@dataclasses.dataclass(frozen=True)
class ExportedHeads:
    """A file of heads whose seal was found to be right.

    :ivar checkpoint: number and hash of the latest checkpoint at that time, or ``None``.
    """

    path: pathlib.Path
    checkpoint: tuple[int, str] | None

    def heads(self) -> c.Iterator[tuple[str, int, str]]:
        """Give each chain with the sequence and the hash of its last entry at that time."""
        with self.path.open(encoding="utf-8") as lines:
            next(lines)
            for line in lines:
                read = json.loads(line)
                if isinstance(read, list):
                    yield read[0], read[1], read[2]


def export_heads(out: t.TextIO) -> int:
    """Write the heads of all chains, signed, and return how many there are.

    Kept where nobody who can write to the database can write, the file shows what was done by somebody
    who reset heads and checkpoints too; see :func:`~flask_accrue.ledger.verify`.
    """
    key = chain.signing_key(current_state().ledger_keys)
    seal = hmac.new(key.secret, digestmod="sha256")

    def write_line(value: t.Any) -> None:
        line = chain.canonical(value) + b"\n"
        seal.update(line)
        out.write(line.decode())

    heads = models.LedgerChain
    count = 0
    with ledger_engine().connect() as connection:
        last = latest_checkpoint(connection.execute)
        write_line(
            {
                "format": FORMAT,
                "recorded_at": clock.now().isoformat(),
                "checkpoint": None if last is None else [last.number, last.hash],
            }
        )
        statement = (
            sa.select(heads.chain, heads.sequence, heads.hash)
            .where(heads.sequence > 0)
            .order_by(heads.chain)
        )
        for row in connection.execution_options(yield_per=HEADS).execute(statement):
            write_line(list(row))
            count += 1
    closing = {"heads": count, "key_id": key.id}
    seal.update(chain.canonical(closing))
    out.write(chain.canonical({**closing, "hash": seal.hexdigest()}).decode() + "\n")
    return count


def read_heads(path: pathlib.Path, keys: c.Mapping[str, LedgerKey]) -> ExportedHeads:
    """Read a file of :func:`export_heads` and check its seal.

    :raises InvalidState: when it isn't such a file, or isn't as it was written.
    """
    try:
        return _read_heads(path, keys)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InvalidState(
            f"{path} can't be compared with: it isn't what `flask accrue ledger checkpoint --out` "
            f"wrote ({error}). Use another copy.",
            code="export_invalid",
        ) from None


def _read_heads(path: pathlib.Path, keys: c.Mapping[str, LedgerKey]) -> ExportedHeads:
    with path.open("rb") as lines:
        first = lines.readline()
        opening = json.loads(first)
        if not isinstance(opening, dict) or opening.get("format") != FORMAT:
            raise ValueError(f"its first line doesn't say {FORMAT}")
        # The key is named in the last line, so each of ours goes along.
        seals = {key.id: hmac.new(key.secret, first, "sha256") for key in keys.values()}
        line = b""
        for line in lines:
            if not line.startswith(b"["):
                break
            for seal in seals.values():
                seal.update(line)
        closing = json.loads(line)
        if lines.read():
            raise ValueError("something follows its last line")
    digest = closing.pop("hash")
    if closing["key_id"] not in seals:
        raise ValueError(f"the key {closing['key_id']!r} isn't configured")
    seal = seals[closing["key_id"]]
    seal.update(chain.canonical(closing))
    if not hmac.compare_digest(seal.hexdigest(), digest):
        raise ValueError("its signature is wrong")
    checkpoint = opening["checkpoint"]
    return ExportedHeads(path, None if checkpoint is None else (checkpoint[0], checkpoint[1]))


def ledger_engine() -> sa.Engine:
    """Return the engine of the database that holds the ledger."""
    session = current_state().db.session()
    return t.cast(sa.Engine, session.get_bind(mapper=models.LedgerChain.__mapper__))
