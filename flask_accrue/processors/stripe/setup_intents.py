"""Calls that set a card up for later, with the customer's confirmation, without charging it."""

from __future__ import annotations

import typing as t

from ...errors import CardError
from ..answers import Answer, Json
from ..contract import SetupIntentCalls
from .api import Api, Reply, segment
from .calls import StripeCalls
from .gathering import Gathering, current, if_possible, read, taken_out

PATH: t.Final = "/v1/setup_intents"

# The card that is set up.
_EXPANDED: t.Final = ("payment_method",)


class StripeSetupIntents(StripeCalls, SetupIntentCalls):
    """Calls that set a card up for later, with the customer's confirmation, without charging it."""

    def create_setup_intent(
        self, customer: str, *, usage: str, metadata: dict[str, str], key: str
    ) -> Answer:
        """Make a setup intent, for ways to pay that don't lead the customer to another site."""
        given: dict[str, Json] = {
            "customer": customer,
            "usage": usage,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": metadata,
        }
        api = self._changing
        return _told(api, api.post(PATH, given, key=key))

    def confirm_setup(self, setup_intent: str, *, payment_method: str | None, key: str) -> Answer:
        """Set a card up. The answer holds the setup intent, then the card once it's attached.

        :raises CardError: when the bank refuses; ``answer`` holds the setup intent.
        """
        given: dict[str, Json] = {"use_stripe_sdk": True, "expand": list(_EXPANDED)}
        if payment_method is not None:
            given["payment_method"] = payment_method
        api = self._changing
        path = f"{PATH}/{segment(setup_intent)}"
        try:
            reply = api.post(f"{path}/confirm", given, key=key)
        except CardError as error:
            with if_possible():
                error.answer = _told(api, read(api, path, _EXPANDED))
            raise
        return _told(api, reply)

    def cancel_setup(self, setup_intent: str, *, key: str) -> Answer:
        """Give a setup intent up."""
        api = self._changing
        return _told(api, api.post(f"{PATH}/{segment(setup_intent)}/cancel", {}, key=key))


def _told(api: Api, reply: Reply) -> Answer:
    """Return a setup intent with its secret, and its card where that came along and is attached."""
    reply = current(api, reply, PATH, *_EXPANDED)
    card, secret = taken_out(reply.body, "payment_method"), reply.body.get("client_secret")
    gathering = Gathering(api)
    gathering.put("setup_intent", reply.body, reply)
    gathering.client_secret = secret if isinstance(secret, str) else None
    if card is not None and card.get("customer") is not None:
        gathering.put("payment_method", card, reply)
    return gathering.answer()
