"""The contract that every processor keeps.

A processor does three things: it carries out a call, it tells how an object stands, and it verifies and
reads its own webhooks. All three speak in :mod:`~flask_accrue.processors.objects`.

Arguments of calls are JSON (strings, integers, booleans, ``None``, lists, dicts), because a request
is frozen in its ``operations`` row before it's sent and may be sent again, byte for byte, after
a crash. So times on this edge are Unix seconds and amounts are integers of minor units. ``key`` is the
idempotency key: the same key and arguments give the same answer, the same key with others is refused.
"""

from __future__ import annotations

import abc
import dataclasses
import datetime
import enum
import typing as t

from ..errors import UnsupportedByProcessor
from . import objects
from .objects import ProcessorObject

Json: t.TypeAlias = t.Any


class Capability(enum.StrEnum):
    """What a processor may or may not be able to do."""

    CUSTOMERS = "customers"
    PAYMENT_METHODS = "payment_methods"
    SUBSCRIPTIONS = "subscriptions"
    CUSTOMER_AUTHENTICATION = "customer_authentication"
    SWAP = "swap"
    INVOICE_NOW = "invoice_now"
    PREVIEW = "preview"
    QUANTITY = "quantity"
    MULTIPLE_ITEMS = "multiple_items"
    CANCEL_NOW = "cancel_now"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_AT_DATE = "cancel_at_date"
    PAUSE = "pause"
    SCHEDULES = "schedules"
    CHARGE = "charge"
    REFUND = "refund"
    INVOICES = "invoices"
    COUPONS = "coupons"
    HOSTED_CHECKOUT = "hosted_checkout"
    METERING = "metering"
    TAX = "tax"
    CONNECT = "connect"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a processor answered: the object asked for first, then others that came with it.

    The answer was true at some moment between ``fresh_from`` and ``fresh_to``, in the
    processor's own time.

    :ivar client_secret: what the customer's browser needs to confirm a payment, or ``None``.
    """

    objects: tuple[ProcessorObject, ...]
    fresh_from: datetime.datetime
    fresh_to: datetime.datetime
    client_secret: str | None = dataclasses.field(default=None, repr=False)

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


class Reference(t.NamedTuple):
    """The name of an object: its kind, as in :data:`flask_accrue.processors.objects.KINDS`, and its id."""

    kind: str
    processor_id: str


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
    :ivar fetchable: whether the object can be fetched at all (an upcoming invoice can't).
    :ivar customer: the processor's id of the customer it's about, also where the object doesn't say so
        (any more), or ``None``.
    :ivar payment_failed: it says that an attempt to collect its invoice failed.
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
    fetchable: bool = True
    customer: str | None = None
    payment_failed: bool = False
    raw: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def subject(self) -> Reference | None:
        """What it's about, where that is mirrored and exists: an upcoming invoice has no id."""
        if self.object is not None and self.object.processor_id:
            return Reference(self.object.kind, self.object.processor_id)
        return self.reference


