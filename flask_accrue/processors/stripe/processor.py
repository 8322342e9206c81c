"""Stripe, as :class:`~flask_accrue.processors.base.Processor` wants it."""

from __future__ import annotations

import collections.abc as c
import copy
import dataclasses
import datetime
import json
import typing as t

from .. import signing
from ..answers import Answer, Page, ProcessorEvent
from ..base import Processor
from ..capabilities import Capability
from . import bodies, event_types, events, fetching, finding, listing, logs
from .api import Api
from .browser import in_browser
from .charges import StripeCharges
from .checkout import StripeCheckout
from .connect import StripeConnect
from .credit_notes import StripeCreditNotes
from .customers import StripeCustomers
from .discounts import StripeDiscounts
from .invoices import StripeInvoices
from .metering import StripeUsage
from .payment_intents import StripePaymentIntents
from .payment_methods import StripePaymentMethods
from .reading_customers import default_payment_method
from .schedules import StripeSchedules
from .setup_intents import StripeSetupIntents
from .subscriptions import StripeSubscriptions
from .tax_ids import StripeTaxIds

SIGNATURE_HEADER: t.Final = "Stripe-Signature"


class StripeProcessor(
    StripeCustomers,
    StripeDiscounts,
    StripePaymentMethods,
    StripeSubscriptions,
    StripeSchedules,
    StripeInvoices,
    StripeCreditNotes,
    StripeCharges,
    StripePaymentIntents,
    StripeSetupIntents,
    StripeTaxIds,
    StripeCheckout,
    StripeUsage,
    StripeConnect,
    Processor,
):
    """Stripe, for one app.

    Every call is of the API version that the SDK is made for, and each change carries its idempotency key, on
    the SDK's further tries too.

    :param api_key: the secret key, or ``None`` where only webhooks are received. The mode, test or
        live, is read from it.
    :param publishable_key: the key for Stripe.js, or ``None`` where customers confirm nothing on our pages.
    :param api_base: another address of the API, for tests.
    :param timeout: seconds that a call may take, all its tries included; a change takes about as long
        together with the looks at its outcome.
    :param retries: how often a call is tried again after a network error, a conflict or a 5xx.
    :param retry_delay: seconds before each further try; by default the SDK's, half a second and more.
    """

    name = "stripe"
    event_types = event_types.BY_ENDPOINT
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
            Capability.SCHEDULES,
            Capability.CHARGE,
            Capability.REFUND,
            Capability.CAPTURE,
            Capability.SETUP_INTENTS,
            Capability.INVOICES,
            Capability.COUPONS,
            Capability.METERING,
            Capability.CONNECT,
            Capability.CHECKOUT,
            Capability.HOSTED_PAGES,
            Capability.MOUNTED_CHECKOUT,
            Capability.TAX,
        }
    )

    def __init__(
        self,
        api_key: str | None,
        *,
        publishable_key: str | None = None,
        api_base: str | None = None,
        timeout: float = 20.0,
        retries: int = 2,
        retry_delay: float | None = None,
    ) -> None:
        api = None
        self.livemode = None
        self.in_browser = in_browser(publishable_key)
        if api_key is not None:
            logs.keep_secrets_out()
            self.livemode = "_live_" in api_key
            api = Api(
                api_key,
                base=api_base,
                timeout=timeout,
                retries=retries,
                retry_delay=retry_delay,
            )
        super().__init__(api)

    def of_account(self, account: str | None) -> t.Self:
        """Return this processor, all its calls made for a connected account; ``None``: for the platform."""
        if self._given_api is None or self._given_api.account == account:
            return self
        other = copy.copy(self)
        other._given_api, other.account = self._given_api.of_account(account), account
        return other

    # -- webhooks ------------------------------------------------------------------------------

    def verify_webhook(
        self,
        payload: bytes,
        headers: c.Mapping[str, str],
        secrets: c.Sequence[str],
        now: datetime.datetime,
        *,
        endpoint: str = "",
    ) -> None:
        """Check ``Stripe-Signature`` against the endpoint's secrets.

        :raises SignatureError: unless one of them signed the body, at most 300 s from ``now``.
        """
        signing.verify(payload, headers.get(SIGNATURE_HEADER), secrets, now)

    def read_event(self, payload: bytes | str) -> ProcessorEvent:
        """Read a verified body, in the shapes of any version since 2020-03-02."""
        return events.read_event(payload)

    def storable(self, payload: str) -> str:
        """Return a body without client secrets and secret links; one that has none stays as it came."""
        if not bodies.may_hold_secrets(payload.encode(errors="replace")):
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
        """Return what an operation made, or ``None``: a customer, subscription, payment or setup intent,
        refund, connected account or transfer."""
        return finding.find(self._api, kind, operation_id, within)

    def list_catalog(self) -> Answer:
        """Return all products, then all prices, oldest first; retired ones too."""
        return listing.catalog(self._api)

    def page(
        self,
        kind: str,
        *,
        after: str | None = None,
        email: str | None = None,
        until: datetime.datetime | None = None,
    ) -> Page:
        """Return up to a hundred objects of a kind, the newest first; of prices, the retired ones first.

        Cards aren't listed but by customer.
        """
        page = listing.page(self._api, kind, after, email, until)
        if email is None:
            return page
        return dataclasses.replace(
            page, answer=listing.with_other_spellings(self._api, page.answer, email)
        )

    def default_payment_method_of(self, raw: c.Mapping[str, t.Any]) -> str | None:
        """Return the default card's id that a customer's raw object names."""
        return default_payment_method(dict(raw))

    def is_simulated(self, raw: c.Mapping[str, t.Any]) -> bool:
        """Tell whether a customer is one of a test clock's. Most of its objects don't say so themselves."""
        return raw.get("test_clock") is not None
