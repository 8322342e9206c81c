"""Calls that make the pages on which customers pay and look after their billing."""

from __future__ import annotations

from ..answers import Answer, Json
from ..capabilities import Capability
from .base import Calls


class CheckoutCalls(Calls):
    """Calls that make the pages on which customers pay and look after their billing."""

    def create_checkout_session(
        self,
        customer: str,
        *,
        mode: str,
        items: list[dict[str, Json]],
        options: dict[str, Json],
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make a page on which a customer pays, subscribes or leaves a card.

        ``mode`` is ``payment``, ``subscription`` or ``setup``; ``options`` may hold:

        * ``success_url``, ``cancel_url``; ``return_url`` instead for a page that is ``embedded``
        * ``expires_at``, ``trial_end``: Unix seconds
        * ``coupon`` or ``promotion_code`` (ids), or ``allow_promotion_codes``, never both
        * ``automatic_tax``, ``tax_id_collection``: booleans; ``customer_update``: what of the customer may be
          overwritten, ``{"address" | "name" | "shipping": "auto" | "never"}``
        * ``payment_method_collection``: ``always`` or ``if_required``
        * ``currency``, ``locale``, ``client_reference_id``, ``billing_address_collection``
        * ``description``: of a payment
        * ``made_metadata``: of the subscription, payment or setup that comes of it
        """
        self._unsupported(Capability.CHECKOUT)

    def expire_checkout_session(self, session: str, *, key: str) -> Answer:
        """Let nobody pay on an open page any more."""
        self._unsupported(Capability.CHECKOUT)

    def type_promotion_code(self, session: str, *, promotion_code: str | None, key: str) -> Answer:
        """Let a code count that the customer has typed on a mounted page, instead of any before.

        The answer holds the session with what is left to pay.

        :param promotion_code: its id; ``None`` takes it away.
        :raises InvalidRequest: where no code may be typed, or this one can't be redeemed.
        """
        self._unsupported(Capability.MOUNTED_CHECKOUT)

    def complete_checkout_session(
        self, session: str, *, payment_method: str | None, operation: str, key: str
    ) -> Answer:
        """Do what the customer's word on a mounted page asks for; only where the processor has no page.

        The answer holds the session, then what came of it; the session stays open while the customer has to
        confirm the payment.

        :param operation: written into the metadata of what is made.
        :raises CardError: when the bank refuses; then nothing is made and the session stays open.
        """
        self._unsupported(Capability.CHECKOUT)

    def price_checkout(
        self,
        customer: str,
        *,
        mode: str,
        items: list[dict[str, Json]],
        options: dict[str, Json],
    ) -> Answer:
        """Tell what is due at once on a mounted page of a processor that has its own, and change nothing.

        :param options: of those of :meth:`create_checkout_session` ``trial_end``, ``coupon`` or
            ``promotion_code``, and ``automatic_tax``; others don't matter.
        :returns: the invoice that it would be.
        :raises InvalidRequest: for what can't be sold like that; with the code
            ``customer_tax_location_invalid`` where its tax waits for the customer's address.
        """
        self._unsupported(Capability.HOSTED_PAGES)

    def bill_checkout(
        self,
        customer: str,
        *,
        items: list[dict[str, Json]],
        currency: str,
        discounts: list[dict[str, str]],
        automatic_tax: bool,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Make the bill of what is bought once on a mounted page, of a processor that has its own; the page
        then pays it.

        :raises InvalidRequest: for what can't be sold like that; there is no bill then.
        """
        self._unsupported(Capability.HOSTED_PAGES)

    def create_portal_session(
        self,
        customer: str,
        *,
        return_url: str,
        flow: dict[str, Json] | None,
        configuration: str | None,
        locale: str | None,
        key: str,
    ) -> Answer:
        """Make a link to the processor's own portal; the answer holds a portal session.

        ``flow`` is ``{"type": …}`` with ``subscription`` and ``items`` where the type wants them. It may hold
        a ``message`` that is shown at its end, ``discounts`` of a change to confirm, and the
        ``retention_coupon`` that is offered to whoever wants to cancel.
        """
        self._unsupported(Capability.HOSTED_PAGES)

    def create_portal_configuration(
        self, *, features: dict[str, Json], options: dict[str, Json], key: str
    ) -> Answer:
        """Make a configuration of the processor's portal; the answer holds it.

        :param options: ``return_url``, ``headline``, ``terms_of_service_url``, ``privacy_policy_url``,
            ``metadata``.
        """
        self._unsupported(Capability.HOSTED_PAGES)