class Processor(abc.ABC):
    """One processor, configured for one app.

    All calls raise :class:`~flask_accrue.errors.ProcessorError` or one of its kinds. A call that the
    processor can't do raises :class:`~flask_accrue.errors.UnsupportedByProcessor` before anything is sent.
    """

    name: t.ClassVar[str]
    capabilities: t.ClassVar[frozenset[Capability]] = frozenset()

    #: Whether real money moves; ``None`` where that isn't known, as without a key.
    livemode: bool | None = False

    def can(self, capability: Capability) -> bool:
        """Tell whether this processor is able to do that."""
        return capability in self.capabilities

    def require(self, capability: Capability) -> None:
        """Refuse what this processor can't do.

        :raises UnsupportedByProcessor: always, unless the capability is declared.
        """
        if not self.can(capability):
            raise UnsupportedByProcessor(
                f"{self.name} can't do this: {capability.value.replace('_', ' ')}."
            )

    # -- webhooks ------------------------------------------------------------------------------

    @abc.abstractmethod
    def verify_webhook(
        self,
        payload: bytes,
        headers: t.Mapping[str, str],
        secrets: t.Sequence[str],
        now: datetime.datetime,
    ) -> None:
        """Check that the raw body was signed with one of the secrets, at most 300 s from ``now``.

        :raises SignatureError: otherwise.
        """

    @abc.abstractmethod
    def read_event(self, payload: bytes | str) -> ProcessorEvent:
        """Read a verified body.

        :raises InvalidRequest: when it isn't an event of this processor.
        """

    def read_envelope(self, payload: bytes | str) -> ProcessorEvent:
        """Read what has to be known to store a verified body: all but its object, which may be
        left out. A processor overrides it where reading the object costs.

        :raises InvalidRequest: when it isn't an event of this processor.
        """
        return self.read_event(payload)

    def storable(self, payload: str) -> str:
        """Return a verified body as it may be stored: without secrets that it holds."""
        return payload

    # -- reading -------------------------------------------------------------------------------

    @abc.abstractmethod
    def fetch(self, kind: str, processor_id: str, *, account: str | None = None) -> Answer:
        """Return the object as it stands now, with what hangs on it (items, lines, payments).

        :param kind: a name of :data:`flask_accrue.processors.objects.KINDS`.
        :raises NotFound: when there is none.
        """

    def find(self, kind: str, operation_id: str, *, within: str | None = None) -> Answer | None:
        """Return the object that an operation made, found by its metadata, or ``None``.

        :param within: what it belongs to: the customer's id, or for a refund the charge's.
        """
        raise UnsupportedByProcessor(f"{self.name} can't look for an object by its operation.")

    def default_payment_method_of(self, raw: t.Mapping[str, t.Any]) -> str | None:
        """Return the default card's id that a customer's raw object names.

        A customer may arrive before its card; the card then looks here.
        """
        value = raw.get("default_payment_method")
        return value if isinstance(value, str) else None

    def list_payment_methods(self, customer: str) -> Answer:
        """Return all payment methods of a customer; ``objects`` may be empty."""
        self._unsupported(Capability.PAYMENT_METHODS)

    def list_catalog(self) -> Answer:
        """Return all products, then all prices."""
        self._unsupported(Capability.SUBSCRIPTIONS)

    def page(self, kind: str, *, after: str | None = None, email: str | None = None) -> Page:
        """Return one page of all objects of a kind, the newest first, as :meth:`fetch` would tell them.

        What the processor has deleted isn't listed.

        :param after: the ``after`` of the page before.
        :param email: of customers, only those with this e-mail address.
        :raises UnsupportedByProcessor: for a kind that isn't listed.
        """
        raise UnsupportedByProcessor(f"{self.name} can't list every {kind}.")

    # -- customers -----------------------------------------------------------------------------

    def create_customer(
        self,
        *,
        name: str | None,
        email: str | None,
        preferred_locale: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a customer."""
        self._unsupported(Capability.CUSTOMERS)

    def update_customer(self, customer: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change ``name``, ``email``, ``preferred_locale``, ``metadata`` or
        ``default_payment_method`` of a customer; in metadata an empty value deletes its key."""
        self._unsupported(Capability.CUSTOMERS)

    # -- payment methods -----------------------------------------------------------------------

    def add_payment_method(self, customer: str, token: str, *, key: str) -> Answer:
        """Attach a card, given as token, nonce or the processor's id, to a customer.

        :raises CardError: when the bank refuses it.
        """
        self._unsupported(Capability.PAYMENT_METHODS)

    def update_payment_method(
        self, payment_method: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change ``exp_month``, ``exp_year`` or ``metadata`` of a card."""
        self._unsupported(Capability.PAYMENT_METHODS)

    def remove_payment_method(self, payment_method: str, *, key: str) -> Answer:
        """Detach a card; the answer holds it with ``customer=None``."""
        self._unsupported(Capability.PAYMENT_METHODS)

    # -- subscriptions -------------------------------------------------------------------------

    def create_subscription(
        self,
        customer: str,
        *,
        items: list[dict[str, Json]],
        trial_end: int | None,
        payment_method: str | None,
        collection_method: str,
        billing_cycle_anchor: int | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Subscribe a customer to ``items``: ``[{"price": …, "quantity": …}]``.

        When the first payment fails or needs the customer, the subscription is made all the same and is
        ``incomplete``; the answer then also holds the latest invoice and its payment intent.
        """
        self._unsupported(Capability.SUBSCRIPTIONS)

    def update_subscription(
        self, subscription: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a subscription. The answer also holds what was billed for the change, if anything.

        ``changes`` may hold:

        * ``items``: ``[{"id": …, "price": …, "quantity": …}]``, those that change
        * ``proration``: ``create_prorations``, ``none`` or ``always_invoice``
        * ``proration_date``: Unix seconds
        * ``trial_end``: Unix seconds or ``"now"``
        * ``cancel_at_period_end``: a boolean; ``cancel_at``: Unix seconds or ``None``
        * ``pause``: ``{"behavior": …, "resumes_at": … | None}``, or ``None`` to resume
        * ``payment_behavior``: ``allow_incomplete`` (the change stands when its payment fails)
          or ``error_if_incomplete`` (nothing changes and :class:`CardError` is raised)
        * ``default_payment_method``, ``metadata``
        """
        self._unsupported(Capability.SUBSCRIPTIONS)

    def preview_invoice(self, subscription: str, changes: dict[str, Json]) -> Answer:
        """Tell what a subscription would be billed next, and change nothing.

        The answer holds an invoice that doesn't exist, with its lines: what ``changes`` would be billed at
        once, else what its next period would be.

        :param changes: as for :meth:`update_subscription`: ``items``, ``proration``, ``proration_date``,
            ``cancel_at_period_end`` and ``cancel_at``; empty to go on as it is.
        :raises InvalidRequest: with the code ``invoice_upcoming_none`` when nothing more will be billed.
        """
        self._unsupported(Capability.PREVIEW)

    def cancel_subscription(
        self, subscription: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a subscription now."""
        self._unsupported(Capability.CANCEL_NOW)

    # -- money ---------------------------------------------------------------------------------

    def pay_invoice(self, invoice: str, *, payment_method: str | None, key: str) -> Answer:
        """Try to collect an open invoice now; the answer also holds its payment intent and charge.

        :raises CardError: when the bank refuses; ``answer`` then holds what changed.
        """
        self._unsupported(Capability.INVOICES)

    def create_charge(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Charge a card now; the answer holds a payment intent, then its charge if there is one.

        :raises CardError: when the bank refuses; ``answer`` then holds the intent and the charge.
        """
        self._unsupported(Capability.CHARGE)

    def confirm_payment(
        self, payment_intent: str, *, payment_method: str | None, key: str
    ) -> Answer:
        """Carry on with a payment on the customer's word, where that isn't done in the browser."""
        self._unsupported(Capability.CUSTOMER_AUTHENTICATION)

    def create_refund(
        self,
        charge: str,
        *,
        amount: int | None,
        reason: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Give back a part of a charge, or with ``None`` all that is left.

        The answer holds the refund, then the charge.
        """
        self._unsupported(Capability.REFUND)

    # -- usage ---------------------------------------------------------------------------------

    def create_meter_event(
        self,
        customer: str,
        *,
        event_name: str,
        value: int,
        identifier: str,
        timestamp: int,
        key: str,
    ) -> Answer:
        """Report usage to a meter, once for each identifier; the answer holds the meter event."""
        self._unsupported(Capability.METERING)

    def _unsupported(self, capability: Capability) -> t.NoReturn:
        raise UnsupportedByProcessor(
            f"{self.name} can't do this: {capability.value.replace('_', ' ')}."
        )
