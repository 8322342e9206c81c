"""The contract that every processor keeps.

A processor does three things: it carries out a call (:mod:`~flask_accrue.processors.contract`), it tells
how an object stands, and it verifies and reads its own webhooks. All three speak in
:mod:`~flask_accrue.processors.objects`.
"""

from __future__ import annotations

import abc
import datetime
import typing as t

from ..errors import UnsupportedByProcessor
from . import contract
from .answers import Answer, Page, ProcessorEvent
from .browser import InBrowser
from .capabilities import Capability


class Processor(
    contract.CustomerCalls,
    contract.DiscountCalls,
    contract.PaymentMethodCalls,
    contract.SubscriptionCalls,
    contract.ScheduleCalls,
    contract.InvoiceCalls,
    contract.PaymentIntentCalls,
    contract.CreditNoteCalls,
    contract.ChargeCalls,
    contract.SetupIntentCalls,
    contract.TaxIdCalls,
    contract.CheckoutCalls,
    contract.UsageCalls,
    contract.ConnectCalls,
    abc.ABC,
):
    """One processor, configured for one app."""

    #: Whether real money moves; ``None`` where that isn't known, as without a key.
    livemode: bool | None = False
    #: The connected account for which its calls are made; ``None``: the platform.
    account: str | None = None
    #: What runs in the customer's browser; ``None`` where nothing does.
    in_browser: InBrowser | None = None

    #: The types of events that each endpoint has to send, by its name in ``ACCRUE_WEBHOOK_SECRETS``;
    #: empty where that can't be chosen.
    event_types: t.ClassVar[t.Mapping[str, tuple[str, ...]]] = {}

    # -- whose calls they are ------------------------------------------------------------------

    def of_account(self, account: str | None) -> t.Self:
        """Return this processor, all its calls made for a connected account; ``None``: for the platform.

        :raises UnsupportedByProcessor: when it has no accounts.
        """
        if account is not None:
            self._unsupported(Capability.CONNECT)
        return self

    # -- webhooks ------------------------------------------------------------------------------

    @abc.abstractmethod
    def verify_webhook(
        self,
        payload: bytes,
        headers: t.Mapping[str, str],
        secrets: t.Sequence[str],
        now: datetime.datetime,
        *,
        endpoint: str = "",
    ) -> None:
        """Check that the raw body was signed with one of the secrets, at most 300 s from ``now``.

        :param endpoint: the further endpoint that it came to, such as ``connect``, whose secrets these are.
        :raises SignatureError: otherwise.
        """

    @abc.abstractmethod
    def read_event(self, payload: bytes | str) -> ProcessorEvent:
        """Read a verified body.

        :raises InvalidRequest: when it isn't an event of this processor.
        """

    def read_envelope(self, payload: bytes | str) -> ProcessorEvent:
        """Read what has to be known to store a verified body: all but its object, which may be
        left out. A processor overrides it where reading the object costs.

        :raises InvalidRequest: when it isn't an event of this processor.
        """
        return self.read_event(payload)

    def storable(self, payload: str) -> str:
        """Return a verified body as it may be stored: without secrets that it holds."""
        return payload

    # -- reading -------------------------------------------------------------------------------

    @abc.abstractmethod
    def fetch(self, kind: str, processor_id: str, *, account: str | None = None) -> Answer:
        """Return the object as it stands now, with what hangs on it (items, lines, payments).

        Of a setup intent that succeeded the answer also holds the card, while it's the customer's.

        :param kind: a name of :data:`flask_accrue.processors.objects.KINDS`.
        :raises NotFound: when there is none.
        """

    def find(self, kind: str, operation_id: str, *, within: str | None = None) -> Answer | None:
        """Return the object that an operation made, found by its metadata, or ``None``.

        :param within: what it belongs to: the customer's id, or for a refund the charge's.
        """
        raise UnsupportedByProcessor(f"{self.name} can't look for an object by its operation.")

    def default_payment_method_of(self, raw: t.Mapping[str, t.Any]) -> str | None:
        """Return the default card's id that a customer's raw object names.

        A customer may arrive before its card; the card then looks here.
        """
        value = raw.get("default_payment_method")
        return value if isinstance(value, str) else None

    def is_simulated(self, raw: t.Mapping[str, t.Any]) -> bool:
        """Tell by a customer's raw object whether its events have the times of a simulation at the processor,
        while answers have real ones."""
        return False

    def list_catalog(self) -> Answer:
        """Return all products, then all prices."""
        self._unsupported(Capability.SUBSCRIPTIONS)

    def page(
        self,
        kind: str,
        *,
        after: str | None = None,
        email: str | None = None,
        until: datetime.datetime | None = None,
    ) -> Page:
        """Return one page of all objects of a kind, the newest first, as :meth:`fetch` would tell them.

        What the processor has deleted isn't listed.

        :param after: the ``after`` of the page before.
        :param email: of customers, only those with this e-mail address, in capitals or not.
        :param until: only what was made until that second.
        :raises UnsupportedByProcessor: for a kind that isn't listed, or where addresses can't be looked for.
        """
        raise UnsupportedByProcessor(f"{self.name} can't list every {kind}.")
