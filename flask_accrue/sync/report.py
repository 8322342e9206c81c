"""What a run tells: differences as it comes upon them, customers that are nobody's, and sums."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ..unit_of_work import Change


@dataclasses.dataclass(frozen=True)
class Difference:
    """A row that isn't as the processor has it.

    :ivar verb: what writing it is, as in the ledger: ``created``, ``updated``, ``canceled``.
    :ivar fields: each column that differs, with what is here and what the processor says; empty for what
        isn't here yet.
    """

    kind: str
    processor_id: str
    verb: str
    fields: t.Mapping[str, tuple[t.Any, t.Any]]

    @classmethod
    def of(cls, change: Change) -> Difference:
        """Return what a change is about, by itself: its row may be taken back."""
        fields = {name: (change.before[name], value) for name, value in change.after.items()}
        return cls(change.kind, change.row.processor_id, change.verb, fields)


@dataclasses.dataclass(frozen=True)
class Unlinked:
    """A customer of the processor's that is nobody's here, and why."""

    processor_id: str
    email: str | None
    reason: str


@dataclasses.dataclass
class Report:
    """What a run did, or would do.

    :ivar counts: by kind: ``seen``, ``created``, ``updated``, ``unchanged``, ``unlinked`` (of nobody
        here), ``gone`` (here, and no longer at the processor) and ``newer`` (news came in all the time).
    :ivar resumed: it went on where another was interrupted.
    """

    counts: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    resumed: bool = False

    def count(self, kind: str, what: str, number: int = 1) -> None:
        """Count some objects of a kind."""
        if number:
            counts = self.counts.setdefault(kind, {})
            counts[what] = counts.get(what, 0) + number

    def plus(self, *others: Report) -> Report:
        """Return the sums of several."""
        sums = Report(resumed=self.resumed)
        for each in (self, *others):
            for kind, counts in each.counts.items():
                for what, number in counts.items():
                    sums.count(kind, what, number)
        return sums

    def total(self, what: str) -> int:
        """Return a sum over all kinds."""
        return sum(counts.get(what, 0) for counts in self.counts.values())

    @property
    def is_clean(self) -> bool:
        """Whether all that is somebody's here was as the processor has it."""
        return not any(self.total(what) for what in ("created", "updated", "gone", "newer"))


@dataclasses.dataclass
class Listener:
    """Whom a run tells what it comes upon, so that it needn't remember."""

    difference: c.Callable[[Difference], None] = lambda _: None
    unlinked: c.Callable[[Unlinked], None] = lambda _: None
    #: With the kind and how many objects of it were gone through since the last time.
    moved: c.Callable[[str, int], None] = lambda kind, number: None
