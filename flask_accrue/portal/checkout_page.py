"""What a mounted checkout shows: what is bought, on which terms, and what is due today."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import models
from ..clock import from_unix
from ..money import Money
from ..pages import format_date
from . import queries
from .breakdown import Line, parts
from .checkout_discounts import TakenOff, taken_off
from .simulated_cards import SIMULATED_CARDS, SimulatedCard, is_simulated
from .wording import Said, card_choice, decline_text

_TIMES: t.Final = "\N{MULTIPLICATION SIGN}"


class Priced(t.NamedTuple):
    """Something, and its price as the customer reads it."""

    text: str
    price: str


@dataclasses.dataclass(frozen=True)
class CheckoutPage:
    """What the page shows.

    :ivar items: what is bought; of a subscription each with what it costs every period.
    :ivar today: what is due today and what it's made of, where that is more than the items' prices.
    :ivar terms: what is paid, and when.
    :ivar due: what is due today, ``None`` where nothing is.
    :ivar button: what the button says.
    :ivar takes_codes: whether there is a field for a promotion code.
    :ivar needs_card: whether a card has to be chosen.
    :ivar needs_address: whether nothing is paid yet: what is due goes by where the customer is.
    :ivar takes_new_card: the processor's own fields take a card, and nothing else is to be done.
    """

    title: str
    description: str | None
    items: tuple[Priced, ...]
    today: tuple[Priced, ...]
    terms: str
    due: str | None
    button: str
    takes_codes: bool
    taken_off: TakenOff | None
    needs_card: bool
    needs_address: bool
    takes_new_card: bool
    cards: tuple[tuple[str, str, str | None], ...]
    simulated_cards: tuple[SimulatedCard, ...]


def locale_of(link: models.PageLink) -> str | None:
    """Return the language that amounts and dates are written in: as the host asked, else the customer's."""
    asked: str | None = link.details.get("locale")
    return link.customer.preferred_locale if asked in (None, "auto") else asked


def page_of(link: models.PageLink, session: models.CheckoutSession) -> CheckoutPage:
    """Return what is shown of an open session."""
    locale = locale_of(link)
    due = None
    # Without its tax that isn't what is due.
    if session.amount_total and not session.needs_address and session.currency is not None:
        due = Money(session.amount_total, session.currency).format(locale)
    cards = tuple(
        (
            str(card.id),
            card_choice(card),
            "Your default card" if card.id == link.customer.default_payment_method_id else None,
        )
        for card in queries.usable_cards(link.customer)
    )
    title, button = {
        "subscription": ("Subscribe", "Subscribe"),
        "payment": ("Pay", f"Pay {due}" if due else "Confirm"),
        "setup": ("Save a card", "Save the card"),
    }[session.mode]
    if session.mode == "subscription" and due is not None:
        button = f"Pay {due} and subscribe"
    off = taken_off(link, session, locale)
    takes_new_card = session.mode == "setup" and session.is_kept_here
    prices = queries.prices_of(session.customer, [name for name, _ in link.details["items"]])
    return CheckoutPage(
        title=title,
        description=link.details.get("description"),
        items=tuple(
            _bought(prices.get(name), name, quantity, session.currency, locale)
            for name, quantity in link.details["items"]
        ),
        today=_today(link, session, off, locale),
        terms=_terms(link, session, due, locale, off),
        due=due,
        button=button,
        takes_codes=bool(link.details.get("takes_codes")),
        taken_off=off,
        needs_card=not link.details.get("card_if_required") or due is not None,
        needs_address=session.needs_address,
        takes_new_card=takes_new_card,
        cards=() if takes_new_card else cards,
        simulated_cards=SIMULATED_CARDS if is_simulated(session.processor) else (),
    )


