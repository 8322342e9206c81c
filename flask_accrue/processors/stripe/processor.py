"""Stripe, as :class:`~flask_accrue.processors.base.Processor` wants it."""

from __future__ import annotations

import collections.abc as c
import datetime
import json
import typing as t

from ...errors import ConfigError
from .. import signing
from ..base import Answer, Processor, ProcessorEvent
from . import bodies, events, fetching
from .api import Api
from .reading_customers import default_payment_method

SIGNATURE_HEADER: t.Final = "Stripe-Signature"


class StripeProcessor(Processor):
    """Stripe, for one app.

    It verifies and reads webhooks and fetches objects. It declares no capability yet, so every call that
    would change something raises :class:`~flask_accrue.errors.UnsupportedByProcessor`.

    :param api_key: the secret key, or ``None`` where only webhooks are received. The mode, test or
        live, is read from it.
    :param api_base: another address of the API, for tests.
    :param timeout: seconds to connect, and seconds to wait for an answer, of each try of a call.
    :param retries: how often a call is tried again after a network error, a conflict or a 5xx.
    """

    name = "stripe"

    def __init__(
        self,
        api_key: str | None,
        *,
        api_base: str | None = None,
        timeout: float = 20.0,
        retries: int = 2,
    ) -> None:
        self._api = None
        self.livemode = None
        if api_key is not None:
            self._api = Api(api_key, base=api_base, timeout=timeout, retries=retries)
            self.livemode = "_live_" in api_key

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
        if self._api is None:
            raise ConfigError(
                "ACCRUE_STRIPE_SECRET_KEY is missing, so nothing can be asked of Stripe. Set it to the "
                "key from Stripe's dashboard, from the environment rather than in code."
            )
        return fetching.fetch(self._api, kind, processor_id, account)

    def default_payment_method_of(self, raw: c.Mapping[str, t.Any]) -> str | None:
        """Return the default card's id that a customer's raw object names."""
        return default_payment_method(dict(raw))
