"""Calls that set a card up for later, with the customer's confirmation, without charging it."""

from __future__ import annotations

from ...answers import Answer, Json
from ...contract import SetupIntentCalls
from .. import setups
from .base import FakeCalls


class FakeSetupIntents(FakeCalls, SetupIntentCalls):
    """Calls that set a card up for later, with the customer's confirmation, without charging it."""

    def create_setup_intent(
        self, customer: str, *, usage: str, metadata: dict[str, str], key: str
    ) -> Answer:
        """Make a setup intent."""
        given: dict[str, Json] = {"usage": usage, "metadata": metadata}
        return self._engine.call(
            "create_setup_intent",
            key,
            {"customer": customer, **given},
            lambda tx: [setups.create(tx, customer, **given)],
        )

    def confirm_setup(self, setup_intent: str, *, payment_method: str | None, key: str) -> Answer:
        """Set a card up, given as a test token of :mod:`.cards` or as the card that waits."""
        return self._engine.call(
            "confirm_setup",
            key,
            {"setup_intent": setup_intent, "payment_method": payment_method},
            lambda tx: setups.confirm(tx, setup_intent, payment_method),
        )

    def cancel_setup(self, setup_intent: str, *, key: str) -> Answer:
        """Give a setup intent up."""
        return self._engine.call(
            "cancel_setup",
            key,
            {"setup_intent": setup_intent},
            lambda tx: [setups.cancel(tx, setup_intent)],
        )
