"""Checks of what several operations take, before anything is done."""

from __future__ import annotations

import typing as t

from ..errors import InvalidRequest

COLLECTION_METHODS: t.Final = ("charge_automatically", "send_invoice")


def one_of(name: str, value: t.Any, choices: tuple[str, ...]) -> None:
    """Refuse what isn't one of the words that there are."""
    if value not in choices:
        raise InvalidRequest(
            f"{name} is {value!r}; use one of {', '.join(map(repr, choices))}.",
            code="parameter_invalid",
            param=name,
        )


def check_collection(collection_method: str, days_until_due: int | None) -> None:
    """Refuse an unknown way to collect invoices, and days to pay that can't be.

    :param days_until_due: a whole number from 0 on, only of invoices that are sent.
    """
    one_of("collection_method", collection_method, COLLECTION_METHODS)
    if days_until_due is None:
        return
    if collection_method != "send_invoice":
        raise only_sent("days_until_due")
    days: t.Any = days_until_due
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise InvalidRequest(
            f"days_until_due is a whole number from 0 on, not {days!r}.",
            code="parameter_invalid",
            param="days_until_due",
        )


def only_sent(param: str) -> InvalidRequest:
    """Return the refusal of a date to pay by for invoices that are charged."""
    return InvalidRequest(
        "Only an invoice that is sent has a date to pay it by: use "
        "collection_method='send_invoice'.",
        code="parameter_invalid",
        param=param,
    )
