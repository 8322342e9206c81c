"""What a page on which a customer pays is asked for with, checked and as it's sent."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

import babel

from .. import models
from ..errors import InvalidRequest
from .arguments import one_of
from .prices import Items, check_countable, check_currency, chosen_prices, find_price
from .subscriptions import Trial, check_trial, trial_end, unix
from .targets import checked_target

#: How far ahead a trial has to end that begins with a checkout
#: (https://docs.stripe.com/api/checkout/sessions/create).
LEAST_TRIAL: t.Final = datetime.timedelta(hours=48)
SHORTEST: t.Final = datetime.timedelta(minutes=30)
LONGEST: t.Final = datetime.timedelta(hours=24)

_UPDATES: t.Final = frozenset({"address", "name", "shipping"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """What a host asks for."""

    mode: str
    prices: Items
    trial: Trial | None
    expires_at: datetime.datetime | None
    targets: dict[str, str]
    options: dict[str, t.Any]

    def check_sale(self, payer: models.Customer, *, is_mounted: bool) -> None:
        """Refuse prices that a customer can't have, or that don't go with the mode; and of a mounted page
        what it can't write or sell in.

        :raises InvalidRequest: naming what is wrong.
        """
        if is_mounted:
            _check_locale(self.options["locale"])
        for price, number in self.prices.items():
            check_currency(payer, price)
            known = find_price(payer, price)
            check_countable(known, number)
            if known is not None and self.mode == "payment" and known.interval is not None:
                raise wrong(f"The price {price!r} recurs; use mode='subscription'.", "mode")
            currency = self.options["currency"]
            if is_mounted and known is not None and currency not in (None, *known.currencies):
                raise InvalidRequest(
                    f"The price {price!r} is in {known.currency.upper()}, not in {currency!r}; a mounted "
                    "page sells in the prices' own currency.",
                    code="currency_mismatch",
                    param="currency",
                )

    def said(self) -> dict[str, t.Any]:
        """Return it as it's kept with its operation."""
        return {
            "mode": self.mode,
            "items": list(self.prices.items()),
            "trial": self.trial,
            "expires_at": None if self.expires_at is None else unix(self.expires_at),
            **self.targets,
            **self.options,
        }

    def shown(self) -> dict[str, t.Any]:
        """Return what a mounted page shows, and where it leads."""
        return {
            "items": list(self.prices.items()),
            "takes_codes": self.options["allow_promotion_codes"],
            "card_if_required": self.options["payment_method_collection"] == "if_required",
            "adds_tax": self.options["automatic_tax"],
            "locale": self.options["locale"],
            "description": self.options["description"],
            **self.targets,
        }

    def frozen_items(self, payer: models.Customer) -> list[dict[str, t.Any]]:
        """Return what is bought as it's sent: unless it's metered, a price needs its quantity there."""
        return [
            {"price": price}
            | (
                {"quantity": 1 if number is None else number}
                if check_countable(find_price(payer, price), number)
                else {}
            )
            for price, number in self.prices.items()
        ]

    def frozen(
        self, now: datetime.datetime, payer: models.Customer, is_mounted: bool
    ) -> dict[str, t.Any]:
        """Return the options as they are sent.

        :raises InvalidRequest: for a time that is too near or too far.
        """
        sent = {name: value for name, value in self.options.items() if value}
        sent |= self.targets
        if self.trial is not None:
            sent["trial_end"] = trial_end(self.trial, now)
            if sent["trial_end"] < unix(now + LEAST_TRIAL):
                raise wrong("A checkout's trial has to end at least 48 hours ahead.", "trial")
        if self.expires_at is not None:
            if not now + SHORTEST <= self.expires_at <= now + LONGEST:
                raise wrong("A checkout is open for 30 minutes to 24 hours.", "expires_at")
            sent["expires_at"] = unix(self.expires_at)
        if sent.get("automatic_tax") and "customer_update" not in sent and not is_mounted:
            # Without an address there is no tax to reckon, and Stripe refuses the page.
            sent["customer_update"] = {"address": "auto"}
        if self.mode == "setup" and "currency" not in sent:
            if payer.currency is None:
                raise wrong(
                    "This customer has no currency yet; name the one that the card is for.",
                    "currency",
                )
            sent["currency"] = payer.currency
        return sent


