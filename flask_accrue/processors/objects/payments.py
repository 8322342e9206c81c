"""Money that moves: intents, charges, refunds, disputes, and the pages on which it is paid."""

from __future__ import annotations

import dataclasses

from .base import UNSAID, ProcessorObject, Unsaid, When


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaymentIntent(ProcessorObject):
    """An attempt to collect an amount, with its own steps.

    ``requires_payment_method``, ``requires_confirmation``, ``requires_action``, ``processing``,
    ``requires_capture``, ``canceled`` or ``succeeded``. ``client_secret`` is handed to the
    customer's browser and never stored.

    :ivar amount_capturable: what the bank holds for it, while it's ``requires_capture``.
    :ivar cancellation_reason: why it was given up: what was told, or ``automatic`` and the like.
    """

    kind = "payment_intent"

    customer: str | None
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    payment_method: str | None = None
    latest_charge: str | None = None
    invoice: str | Unsaid | None = UNSAID
    capture_method: str = "automatic"
    amount_capturable: int = 0
    setup_future_usage: str | None = None
    error_code: str | None = None
    error_decline_code: str | None = None
    canceled_at: When | None = None
    cancellation_reason: str | None = None
    description: str | None = None
    statement_descriptor: str | None = None
    client_secret: str | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def requires_action(self) -> bool:
        """The customer has to confirm it at the bank."""
        return self.status in ("requires_action", "requires_confirmation")

    @property
    def requires_confirmation(self) -> bool:
        """A card is on it, and the bank wasn't asked yet."""
        return self.status == "requires_confirmation"

    @property
    def requires_payment_method(self) -> bool:
        """No card is on it, or the last one was refused."""
        return self.status == "requires_payment_method"

    @property
    def is_open(self) -> bool:
        """Whether something is left for the customer to do."""
        return self.requires_action or self.requires_payment_method


@dataclasses.dataclass(frozen=True, kw_only=True)
class Charge(ProcessorObject):
    """Money that moved, or was refused: ``succeeded``, ``pending`` or ``failed``.

    ``fee`` and ``net`` come with the balance transaction, which many bodies leave out. What was held and not
    taken counts as refunded: of 1000 held and 700 captured, ``amount_refunded`` is 300.

    :ivar capture_before: until when held money can be taken.
    :ivar transfer: the transfer that it made to a connected account, if it was charged to be shared.
    :ivar application_fee: what the platform kept of it, in minor units; ``None``: nothing was agreed.
    """

    kind = "charge"

    customer: str | None
    status: str
    amount: int
    currency: str
    amount_captured: int = 0
    amount_refunded: int = 0
    captured: bool = True
    refunded: bool = False
    disputed: bool = False
    payment_intent: str | None = None
    payment_method: str | None = None
    invoice: str | Unsaid | None = UNSAID
    failure_code: str | None = None
    decline_code: str | None = None
    receipt_url: str | None = None
    capture_before: When | None = None
    transfer: str | Unsaid | None = UNSAID
    application_fee: int | None = None
    fee: int | Unsaid = UNSAID
    net: int | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refund(ProcessorObject):
    """Money given back: ``pending``, ``requires_action``, ``succeeded``, ``failed``, ``canceled``.

    ``fee`` and ``net`` come with the balance transaction, as a charge's do; ``net`` is negative. A negative
    ``fee`` is a part of the charge's fee that the processor gave back.
    """

    kind = "refund"

    charge: str | None
    status: str
    amount: int
    currency: str
    payment_intent: str | None = None
    reason: str | None = None
    failure_reason: str | None = None
    fee: int | Unsaid = UNSAID
    net: int | Unsaid = UNSAID


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetupIntent(ProcessorObject):
    """A card being set up for later, without a charge.

    ``requires_payment_method``, ``requires_confirmation``, ``requires_action``, ``processing``,
    ``canceled`` or ``succeeded``; then its card is attached to the customer.
    """

    kind = "setup_intent"

    customer: str | None
    status: str
    usage: str = "off_session"
    payment_method: str | None = None
    error_code: str | None = None
    error_decline_code: str | None = None
    cancellation_reason: str | None = None

    @property
    def is_succeeded(self) -> bool:
        """Whether the card is set up, and attached to the customer."""
        return self.status == "succeeded"

    @property
    def is_open(self) -> bool:
        """Whether something is left for the customer to do."""
        return self.status in (
            "requires_payment_method",
            "requires_confirmation",
            "requires_action",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dispute(ProcessorObject):
    """A charge that the customer's bank takes back, for now or for good.

    ``warning_needs_response``, ``warning_under_review``, ``warning_closed``, ``needs_response``,
    ``under_review``, ``won``, ``lost`` or ``prevented``. The merchant may answer until ``evidence_due_by``.
    """

    kind = "dispute"

    charge: str
    status: str
    amount: int
    currency: str
    reason: str
    payment_intent: str | None = None
    evidence_due_by: When | None = None
    is_charge_refundable: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckoutSession(ProcessorObject):
    """A page on which a customer pays: ``open``, ``complete`` or ``expired``.

    ``mode`` is ``payment``, ``setup`` or ``subscription``; ``payment_status`` is ``paid``, ``unpaid`` or
    ``no_payment_required``. ``url`` opens it without a log-in, while it's open.

    What is due at once (``amount_total``) is ``amount_subtotal``, less ``amount_discount``, and with the tax
    that comes on top (``amount_tax``) and with what the customer owes from before (``amount_balance``, below
    0: has as credit). A processor's own page tells these to its customer itself. ``coupon`` or
    ``promotion_code`` is what is taken off by. With ``needs_address`` nobody knows where the customer is, and
    these are without the tax that goes by that.
    """

    kind = "checkout_session"

    customer: str | None
    mode: str
    status: str
    payment_status: str
    currency: str | None = None
    amount_total: int | None = None
    subscription: str | None = None
    payment_intent: str | None = None
    setup_intent: str | None = None
    invoice: str | None = None
    client_reference_id: str | None = None
    expires_at: When | None = None
    url: str | None = dataclasses.field(default=None, repr=False)
    amount_subtotal: int | None = None
    amount_discount: int | None = None
    amount_tax: int | None = None
    amount_balance: int | None = None
    needs_address: bool = False
    coupon: str | None = None
    promotion_code: str | None = None
