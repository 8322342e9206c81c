"""The cards of the simulated processor, for its plain form: no number is ever typed."""

from __future__ import annotations

import typing as t

from flask import abort

from .. import billing, models
from ..processors.fake import FakeProcessor
from ..state import current_state
from . import queries


class SimulatedCard(t.NamedTuple):
    """A card that doesn't exist."""

    token: str
    text: str
    note: str


SIMULATED_CARDS: t.Final = (
    SimulatedCard("tok_visa", "Visa 4242", "Always pays."),
    SimulatedCard("tok_mastercard", "Mastercard 4444", "Always pays."),
    SimulatedCard("tok_authenticationRequired", "Visa 3184", "Each payment has to be confirmed."),
    SimulatedCard("tok_chargeCustomerFail", "Visa 0341", "Can be added; every payment is refused."),
    SimulatedCard("tok_chargeDeclined", "Visa 0002", "Is refused as soon as it's added."),
)


def is_simulated(processor: str) -> bool:
    """Tell whether a processor's cards don't exist, and are shown as such."""
    return is_fake(processor) and current_state().settings.shows_simulation


def is_fake(processor: str) -> bool:
    """Tell whether a processor is the simulated one, which a page can do nothing with in earnest."""
    return isinstance(current_state().processors.get(processor), FakeProcessor)


def named_card(token: str) -> SimulatedCard | None:
    """Return the test card that a form names."""
    return next((card for card in SIMULATED_CARDS if card.token == token), None)


def chosen_card(
    customer: models.Customer, chosen: str, operation_id: str
) -> models.PaymentMethod | None:
    """Return the card that a form names: one of the customer's, or a test card, which is added.

    :raises CardError: when a test card is refused.
    """
    if not chosen:
        return None
    if is_simulated(customer.processor) and named_card(chosen) is not None:
        return billing.add_payment_method(customer, chosen, operation_id=operation_id)
    return queries.usable_card(customer, chosen) or abort(404)