def asked_for(
    *,
    mode: str,
    price: str | None,
    quantity: int | None,
    items: Items | None,
    trial: Trial | None,
    success_url: str,
    cancel_url: str | None,
    expires_at: datetime.datetime | None,
    embedded: bool,
    options: dict[str, t.Any],
) -> Asked:
    """Return what is asked for, or say what is wrong with it.

    :raises InvalidRequest: for arguments that can't be, or don't go together.
    """
    if mode != "setup":
        prices = chosen_prices(price, quantity, items)
    elif (price, quantity, items) == (None, None, None):
        prices = {}
    else:
        raise wrong("Nothing is bought with mode='setup'.", "items")
    if trial is not None:
        check_trial(trial)
    if expires_at is not None:
        unix(expires_at)
    _check_mode(mode, trial, options)
    _check_discount(mode, options)
    _check_customer_update(options["customer_update"])
    for name, choices in (
        ("payment_method_collection", ("always", "if_required")),
        ("billing_address_collection", ("auto", "required")),
    ):
        if options[name] is not None:
            one_of(name, options[name], choices)
    if embedded:
        if cancel_url is not None:
            raise wrong("A page that is embedded has no way to cancel_url.", "cancel_url")
        targets = {"return_url": checked_target(success_url, "success_url")}
        options = {**options, "embedded": True}
    else:
        targets = {"success_url": checked_target(success_url, "success_url")}
        if cancel_url is not None:
            targets["cancel_url"] = checked_target(cancel_url, "cancel_url")
    return Asked(
        mode=mode,
        prices=prices,
        trial=trial,
        expires_at=expires_at,
        targets=targets,
        options=options,
    )


def _check_mode(mode: str, trial: Trial | None, options: c.Mapping[str, t.Any]) -> None:
    if trial is not None and mode != "subscription":
        raise wrong("Only a subscription has a trial.", "trial")
    if options["payment_method_collection"] is not None and mode != "subscription":
        raise wrong("Only a subscription may begin without a card.", "payment_method_collection")
    if options["description"] is not None and mode == "setup":
        raise wrong("Nothing is paid with mode='setup', so nothing is described.", "description")


def _check_discount(mode: str, options: c.Mapping[str, t.Any]) -> None:
    named = [name for name in ("coupon", "promotion_code") if options[name] is not None]
    if len(named) == 2:
        raise wrong("Give either a coupon or a promotion code, not both.", "promotion_code")
    if named and options["allow_promotion_codes"]:
        raise wrong(
            f"Either the {named[0].replace('_', ' ')} is given, or the customer may type a code; not both.",
            "allow_promotion_codes",
        )
    if mode == "setup" and (named or options["allow_promotion_codes"]):
        raise wrong("Nothing is paid with mode='setup', so nothing is taken off.", "mode")


def _check_customer_update(update: t.Any) -> None:
    if update is None:
        return
    known = isinstance(update, dict) and update.keys() <= _UPDATES
    if not known or not set(update.values()) <= {"auto", "never"}:
        raise wrong(
            "customer_update says 'auto' or 'never' of address, name and shipping, such as "
            f"{{'address': 'auto'}}, not {update!r}.",
            "customer_update",
        )


def _check_locale(locale: t.Any) -> None:
    if locale in (None, "auto"):
        return
    try:
        babel.Locale.parse(str(locale).replace("-", "_"))
    except (babel.UnknownLocaleError, ValueError):
        raise wrong(
            f"locale is a language such as 'de' or 'pt-BR', or 'auto', not {locale!r}.", "locale"
        ) from None


def wrong(message: str, param: str) -> InvalidRequest:
    """Return the error for an argument that can't be taken."""
    return InvalidRequest(message, code="parameter_invalid", param=param)
