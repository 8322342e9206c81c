"""Calls about pages on which customers pay. The Fake has none of its own: ours are mounted."""

from __future__ import annotations

from ...answers import Answer, Json
from ...capabilities import Capability
from ...contract import CheckoutCalls
from .. import checkout
from .base import FakeCalls


class FakeCheckout(FakeCalls, CheckoutCalls):
    """Calls about pages on which customers pay."""

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
        """Make a session, which a mounted page completes."""
        given: dict[str, Json] = {"mode": mode, "options": options, "metadata": metadata}
        return self._engine.call(
            "create_checkout_session",
            key,
            {"customer": customer, "items": items, **given},
            lambda tx: [checkout.create(tx, customer, chosen=items, **given)],
        )

    def expire_checkout_session(self, session: str, *, key: str) -> Answer:
        """Let nobody complete an open session any more."""
        return self._engine.call(
            "expire_checkout_session",
            key,
            {"session": session},
            lambda tx: [checkout.expire_now(tx, session)],
        )

    def type_promotion_code(self, session: str, *, promotion_code: str | None, key: str) -> Answer:
        """Let a code count that the customer has typed."""
        return self._engine.call(
            "type_promotion_code",
            key,
            {"session": session, "promotion_code": promotion_code},
            lambda tx: [checkout.type_code(tx, session, promotion_code)],
        )

    def complete_checkout_session(
        self, session: str, *, payment_method: str | None, operation: str, key: str
    ) -> Answer:
        """Do what an open session is for; the answer also holds what came of it."""
        return self._engine.call(
            "complete_checkout_session",
            key,
            {"session": session, "payment_method": payment_method, "operation": operation},
            lambda tx: checkout.complete(tx, session, payment_method, operation),
        )

    def price_checkout(
        self,
        customer: str,
        *,
        mode: str,
        items: list[dict[str, Json]],
        options: dict[str, Json],
    ) -> Answer:
        """Refuse it: a session itself tells what is due on it."""
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
        """Refuse it: a session is completed as a whole."""
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
        """Refuse it: the portal is the mounted one."""
        self._unsupported(Capability.HOSTED_PAGES)

    def create_portal_configuration(
        self, *, features: dict[str, Json], options: dict[str, Json], key: str
    ) -> Answer:
        """Refuse it: the portal is the mounted one."""
        self._unsupported(Capability.HOSTED_PAGES)
