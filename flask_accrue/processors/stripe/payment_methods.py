"""Calls about cards, and whatever else a customer pays with."""

from __future__ import annotations

import contextlib
import typing as t

from ...errors import InvalidRequest, ProcessorError
from ..answers import Answer, Json
from ..contract import PaymentMethodCalls
from . import customers, fields, listing
from .api import segment
from .calls import StripeCalls
from .gathering import alone, identifier

PATH: t.Final = "/v1/payment_methods"

# What the browser hands over that isn't a payment method yet.
_MADE_IN_BROWSER: t.Final = "tok_"
_CHANGEABLE: t.Final = frozenset({"exp_month", "exp_year", "metadata"})


class StripePaymentMethods(StripeCalls, PaymentMethodCalls):
    """Calls about cards, and whatever else a customer pays with."""

    def list_payment_methods(self, customer: str) -> Answer:
        """Return everything that a customer can pay with, oldest first."""
        return listing.payment_methods(self._api, customer)

    def add_payment_method(self, customer: str, token: str, *, key: str) -> Answer:
        """Attach a card to a customer; one that is attached to it already is told as it stands.

        A token (``tok_…``) is made into a payment method first, by a call with a key of its own: Stripe takes
        a key for one request only.

        :raises CardError: when the bank refuses it.
        """
        api = self._changing
        if token.startswith(_MADE_IN_BROWSER):
            given = {"type": "card", "card": {"token": token}}
            token = identifier(api.post(PATH, given, key=f"{key}:method"))
        path = f"{PATH}/{segment(token)}"
        try:
            reply = api.post(f"{path}/attach", {"customer": customer}, key=key)
        except InvalidRequest:
            with contextlib.suppress(ProcessorError):
                found = api.get(path, {})
                if fields.reference(found.body, "customer") == customer:
                    return alone(api, "payment_method", found, PATH)
            raise
        return alone(api, "payment_method", reply, PATH)

    def update_payment_method(
        self, payment_method: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a card's month and year of expiry, or its metadata.

        :raises InvalidRequest: for a field that can't be changed here.
        """
        api = self._changing
        customers.check_known(changes, _CHANGEABLE, "payment method")
        card = {name: changes[name] for name in ("exp_month", "exp_year") if name in changes}
        given: dict[str, Json] = {"card": card} if card else {}
        if "metadata" in changes:
            given["metadata"] = customers.emptied(changes["metadata"])
        reply = api.post(f"{PATH}/{segment(payment_method)}", given, key=key)
        return alone(api, "payment_method", reply, PATH)

    def remove_payment_method(self, payment_method: str, *, key: str) -> Answer:
        """Detach a card."""
        api = self._changing
        reply = api.post(f"{PATH}/{segment(payment_method)}/detach", {}, key=key)
        return alone(api, "payment_method", reply, PATH)
