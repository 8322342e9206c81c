"""What customers read about an error. It's never the developers' own sentence, and never claims more than is
known of what was charged or changed."""

from __future__ import annotations

import typing as t

from ..errors import (
    AccrueError,
    CardError,
    DiscountMappingInvalid,
    IdempotencyConflict,
    InvalidRequest,
    InvalidState,
    OperationInProgress,
    OperationUnknown,
    ProcessorError,
    RateLimited,
    UnsupportedByProcessor,
)
from .wording import decline_text

#: What is raised before anything is asked for, or when the processor has refused to do it.
_UNDONE: t.Final = (
    DiscountMappingInvalid,
    InvalidRequest,
    InvalidState,
    RateLimited,
    UnsupportedByProcessor,
)

_SENTENCES: t.Final[t.Mapping[str, str]] = {
    "already_subscribed": "You have this subscription already.",
    "payment_method_required": "Choose a card to go on.",
    "no_default_payment_method": "Add a card to go on.",
    "not_attached": "This card was removed meanwhile. Choose another.",
    "payment_method_needed": "A running subscription is charged to this card. Use another card for it first.",
    "customer_tax_location_invalid": "The tax can't be worked out, because your address isn't known or "
    "isn't complete.",
    "currency_mismatch": "This is in another currency than you pay in.",
    "same_price": "You have this plan already.",
    "proration_date_invalid": "The price has changed meanwhile. See the new one first.",
    "setup_ended": "The card was dealt with already.",
    "rate_limited": "There are too many requests at this moment. Try again in a minute.",
}


class Words(t.NamedTuple):
    """A sentence, and the kind of message that it is."""

    text: str
    category: str


def words_for(error: AccrueError, *, undone: str, unknown: str) -> Words:
    """Return what a customer is told.

    :param undone: that nothing happened, such as ``Nothing was charged.``
    :param unknown: what isn't known, such as ``whether you were charged``.
    """
    match error:
        case CardError():
            why = decline_text(error.decline_code or error.code)
            return Words(f"{why} {undone}", "warning")
        case OperationInProgress():
            return Words("This is being worked on at this moment. Reload in a moment.", "info")
        case OperationUnknown():
            return Words(
                f"{unknown.capitalize()} isn't known yet. Don't send it again: whoever runs this page looks "
                "into it.",
                "warning",
            )
        case IdempotencyConflict():
            return Words(
                "This form was sent before. See how it stands here before you send it again.",
                "warning",
            )
        case ProcessorError() if not error.definite:
            return Words(
                f"The payment provider didn't answer, so {unknown} isn't known yet. Reload in a minute "
                "before you try again.",
                "warning",
            )
        case _ if error.code in _SENTENCES:
            return Words(f"{_SENTENCES[error.code]} {undone}", "warning")
        case _ if isinstance(error, _UNDONE):
            return Words(f"That isn't possible at the moment. {undone}", "error")
    return Words(
        f"That didn't work, and {unknown} isn't known yet. Reload in a minute before you try again.",
        "error",
    )
