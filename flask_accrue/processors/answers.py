"""What a processor tells: an answer to a call, a page of a list, a webhook that was read."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import objects
from .objects import ProcessorObject

#: What a call takes and a request may be frozen as: strings, integers, booleans, ``None``, lists and dicts.
Json: t.TypeAlias = t.Any


class Reference(t.NamedTuple):
    """The name of an object: its kind, as in :data:`flask_accrue.processors.objects.KINDS`, and its id."""

    kind: str
    processor_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a processor answered: the object asked for first, then others that came with it.

    The answer was true at some moment between ``fresh_from`` and ``fresh_to``, in the
    processor's own time.

    :ivar client_secret: what the customer's browser needs to confirm a payment, or ``None``.
    :ivar gone: what the processor has no more, and doesn't tell of otherwise.
    """

    objects: tuple[ProcessorObject, ...]
    fresh_from: datetime.datetime
    fresh_to: datetime.datetime
    client_secret: str | None = dataclasses.field(default=None, repr=False)
    gone: tuple[Reference, ...] = ()

    @property
    def main(self) -> ProcessorObject:
        """The object that was asked for."""
        return self.objects[0]

    def first(self, kind: type[_Object]) -> _Object | None:
        """Return the first object of that class, or ``None``."""
        return next((each for each in self.objects if isinstance(each, kind)), None)


_Object = t.TypeVar("_Object", bound=ProcessorObject)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the list of all objects of a kind.

    :ivar after: what the next page is asked for with, or ``None`` where this is the last one.
    """

    answer: Answer
    after: str | None


class RefusedUsage(t.NamedTuple):
    """Usage that a processor took and, as it found later, can't count.

    :ivar identifier: of the request, its key, or of the usage, as it was sent.
    :ivar reason: in the processor's words.
    """

    identifier: str
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessorEvent:
    """A webhook, read.

    :ivar processor_id: the event's own id.
    :ivar type: in the processor's words, such as ``invoice.payment_failed``.
    :ivar created: when it happened, in the processor's time.
    :ivar account: the connected account it's about, or ``None``.
    :ivar livemode: whether real money moves.
    :ivar api_version: the version whose shape the body has, where the processor has versions.
    :ivar object: what the event carries, or ``None`` where it's a kind we don't mirror, or isn't shown.
    :ivar reference: what the event is about where it doesn't show it, or not so that it can be read: that
        has to be fetched. ``None`` beside an ``object``.
    :ivar usable: the body is whole and of a version whose shape is known, so that it may be written
        when it's new enough; else the object is fetched.
    :ivar simulated: its times are those of a simulation at the processor, which nothing else goes by, so
        that it can't be told what is newer.
    :ivar fetchable: whether the object can be fetched at all (an upcoming invoice can't).
    :ivar customer: the processor's id of the customer it's about, also where the object doesn't say so
        (any more), or ``None``.
    :ivar payment_failed: it says that an attempt to collect its invoice failed.
    :ivar refuses_usage: it says that usage which was taken can't be counted; which, has to be asked.
    :ivar raw: the body as parsed JSON.
    """

    processor_id: str
    type: str
    created: datetime.datetime
    account: str | None = None
    livemode: bool = False
    api_version: str | None = None
    object: objects.ProcessorObject | None = None
    reference: Reference | None = None
    usable: bool = True
    simulated: bool = False
    fetchable: bool = True
    customer: str | None = None
    payment_failed: bool = False
    refuses_usage: bool = False
    raw: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def subject(self) -> Reference | None:
        """What it's about, where that is mirrored and exists: an upcoming invoice has no id."""
        if self.object is not None and self.object.processor_id:
            return Reference(self.object.kind, self.object.processor_id)
        return self.reference
