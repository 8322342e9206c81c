"""Calls that make and change customers."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import InvalidRequest
from ..answers import Answer, Json
from ..contract import CustomerCalls
from .api import segment
from .calls import StripeCalls
from .gathering import alone, read

PATH: t.Final = "/v1/customers"

_CHANGEABLE: t.Final = frozenset(
    "name email preferred_locale metadata default_payment_method tax_location tax_exempt".split()
)

_ADDRESS: t.Final = ("line1", "line2", "city", "state", "postal_code", "country")


class StripeCustomers(StripeCalls, CustomerCalls):
    """Calls that make and change customers."""

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
        api = self._changing
        given: dict[str, Json] = {"name": name, "email": email, "metadata": metadata}
        if preferred_locale is not None:
            given["preferred_locales"] = [preferred_locale]
        return alone(api, "customer", api.post(PATH, given, key=key), PATH)

    def update_customer(self, customer: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a customer; ``None`` empties a field.

        :raises InvalidRequest: for a field that can't be changed here, or a locale that is to be emptied:
            Stripe has no way to do that.
        """
        api = self._changing
        check_known(changes, _CHANGEABLE, "customer")
        given: dict[str, Json] = {
            name: emptied(changes[name])
            for name in ("name", "email", "metadata", "tax_exempt")
            if name in changes
        }
        if "preferred_locale" in changes:
            given["preferred_locales"] = [_locale(changes["preferred_locale"])]
        if "default_payment_method" in changes:
            card = emptied(changes["default_payment_method"])
            given["invoice_settings"] = {"default_payment_method": card}
        if "tax_location" in changes:
            location = changes["tax_location"]
            # All of it: what an address from before had more doesn't belong to this one.
            given["address"] = {name: location["address"].get(name, "") for name in _ADDRESS}
            given["tax"] = {"validate_location": "immediately"}
            if location["ip_address"] is not None:
                given["tax"]["ip_address"] = location["ip_address"]
        reply = api.post(f"{PATH}/{segment(customer)}", given, key=key)
        return alone(api, "customer", reply, PATH)

    def adjust_balance(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Add an amount to what a customer owes, and read the customer; Stripe tells the change alone."""
        api = self._changing
        path = f"{PATH}/{segment(customer)}"
        given: dict[str, Json] = {
            "amount": amount,
            "currency": currency,
            "description": description,
            "metadata": metadata,
        }
        api.post(f"{path}/balance_transactions", given, key=key)
        return alone(api, "customer", read(api, path, ()), PATH)


def _locale(locale: Json) -> str:
    if not isinstance(locale, str):
        raise InvalidRequest(
            "Stripe keeps the locale that a customer once had. Set another one instead of none.",
            code="parameter_invalid_empty",
            param="preferred_locale",
        )
    return locale


def emptied(value: Json) -> Json:
    """Return a value as it's sent: the SDK leaves out ``None``, and Stripe empties what is ``""``."""
    return "" if value is None else value


def check_known(changes: c.Mapping[str, Json], known: c.Set[str], kind: str) -> None:
    """Refuse what can't be changed.

    :raises InvalidRequest: naming it.
    """
    for name in sorted(set(changes) - known):
        raise InvalidRequest(
            f"A {kind} has no {name!r} to change here; allowed: {', '.join(sorted(known))}.",
            code="parameter_unknown",
            param=name,
        )
