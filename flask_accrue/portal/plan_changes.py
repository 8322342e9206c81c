"""Another plan or quantity: chosen from what a link offers, with what it costs, and confirmed."""

from __future__ import annotations

import dataclasses
import typing as t

from flask import request

from .. import billing, models
from ..billing.changes import without_end
from ..clock import from_unix, to_unix
from ..errors import AccrueError
from ..money import Money
from ..pages import format_date
from . import queries
from .breakdown import Line, parts
from .checkout_page import Priced, every
from .explaining import words_for
from .held import name_of
from .tokens import SignedForm, sign_form

#: The difference is billed at once, so that what is confirmed is what is paid.
PRORATION: t.Final = "always_invoice"


class Offer(t.NamedTuple):
    """A plan that can be chosen."""

    price: str
    text: str
    cost: str
    is_current: bool


@dataclasses.dataclass(frozen=True)
class Change:
    """A change and what it costs now.

    :ivar then: what it costs from then on; empty where that isn't told in one price.
    :ivar goes_on: that it doesn't end any more, where an end was scheduled.
    :ivar form: what confirms it, signed; it can be sent for an hour.
    """

    now: str
    wanted: str
    lines: tuple[Priced, ...]
    then: str
    goes_on: str
    form: str


@dataclasses.dataclass(frozen=True)
class PlanPage:
    """What the page for another plan shows.

    :ivar offers: what can be chosen; nothing where the link names it.
    :ivar quantity: how many there are or were typed, ``None`` where that can't be chosen.
    :ivar change: what was chosen, with its cost.
    :ivar refused: why that can't be had.
    """

    offers: tuple[Offer, ...]
    chosen: str | None
    quantity: int | None
    change: Change | None
    refused: str | None


def plan_page(link: models.PageLink, row: models.Subscription, locale: str | None) -> PlanPage:
    """Return the page for another plan, with what a choice costs once there is one."""
    item = item_of(link, row)
    if item is None:
        return PlanPage((), None, None, None, "This part of the subscription isn't there any more.")
    offered: list[str] = link.details.get("prices", [])
    known = queries.prices_of(row.customer, [*offered, item.price_processor_id])
    offers = tuple(
        Offer(
            name,
            name_of(known.get(name), name),
            _cost(known.get(name), row.currency, locale),
            name == item.price_processor_id,
        )
        for name in offered
    )
    price, quantity = _wanted(link, item)
    counts = bool(offers) and item.quantity is not None
    shown = (quantity if quantity is not None else item.quantity) if counts else None
    page = PlanPage(offers, price or item.price_processor_id, shown, None, None)
    is_same = price in (None, item.price_processor_id) and quantity in (None, item.quantity)
    if is_same:
        is_asked = not offers or request.args.get("price") is not None
        return dataclasses.replace(page, refused="You have this already." if is_asked else None)
    try:
        preview = billing.preview_upcoming_invoice(
            row, price=price, quantity=quantity, item=item, proration=PRORATION
        )
    except AccrueError as error:
        words = words_for(error, undone="Nothing was changed.", unknown="what it costs")
        return dataclasses.replace(page, refused=words.text)
    name = price or item.price_processor_id
    found = queries.prices_of(row.customer, [name])
    number = item.quantity if quantity is None else quantity
    cost = _cost(found.get(name), row.currency, locale)
    return dataclasses.replace(
        page,
        change=Change(
            now=_counted(
                name_of(known.get(item.price_processor_id), item.price_processor_id), item.quantity
            ),
            wanted=_counted(name_of(found.get(name), name), number),
            lines=_lines(preview, locale),
            then=f"From then on it's {_counted(cost, number)}." if cost else "",
            goes_on="" if price is None else _goes_on(row, locale),
            form=sign_form(
                str(link.id),
                price=price,
                quantity=quantity,
                at=None if preview.proration_date is None else to_unix(preview.proration_date),
                before=[item.price_processor_id, item.quantity],
            ),
        ),
    )


def item_of(link: models.PageLink, row: models.Subscription) -> models.SubscriptionItem | None:
    """Return the item that a link is about, if the subscription still has it."""
    wanted = link.details.get("item")
    return next((each for each in row.items if each.processor_id == wanted), None)


def change_plan(link: models.PageLink, row: models.Subscription, form: SignedForm) -> bool:
    """Carry out a change that was confirmed, as it was shown.

    :returns: whether it was; not, where the subscription has changed since.
    :raises ActionRequired: when the customer has to confirm the payment; the change stands.
    :raises CardError: when the bank declines; the change stands, too.
    """
    item, told = item_of(link, row), form.told
    stands = None if item is None else [item.price_processor_id, item.quantity]
    # Sent twice it's the same operation, which the first has carried out.
    if stands != told["before"] and not form.is_known:
        return False
    terms: dict[str, t.Any] = {
        "item": told["before"][0],
        "proration": PRORATION,
        "proration_date": from_unix(told["at"]),
        "operation_id": form.operation_id,
    }
    if told["price"] is None:
        billing.update_quantity(row, told["quantity"], **terms)
    else:
        billing.swap_plan(row, told["price"], quantity=told["quantity"], **terms)
    return True


def _goes_on(row: models.Subscription, locale: str | None) -> str:
    """Say that another plan takes a scheduled end back, where it does."""
    if not without_end(row):
        return ""
    day = format_date(row.ends_at, locale, row.customer.preferred_timezone)
    return f"Your subscription goes on then: it doesn't end on {day} any more."


def _wanted(link: models.PageLink, item: models.SubscriptionItem) -> tuple[str | None, int | None]:
    """Return the price and quantity that the link names, or that were chosen of what it offers."""
    details = link.details
    if "prices" not in details:
        return details.get("price"), details.get("quantity")
    price = request.args.get("price")
    if price not in details["prices"] or price == item.price_processor_id:
        price = None
    quantity = None
    typed = request.args.get("quantity", "")
    if item.quantity is not None and typed.isascii() and typed.isdigit() and len(typed) < 7:
        quantity = max(1, int(typed))
    return price, None if quantity == item.quantity else quantity


def _counted(name: str, quantity: int | None) -> str:
    return name if quantity in (None, 1) else f"{quantity} \N{MULTIPLICATION SIGN} {name}"


def _cost(price: models.Price | None, currency: str | None, locale: str | None) -> str:
    cost = None if price is None else price.money_in(currency)
    if price is None or cost is None:
        return ""
    return " ".join(filter(None, (cost.format(locale), every(price))))


def _lines(preview: billing.InvoicePreview, locale: str | None) -> tuple[Priced, ...]:
    """Return what is billed at once, line by line."""
    currency, is_credit = preview.currency, preview.total < 0
    tax = preview.tax - preview.inclusive_tax
    lines = [
        Line(each.description or "Item", Money(each.amount, each.currency))
        for each in preview.lines
    ]
    lines += parts(
        currency,
        discount=preview.subtotal + tax - preview.total,
        tax=tax,
        balance=0 if is_credit else preview.amount_due - preview.total,
    )
    due = Money(preview.amount_due, currency)
    last = Priced("Due today", due.format(locale) if due.amount_minor else "Nothing")
    if is_credit:
        last = Priced("Kept as your credit", Money(-preview.total, currency).format(locale))
    return (*(Priced(line.text, line.written(locale)) for line in lines), last)
