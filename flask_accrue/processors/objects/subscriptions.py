"""Subscriptions with their items, and the schedules by which they change."""

from __future__ import annotations

import dataclasses
import typing as t

from .base import UNSAID, ProcessorObject, Raw, Unsaid, When
from .discounts import Discount


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
    discounts: tuple[Discount, ...] | Unsaid = UNSAID
    automatic_tax: bool | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class SchedulePhaseItem:
    """A price and how many of it. ``quantity`` is ``None`` for metered prices.

    ``terms`` are what else it says, in the processor's words and ready to be sent: ``tax_rates``,
    ``discounts``, ``metadata``, and what there may be beside them.
    """

    price: str
    quantity: int | None = None
    terms: Raw = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhaseDiscount:
    """What a phase takes off: a coupon or code, redeemed when it begins, or a discount that there is."""

    coupon: str | None = None
    promotion_code: str | None = None
    discount: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SchedulePhase:
    """A time in which a schedule's subscription has certain items. ``end`` is ``None`` for an open end.

    ``automatic_tax`` is ``None`` where the schedule decides that for all of its phases. ``terms`` are what
    else it says, in the processor's words and ready to be sent: tax rates, fees and the like, which the
    subscription doesn't have where a phase leaves them out.

    What holds for its beginning alone is no such term: ``proration`` is how the change to it is billed
    (``create_prorations``, ``none`` or ``always_invoice``), and ``beginning`` what else is said of that, in
    the processor's words: what is billed once, and whether a new period begins with it.
    """

    start: When
    end: When | None
    items: tuple[SchedulePhaseItem, ...] = ()
    trial_end: When | None = None
    discounts: tuple[PhaseDiscount, ...] = ()
    automatic_tax: bool | None = None
    metadata: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    terms: Raw = dataclasses.field(default_factory=dict)
    proration: str = "create_prorations"
    beginning: Raw = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SubscriptionSchedule(ProcessorObject):
    """How a subscription is to change, phase by phase.

    ``not_started``, ``active``, ``completed``, ``released`` or ``canceled``. ``end_behavior`` is ``release``
    (the subscription goes on) or ``cancel``. ``default_payment_method`` is charged in all phases that name
    none; ``None`` is the customer's default.
    """

    kind = "subscription_schedule"

    customer: str
    status: str
    subscription: str | None = None
    default_payment_method: str | None = None
    end_behavior: str = "release"
    phases: tuple[SchedulePhase, ...] = ()
    current_phase_start: When | None = None
    current_phase_end: When | None = None
    canceled_at: When | None = None
    completed_at: When | None = None
    released_at: When | None = None
