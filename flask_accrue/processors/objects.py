"""What a processor says about its objects: few, plain, frozen.

Both an API answer and a webhook body become these, and :mod:`flask_accrue.mirror` writes them. Times
are aware and in UTC, amounts integers of minor units, currencies lower case, references the
processor's ids. ``raw`` is the object as the processor sent it, less secrets; it is kept beside
the columns for whoever needs a field that has none.

A field may be :data:`UNSAID`: this body doesn't speak of it (an expansion that wasn't asked for),
which never erases what is known. ``None`` means that the processor says there is none.
"""

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Customer(ProcessorObject):
    """Who pays. ``balance`` below 0 is credit."""

    kind = "customer"

    name: str | None = None
    email: str | None = None
    preferred_locale: str | None = None
    default_payment_method: str | None = None
    currency: str | None = None
    balance: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaymentMethod(ProcessorObject):
    """A stored card or account; ``customer`` is ``None`` once it's detached."""

    kind = "payment_method"

    customer: str | None
    type: str = "card"
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product(ProcessorObject):
    """Something that is sold."""

    kind = "product"

    name: str
    description: str | None = None
    active: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Price(ProcessorObject):
    """What a product costs. ``unit_amount`` is ``None`` for tiers and for parts of a minor unit.

    ``interval`` is ``day``, ``week``, ``month`` or ``year``, and ``None`` for a one-time price;
    ``usage_type`` is ``licensed`` or ``metered``.
    """

    kind = "price"

    product: str
    currency: str
    unit_amount: int | None
    active: bool = True
    nickname: str | None = None
    lookup_key: str | None = None
    interval: str | None = None
    interval_count: int = 1
    usage_type: str = "licensed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SubscriptionItem:
    """A price and how many of it. ``quantity`` is ``None`` for metered prices."""

    processor_id: str
    price: str
    product: str | None = None
    quantity: int | None = 1
    current_period_start: When | None = None
    current_period_end: When | None = None
    raw: Raw = dataclasses.field(default_factory=dict, repr=False, compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subscription(ProcessorObject):
    """An agreement to pay again and again. ``pause_behavior`` is set while collection is paused.

    ``cancel_at_period_end`` and ``cancel_at`` are as the processor holds them: a scheduled end.
    """

    kind = "subscription"

    customer: str
    status: str
    items: tuple[SubscriptionItem, ...]
    currency: str | None = None
    collection_method: str = "charge_automatically"
    start_date: When | None = None
    billing_cycle_anchor: When | None = None
    current_period_start: When | None = None
    current_period_end: When | None = None
    trial_start: When | None = None
    trial_end: When | None = None
    cancel_at_period_end: bool = False
    cancel_at: When | None = None
    canceled_at: When | None = None
    ended_at: When | None = None
    pause_behavior: str | None = None
    pause_resumes_at: When | None = None
    default_payment_method: str | None = None
    latest_invoice: str | None = None
    discounts: tuple[str, ...] | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """A row of an invoice. ``processor_id`` is ``None`` where the processor gives none.

    ``amount`` is before discounts; ``discount`` and ``tax`` are of this line alone; ``tax`` is
    what comes on top (exclusive).
    """

    processor_id: str | None
    amount: int
    currency: str
    description: str | None = None
    quantity: int | None = None
    price: str | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    period_start: When | None = None
    period_end: When | None = None
    proration: bool = False
    discount: int = 0
    tax: int = 0
    raw: Raw = dataclasses.field(default_factory=dict, repr=False, compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoicePayment(ProcessorObject):
    """A payment laid against an invoice: ``open``, ``paid`` or ``canceled``."""

    kind = "invoice_payment"

    invoice: str
    status: str
    amount_requested: int | None = None
    amount_paid: int | None = None
    currency: str | None = None
    payment_intent: str | None = None
    charge: str | None = None
    is_default: bool = True
    paid_at: When | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invoice(ProcessorObject):
    """A bill: ``draft``, ``open``, ``paid``, ``uncollectible`` or ``void``.

    ``total`` = ``subtotal`` - ``discount`` + ``tax`` (the exclusive part of ``tax``);
    ``starting_balance`` is the customer's balance when it was finalized (below 0: credit).
    """

    kind = "invoice"

    customer: str
    status: str
    currency: str
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    subscription: str | None = None
    number: str | None = None
    discount: int = 0
    tax: int = 0
    starting_balance: int = 0
    ending_balance: int | None = None
    billing_reason: str | None = None
    collection_method: str = "charge_automatically"
    attempt_count: int = 0
    next_payment_attempt: When | None = None
    due_date: When | None = None
    period_start: When | None = None
    period_end: When | None = None
    finalized_at: When | None = None
    paid_at: When | None = None
    voided_at: When | None = None
    hosted_url: str | None = None
    lines: tuple[InvoiceLine, ...] | Unsaid = UNSAID
    payments: tuple[InvoicePayment, ...] | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaymentIntent(ProcessorObject):
    """An attempt to collect an amount, with its own steps.

    ``requires_payment_method``, ``requires_confirmation``, ``requires_action``, ``processing``,
    ``requires_capture``, ``canceled`` or ``succeeded``. ``client_secret`` is handed to the
    customer's browser and never stored.
    """

    kind = "payment_intent"

    customer: str | None
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    payment_method: str | None = None
    latest_charge: str | None = None
    invoice: str | Unsaid | None = UNSAID
    capture_method: str = "automatic"
    error_code: str | None = None
    error_decline_code: str | None = None
    canceled_at: When | None = None
    description: str | None = None
    client_secret: str | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def requires_action(self) -> bool:
        """The customer has to confirm it at the bank."""
        return self.status in ("requires_action", "requires_confirmation")

    @property
    def requires_payment_method(self) -> bool:
        """No card is on it, or the last one was refused."""
        return self.status == "requires_payment_method"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Charge(ProcessorObject):
    """Money that moved, or was refused: ``succeeded``, ``pending`` or ``failed``.

    ``fee`` and ``net`` come with the balance transaction, which many bodies leave out.
    """

    kind = "charge"

    customer: str | None
    status: str
    amount: int
    currency: str
    amount_captured: int = 0
    amount_refunded: int = 0
    captured: bool = True
    refunded: bool = False
    disputed: bool = False
    payment_intent: str | None = None
    payment_method: str | None = None
    invoice: str | Unsaid | None = UNSAID
    failure_code: str | None = None
    decline_code: str | None = None
    receipt_url: str | None = None
    fee: int | Unsaid = UNSAID
    net: int | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refund(ProcessorObject):
    """Money given back: ``pending``, ``requires_action``, ``succeeded``, ``failed``, ``canceled``."""

    kind = "refund"

    charge: str | None
    status: str
    amount: int
    currency: str
    payment_intent: str | None = None
    reason: str | None = None
    failure_reason: str | None = None


KINDS: t.Final[t.Mapping[str, type[ProcessorObject]]] = {
    cls.kind: cls
    for cls in (
        Customer,
        PaymentMethod,
        Product,
        Price,
        Subscription,
        Invoice,
        InvoicePayment,
        PaymentIntent,
        Charge,
        Refund,
    )
}
