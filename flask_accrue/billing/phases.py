"""What a schedule consists of, as a host says it and as it's sent."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import itertools
import typing as t

from .. import clock, models
from ..errors import InvalidRequest
from ..metadata import require_fit, validate_metadata
from .arguments import one_of
from .changes import PRORATIONS
from .prices import Items, check_countable, check_currency, chosen_prices, find_price, paid_in
from .promotions import refuse_both, to_redeem
from .subscriptions import check_trial, trial_end, unix

END_BEHAVIORS: t.Final = ("release", "cancel")
INTERVALS: t.Final = ("day", "week", "month", "year")
#: What is taken off, as it's sent; ``None``: what the customer has.
Discounts: t.TypeAlias = "list[dict[str, str]] | None"
#: Stripe takes no more.
MOST: t.Final = 10


@dataclasses.dataclass(frozen=True)
class Phase:
    """A time in which a subscription has certain items.

    ::

        Phase("price_half", lasts=(3, "month"))
        Phase(items={"price_pro": 1, "price_seat": 12}, until=datetime(2027, 1, 1, tzinfo=UTC))

    :ivar price: the processor's id of the price; ``items`` instead for several, as for :func:`subscribe`.
    :ivar lasts: how long: a number and ``day``, ``week``, ``month`` or ``year``, by the calendar.
    :ivar until: instead of that, its end.
    :ivar trial: ``True``: all of it is free; or until when. A span of time counts from the beginning of
        the first phase.
    :ivar proration: how its beginning is billed when that is within a period: ``create_prorations``,
        ``none`` or ``always_invoice``.
    :ivar metadata: what the subscription takes on when it begins.
    :ivar coupon: what is taken off in it, by its row or the processor's id; or a ``promotion_code``, by its
        row or the word that was typed. Either is redeemed when the phase begins. What a subscription had
        before is over then.
    :ivar automatic_tax: whether the processor reckons the tax in it; by default as the schedule says.
    """

    price: str | None = None
    _: dataclasses.KW_ONLY
    quantity: int | None = None
    items: Items | None = None
    lasts: tuple[int, str] | None = None
    until: datetime.datetime | None = None
    trial: bool | datetime.timedelta | datetime.datetime = False
    proration: str = "create_prorations"
    metadata: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    coupon: models.Coupon | str | None = None
    promotion_code: models.PromotionCode | str | None = None
    automatic_tax: bool | None = None

    @property
    def prices(self) -> Items:
        """The prices that are meant, each with its quantity.

        :raises InvalidRequest: for anything else.
        """
        return chosen_prices(self.price, self.quantity, self.items)

    def check(self) -> None:
        """Say what is wrong with it, as far as that can be told without a customer or the time.

        :raises InvalidRequest: naming it.
        """
        _ = self.prices
        one_of("proration", self.proration, PRORATIONS)
        validate_metadata(self.metadata, ours=1)
        refuse_both(self.coupon, self.promotion_code)
        if self.automatic_tax is not None and not isinstance(self.automatic_tax, bool):
            raise _wrong(
                f"automatic_tax is True, False or None, not {self.automatic_tax!r}.",
                "automatic_tax",
            )
        if (self.lasts is None) == (self.until is None):
            raise _wrong("A phase says either how long it lasts or until when.", "lasts")
        if self.until is not None:
            unix(self.until)
        if self.lasts is not None and not _is_duration(self.lasts):
            raise _wrong(
                "A phase lasts a number of days, weeks, months or years, such as (3, 'month'), not "
                f"{self.lasts!r}.",
                "lasts",
            )
        if not isinstance(self.trial, bool):
            check_trial(self.trial)

    def check_sale(self, payer: models.Customer) -> None:
        """Refuse prices that a customer can't have.

        :raises InvalidRequest: for another currency, or a quantity of a metered price.
        """
        for price, number in self.prices.items():
            check_currency(payer, price)
            check_countable(find_price(payer, price), number)

    def to_redeem(self, payer: models.Customer) -> Discounts:
        """Return what is taken off in it, checked as :func:`apply_coupon` does; may call the processor.

        :raises InvalidRequest: where it's known that it can't be redeemed.
        """
        prices = [(find_price(payer, each), number) for each, number in self.prices.items()]
        return to_redeem(payer, self.coupon, self.promotion_code, prices)

    def said(self) -> dict[str, t.Any]:
        """Return it as it's kept with its operation."""
        named: dict[str, t.Any] = {
            "coupon": self.coupon.processor_id
            if isinstance(self.coupon, models.Coupon)
            else self.coupon,
            "promotion_code": self.promotion_code.code
            if isinstance(self.promotion_code, models.PromotionCode)
            else self.promotion_code,
            "automatic_tax": self.automatic_tax,
        }
        return {
            "items": list(self.prices.items()),
            "lasts": None if self.lasts is None else list(self.lasts),
            "until": None if self.until is None else unix(self.until),
            "trial": self.trial,
            "proration": self.proration,
            "metadata": dict(self.metadata),
            # Operations of earlier versions haven't got these.
            **{name: value for name, value in named.items() if value is not None},
        }

    def frozen(
        self,
        begins: datetime.datetime | None,
        metadata: c.Mapping[str, str],
        discounts: Discounts = None,
    ) -> dict[str, t.Any]:
        """Return it as it's sent.

        :param begins: when it begins, of the first phase.
        :param metadata: what the subscription has in all phases.
        :param discounts: all that it has in this one; ``None``: those of its customer.
        """
        sent: dict[str, t.Any] = {
            "items": [
                {"price": price} | ({} if number is None else {"quantity": number})
                for price, number in self.prices.items()
            ],
            "proration": self.proration,
        }
        if self.lasts is not None:
            sent["duration"] = {"interval": self.lasts[1], "interval_count": self.lasts[0]}
        else:
            sent["end_date"] = unix(self.until)
        if self.trial is True:
            sent["trial"] = True
        elif self.trial is not False:
            if isinstance(self.trial, datetime.timedelta) and begins is None:
                raise _wrong(
                    "Only the first phase's trial can be a span of time; say until when, or True for "
                    "all of the phase.",
                    "trial",
                )
            sent["trial_end"] = trial_end(self.trial, begins or clock.now())
        if discounts:
            sent["discounts"] = discounts
        if self.automatic_tax is not None:
            sent["automatic_tax"] = self.automatic_tax
        merged = require_fit({**self.metadata, **metadata})
        return {**sent, "metadata": merged} if merged else sent


