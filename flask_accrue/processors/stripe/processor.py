"""Stripe, as :class:`~flask_accrue.processors.base.Processor` wants it."""

from __future__ import annotations

import collections.abc as c
import copy
import datetime
import json
import typing as t

from ...errors import ConfigError
from .. import signing
from ..base import Answer, Capability, Json, Page, Processor, ProcessorEvent
from . import (
    bodies,
    charging,
    customers,
    events,
    fetching,
    finding,
    listing,
    metering,
    payment_methods,
    subscriptions,
)
from .api import Api
from .reading_customers import default_payment_method

SIGNATURE_HEADER: t.Final = "Stripe-Signature"


class StripeProcessor(Processor):
    """Stripe, for one app.

    Every call is of the API version that the SDK is made for, and each change carries its idempotency key, on
    the SDK's further tries too.

    :param api_key: the secret key, or ``None`` where only webhooks are received. The mode, test or
        live, is read from it.
    :param api_base: another address of the API, for tests.
    :param timeout: seconds that a call may take, all its tries included; a change takes about as long
        together with the looks at its outcome.
    :param retries: how often a call is tried again after a network error, a conflict or a 5xx.
    :param retry_delay: seconds before each further try; by default the SDK's, half a second and more.
    """

    name = "stripe"
    capabilities = frozenset(
        {
            Capability.CUSTOMERS,
            Capability.PAYMENT_METHODS,
            Capability.SUBSCRIPTIONS,
            Capability.CUSTOMER_AUTHENTICATION,
            Capability.SWAP,
            Capability.INVOICE_NOW,
            Capability.PREVIEW,
            Capability.QUANTITY,
            Capability.MULTIPLE_ITEMS,
            Capability.CANCEL_NOW,
            Capability.CANCEL_AT_PERIOD_END,
            Capability.CANCEL_AT_DATE,
            Capability.PAUSE,
            Capability.CHARGE,
            Capability.REFUND,
            Capability.INVOICES,
            Capability.METERING,
        }
    )

    def __init__(
        self,
        api_key: str | None,
        *,
        api_base: str | None = None,
        timeout: float = 20.0,
        retries: int = 2,
        retry_delay: float | None = None,
    ) -> None:
        self._given_api: Api | None = None
        self.livemode = None
        if api_key is not None:
            self._given_api = Api(
                api_key,
                base=api_base,
                timeout=timeout,
                retries=retries,
                retry_delay=retry_delay,
            )
            self.livemode = "_live_" in api_key

    def of_account(self, account: str | None) -> StripeProcessor:
        """Return this processor, its calls made for a connected account; ``None``: for the platform."""
        other = copy.copy(self)
        other._given_api = self._api.of_account(account)
        return other

    @property
    def _api(self) -> Api:
        if self._given_api is None:
            raise ConfigError(
                "ACCRUE_STRIPE_SECRET_KEY is missing, so nothing can be asked of Stripe. Set it to the "
                "key from Stripe's dashboard, from the environment rather than in code."
            )
        return self._given_api

    @property
    def _changing(self) -> Api:
        """The client for one change, with the looks at its outcome that follow."""
        return self._api.in_one_time()

    # -- webhooks ------------------------------------------------------------------------------

    def verify_webhook(
        self,
        payload: bytes,
        headers: c.Mapping[str, str],
        secrets: c.Sequence[str],
        now: datetime.datetime,
    ) -> None:
        """Check ``Stripe-Signature`` against the endpoint's secrets.

        :raises SignatureError: unless one of them signed the body, at most 300 s from ``now``.
        """
        signing.verify(payload, headers.get(SIGNATURE_HEADER), secrets, now)

    def read_event(self, payload: bytes | str) -> ProcessorEvent:
        """Read a verified body, in the shapes of any version since 2020-03-02."""
        return events.read_event(payload)

    def storable(self, payload: str) -> str:
        """Return a body without client secrets; one that has none stays as it came."""
        if "secret" not in payload:
            return payload
        return json.dumps(bodies.without_secrets(bodies.decode(payload)), ensure_ascii=False)

    def read_envelope(self, payload: bytes | str) -> ProcessorEvent:
        """Read all of a verified body but its object."""
        return events.read_envelope(payload)

    # -- reading -------------------------------------------------------------------------------

    def fetch(self, kind: str, processor_id: str, *, account: str | None = None) -> Answer:
        """Return the object as it stands now: a subscription with all its items, an invoice with all
        its lines and payments, a charge with its fee.

        :raises ConfigError: without an API key.
        :raises NotFound: when Stripe has no such object.
        """
        return fetching.fetch(self._api, kind, processor_id, account)

    def find(self, kind: str, operation_id: str, *, within: str | None = None) -> Answer | None:
        """Return the customer, subscription, payment intent or refund that an operation made, or ``None``."""
        return finding.find(self._api, kind, operation_id, within)

    def list_payment_methods(self, customer: str) -> Answer:
        """Return everything that a customer can pay with, oldest first."""
        return listing.payment_methods(self._api, customer)

    def list_catalog(self) -> Answer:
        """Return all products, then all prices, oldest first; retired ones too."""
        return listing.catalog(self._api)

    def page(self, kind: str, *, after: str | None = None, email: str | None = None) -> Page:
        """Return up to a hundred objects of a kind, the newest first; of prices, the retired ones first.

        Cards aren't listed but by customer.
        """
        return listing.page(self._api, kind, after, email)

    def default_payment_method_of(self, raw: c.Mapping[str, t.Any]) -> str | None:
        """Return the default card's id that a customer's raw object names."""
        return default_payment_method(dict(raw))

    # -- customers and cards -------------------------------------------------------------------

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
        return customers.create(
            self._changing,
            name=name,
            email=email,
            preferred_locale=preferred_locale,
            metadata=metadata,
            key=key,
        )

    def update_customer(self, customer: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a customer."""
        return customers.update(self._changing, customer, changes, key=key)

    def add_payment_method(self, customer: str, token: str, *, key: str) -> Answer:
        """Attach a payment method (``pm_…``), or the card that a token (``tok_…``) stands for."""
        return payment_methods.add(self._changing, customer, token, key=key)

    def update_payment_method(
        self, payment_method: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a card's month, year or metadata."""
        return payment_methods.update(self._changing, payment_method, changes, key=key)

    def remove_payment_method(self, payment_method: str, *, key: str) -> Answer:
        """Detach a card."""
        return payment_methods.remove(self._changing, payment_method, key=key)

    # -- subscriptions -------------------------------------------------------------------------

    def create_subscription(
        self,
        customer: str,
        *,
        items: list[dict[str, Json]],
        trial_end: int | None,
        payment_method: str | None,
        collection_method: str,
        billing_cycle_anchor: int | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Subscribe a customer; the answer also holds the first invoice, its intent and its charge."""
        return subscriptions.create(
            self._changing,
            customer,
            items=items,
            trial_end=trial_end,
            payment_method=payment_method,
            collection_method=collection_method,
            billing_cycle_anchor=billing_cycle_anchor,
            metadata=metadata,
            key=key,
        )

    def update_subscription(
        self, subscription: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a subscription; the answer also holds what was billed for it at once."""
        return subscriptions.update(self._changing, subscription, changes, key=key)

    def preview_invoice(self, subscription: str, changes: dict[str, Json]) -> Answer:
        """Tell what a subscription would be billed next, with all lines."""
        return subscriptions.preview(self._changing, subscription, changes)

    def cancel_subscription(
        self, subscription: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a subscription now; of one that has ended, the answer tells how it stands.

        Stripe takes no idempotency key for it, and needs none.
        """
        return subscriptions.cancel(
            self._changing, subscription, invoice_now=invoice_now, prorate=prorate
        )

    # -- money ---------------------------------------------------------------------------------

    def pay_invoice(self, invoice: str, *, payment_method: str | None, key: str) -> Answer:
        """Try to collect an open invoice now; the answer also holds its subscription."""
        return charging.pay_invoice(self._changing, invoice, payment_method=payment_method, key=key)

    def create_charge(
        self,
        customer: str,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        description: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Charge a card now."""
        return charging.charge(
            self._changing,
            customer,
            amount=amount,
            currency=currency,
            payment_method=payment_method,
            description=description,
            metadata=metadata,
            key=key,
        )

    def confirm_payment(
        self, payment_intent: str, *, payment_method: str | None, key: str
    ) -> Answer:
        """Carry on with a payment; the answer also holds the invoice that it pays, and its subscription."""
        return charging.confirm(
            self._changing, payment_intent, payment_method=payment_method, key=key
        )

    def create_refund(
        self,
        charge: str,
        *,
        amount: int | None,
        reason: str | None,
        metadata: dict[str, str],
        key: str,
    ) -> Answer:
        """Give back a part of a charge, or all that is left."""
        return charging.refund(
            self._changing, charge, amount=amount, reason=reason, metadata=metadata, key=key
        )

    # -- usage ---------------------------------------------------------------------------------

    def create_meter_event(
        self,
        customer: str,
        *,
        event_name: str,
        value: int,
        identifier: str,
        timestamp: int,
        key: str,
    ) -> Answer:
        """Report usage to the meter of that name; its identifier is also the idempotency key."""
        return metering.create_event(
            self._changing,
            customer,
            event_name=event_name,
            value=value,
            identifier=identifier,
            timestamp=timestamp,
            key=key,
        )
