"""What every object has, and how one says that it doesn't speak of something."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import typing as t


class Unsaid(enum.Enum):
    """The type of :data:`UNSAID`."""

    UNSAID = "unsaid"

    def __repr__(self) -> str:
        return "UNSAID"


UNSAID: t.Final = Unsaid.UNSAID

Raw: t.TypeAlias = t.Mapping[str, t.Any]
When: t.TypeAlias = datetime.datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessorObject:
    """One thing at the processor.

    :ivar processor_id: the processor's id.
    :ivar created: when the processor made it.
    :ivar updated: when the processor last changed it, where it says so (Braintree does).
    :ivar deleted: it's gone at the processor.
    """

    kind: t.ClassVar[str]

    processor_id: str
    created: When | None = None
    updated: When | None = None
    deleted: bool = False
    metadata: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    raw: Raw = dataclasses.field(default_factory=dict, repr=False, compare=False)
