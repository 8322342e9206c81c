"""Calls that set a card up for later, with the customer's confirmation, without charging it."""

from __future__ import annotations

from ..answers import Answer
from ..capabilities import Capability
from .base import Calls


class SetupIntentCalls(Calls):
    """Calls that set a card up for later, with the customer's confirmation, without charging it."""

    def create_setup_intent(
        self, customer: str, *, usage: str, metadata: dict[str, str], key: str
    ) -> Answer:
        """Make a setup intent, whose client secret the customer's browser confirms with a card.

        :param usage: ``off_session`` where the card will be charged without the customer, else
            ``on_session``.
        """
        self._unsupported(Capability.SETUP_INTENTS)

    def confirm_setup(self, setup_intent: str, *, payment_method: str | None, key: str) -> Answer:
        """Set a card up on the customer's word, where that isn't done in the browser.

        The answer holds the setup intent, then the card once it's attached.

        :param payment_method: the processor's id or a token; ``None`` for the card that waits.
        :raises CardError: when the bank refuses; ``answer`` then holds the setup intent.
        """
        self._unsupported(Capability.SETUP_INTENTS)

    def cancel_setup(self, setup_intent: str, *, key: str) -> Answer:
        """Give a setup intent up."""
        self._unsupported(Capability.SETUP_INTENTS)