def said_phases(phases: t.Any) -> list[dict[str, t.Any]]:
    """Return phases as they are kept with their operation, or say what is wrong with them.

    :raises InvalidRequest: for anything but 1 to 10 phases that can be.
    """
    if not isinstance(phases, c.Sequence) or not all(isinstance(each, Phase) for each in phases):
        raise _wrong(
            f"Phases are a list such as [Phase('price_pro', lasts=(3, 'month'))], not {phases!r}.",
            "phases",
        )
    if not 1 <= len(phases) <= MOST:
        raise _wrong(f"A schedule has from 1 to {MOST} phases, not {len(phases)}.", "phases")
    for each in phases:
        each.check()
    return [each.said() for each in phases]


def frozen_phases(
    phases: c.Sequence[Phase],
    begins: datetime.datetime,
    metadata: c.Mapping[str, str],
    discounts: c.Sequence[Discounts] = (),
) -> list[dict[str, t.Any]]:
    """Return phases as they are sent.

    :param begins: when the first begins.
    :param discounts: of each phase.
    :raises InvalidRequest: for ends that don't follow each other.
    """
    latest = begins
    for each in phases:
        if each.until is not None:
            if each.until <= latest:
                raise _wrong(
                    f"A phase can't end at {each.until:%Y-%m-%d %H:%M}, before it has begun.",
                    "until",
                )
            latest = each.until
    return [
        each.frozen(begins if number == 0 else None, metadata, given)
        for number, (each, given) in enumerate(itertools.zip_longest(phases, discounts))
    ]


def with_currency(
    payer: models.Customer, phases: c.Sequence[c.Mapping[str, t.Any]]
) -> list[dict[str, t.Any]]:
    """Return phases, as they are sent, with the currency in which a customer pays them, where it has to be
    said."""
    currency = paid_in(payer, {item["price"] for each in phases for item in each["items"]})
    return [{**each, **({} if currency is None else {"currency": currency})} for each in phases]


def _is_duration(value: t.Any) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    count, interval = value
    whole = isinstance(count, int) and not isinstance(count, bool)
    return whole and count >= 1 and interval in INTERVALS


def _wrong(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="parameter_invalid", param=param)


def beginning(begins: int | None) -> datetime.datetime:
    """Return when a schedule begins.

    :raises InvalidRequest: when that was asked for and isn't ahead.
    """
    now = clock.now()
    if begins is None:
        return now
    if begins <= unix(now):
        raise InvalidRequest(
            "A schedule begins now or later, not in the past.",
            code="parameter_invalid",
            param="start",
        )
    return datetime.datetime.fromtimestamp(begins, clock.UTC)