def said_instead(
    session: models.CheckoutSession, *, is_replaced: bool, card_error: str | None
) -> Said | None:
    """Return what is said of a session that can't be paid on this page, or not yet; ``None``: nothing."""
    if not session.is_open:
        return Said(
            "This page has expired", "Nothing was charged. Go back and begin again.", "neutral"
        )
    if session.waits:
        return Said(
            "Confirm your payment",
            "It isn't complete yet: your bank wants it confirmed, or paid with another card. Nothing was "
            "charged yet.",
            "info",
        )
    if is_replaced:
        return Said(
            "A newer page took the place of this one",
            "Nothing was charged here. Go on in the page that you opened last, or go back and begin again.",
            "neutral",
        )
    if card_error is not None:
        return Said(
            "Save a card",
            f"{decline_text(card_error)} It wasn't saved; nothing was charged.",
            "warn",
        )
    return None


def _today(
    link: models.PageLink,
    session: models.CheckoutSession,
    off: TakenOff | None,
    locale: str | None,
) -> tuple[Priced, ...]:
    """Return what is due today, line by line; nothing where the prices above say it all."""
    amounts, currency = session.amounts, session.currency
    if amounts is None or currency is None or session.amount_total is None or session.needs_address:
        return ()
    lines = parts(
        currency,
        discount=amounts.discount,
        tax=amounts.tax,
        balance=amounts.balance,
        discount_name="Your discount" if off is None else off.text,
    )
    if not lines:
        return ()
    whole = "During the trial" if link.details.get("trial_end") else "Subtotal"
    lines.insert(0, Line(whole, Money(amounts.subtotal, currency)))
    due = Money(session.amount_total, currency)
    return (
        *(Priced(line.text, line.written(locale)) for line in lines),
        Priced("Due today", due.format(locale) if due.amount_minor else "Nothing"),
    )


def _bought(
    price: models.Price | None,
    name: str,
    quantity: int | None,
    currency: str | None,
    locale: str | None,
) -> Priced:
    if price is None:
        return Priced(name if quantity is None else f"{quantity} {_TIMES} {name}", "")
    text = price.nickname or (price.product.name if price.product is not None else name)
    if quantity not in (None, 1):
        text = f"{quantity} {_TIMES} {text}"
    cost = price.money_in(currency)
    if cost is None:
        return Priced(text, "by use" if price.is_metered else "")
    if price.is_metered:
        return Priced(text, f"{cost.format(locale)} each, by use")
    whole = Money(cost.amount_minor * (1 if quantity is None else quantity), cost.currency)
    return Priced(text, " ".join(filter(None, (whole.format(locale), every(price)))))


def every(price: models.Price) -> str:
    """Return how often a price is paid, such as ``every month``; nothing of one that is paid once."""
    if price.interval is None:
        return ""
    if price.interval_count == 1:
        return f"every {price.interval}"
    return f"every {price.interval_count} {price.interval}s"


def _terms(
    link: models.PageLink,
    session: models.CheckoutSession,
    due: str | None,
    locale: str | None,
    off: TakenOff | None,
) -> str:
    trial_end = from_unix(link.details.get("trial_end"))
    lasts = "" if off is None else off.lasts
    if session.needs_address:
        return "Tax goes by where you are. Tell us that first, then you see what is due."
    if session.mode == "setup":
        return "Nothing is charged. The card is kept for later payments."
    if trial_end is not None:
        day = format_date(trial_end, locale, link.customer.preferred_timezone)
        # A trial itself costs nothing: what is due with it was so before.
        today = (
            f"You pay {due} today, which you owe from before" if due else "Nothing is charged today"
        )
        less = "" if off is None else ", less the discount"
        plus = ", plus tax" if link.details.get("adds_tax") else ""
        return (
            f"{today}. The trial ends on {day}; from then on you pay the price above{less}{plus}. {lasts}"
        ).strip()
    if session.mode == "payment":
        return "You pay once." if due else "Nothing is charged."
    today = f"You pay {due} today" if due else "Nothing is charged today"
    return f"{today}. It renews by itself until you cancel. {lasts}".strip()
