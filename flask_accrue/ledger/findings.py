"""What verifying found: one finding for each thing that is wrong, and the report of them all."""

from __future__ import annotations

import dataclasses
import typing as t

#: How many findings a report holds; the others are only counted, so that memory stays bounded.
KEPT: t.Final = 1000


class Kind:
    """What can be wrong.

    ``edited``: an entry isn't what was signed: changed, or written by somebody without the key.
    ``deleted``: entries are missing between others, or before them.
    ``inserted``: an entry stands where there is one already, or after the chain's end.
    ``reordered``: an entry was signed for another place.
    ``truncated``: the last entries of a chain are missing.
    ``rewritten``: entries agree with one another but not with a checkpoint.
    ``missing_chain``: a chain is gone, or has entries and no head.
    ``head``: a chain's head was changed.
    ``checkpoint``: a checkpoint was changed or deleted.
    ``unknown_key``: signed with a key that isn't configured, so nothing can be said.
    """

    EDITED: t.Final = "edited"
    DELETED: t.Final = "deleted"
    INSERTED: t.Final = "inserted"
    REORDERED: t.Final = "reordered"
    TRUNCATED: t.Final = "truncated"
    REWRITTEN: t.Final = "rewritten"
    MISSING_CHAIN: t.Final = "missing_chain"
    HEAD: t.Final = "head"
    CHECKPOINT: t.Final = "checkpoint"
    UNKNOWN_KEY: t.Final = "unknown_key"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with the ledger.

    :ivar kind: one of :class:`Kind`.
    :ivar reason: a sentence that says what was found and what it should have been.
    :ivar chain: the chain, where it is about one.
    :ivar sequence: the entry's place in the chain, or the first of several.
    :ivar last_sequence: the last of several.
    :ivar entry_id: the entry's row, where there is one.
    :ivar checkpoint: the checkpoint's number, where it is about one.
    """

    kind: str
    reason: str
    chain: str | None = None
    sequence: int | None = None
    last_sequence: int | None = None
    entry_id: int | None = None
    checkpoint: int | None = None

    def __str__(self) -> str:
        where = []
        if self.chain is not None:
            where.append(self.chain)
        if self.sequence is not None:
            if self.last_sequence is None or self.last_sequence == self.sequence:
                where.append(f"entry {self.sequence}")
            else:
                where.append(f"entries {self.sequence} to {self.last_sequence}")
        if self.entry_id is not None:
            where.append(f"(id {self.entry_id})")
        if self.checkpoint is not None and self.chain is None:
            where.append(f"checkpoint {self.checkpoint}")
        return f"{' '.join(where) or 'ledger'}: {self.kind}: {self.reason}"


@dataclasses.dataclass
class Report:
    """What :func:`~flask_accrue.ledger.verify` found.

    :ivar entries: how many entries were read; likewise ``chains`` and ``checkpoints``.
    :ivar findings: what is wrong, the first thousand of it.
    :ivar finding_count: how much is wrong in all.
    """

    entries: int = 0
    chains: int = 0
    checkpoints: int = 0
    findings: list[Finding] = dataclasses.field(default_factory=list)
    finding_count: int = 0

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.finding_count == 0

    def add(self, kind: str, reason: str, **where: t.Any) -> None:
        """Note something that is wrong."""
        self.finding_count += 1
        if len(self.findings) < KEPT:
            self.findings.append(Finding(kind=kind, reason=reason, **where))
