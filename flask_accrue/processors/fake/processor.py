"""The Fake: a payment processor that lives in a file, with a clock that can be moved."""

from __future__ import annotations

import collections.abc as c
import copy
import dataclasses
import datetime
import os
import typing as t

from ...errors import InvalidRequest
from .. import objects, signing
from ..answers import Answer, Page, ProcessorEvent
from ..base import Processor
from ..capabilities import Capability
from . import calls, charging, checkout_prices, customers, drafts, outbox, reading, setups
from .controls import Controls
from .engine import Engine, Result
from .transaction import Transaction, owner

_PAGE = 100


class FakeProcessor(
    Controls,
    calls.FakeCustomers,
    calls.FakeDiscounts,
    calls.FakePaymentMethods,
    calls.FakeSubscriptions,
    calls.FakeSchedules,
    calls.FakeInvoices,
    calls.FakeCreditNotes,
    calls.FakeCharges,
    calls.FakePaymentIntents,
    calls.FakeSetupIntents,
    calls.FakeTaxIds,
    calls.FakeCheckout,
    calls.FakeUsage,
    calls.FakeConnect,
    Processor,
):
    """A simulated processor, as :class:`~flask_accrue.processors.base.Processor` wants it.

    What it does beyond the contract, for tests, demos and development, stands in :class:`.controls.Controls`.

    :param store: path of a SQLite file, shared by all processes that name it; ``None`` is memory, private
        to this instance.
    :param seed: of a new store's ids, so that a test has the same ones each time.

    An answer is true from the beginning of the second in which it was given, in the Fake's time, until
    that moment: like Stripe's, its events have whole seconds, so one of the same second may be older or newer
    than the answer, and has to be looked up.
    """

    name = "fake"
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
            Capability.MOUNTED_CHECKOUT,
            Capability.TAX,
        }
    )

    def __init__(
        self, store: str | os.PathLike[str] | None = None, *, seed: int | str | None = None
    ) -> None:
        self._engine = Engine(store, seed)

    def of_account(self, account: str | None) -> t.Self:
        """Return this processor, all its calls made for a connected account; ``None``: for the platform.

        What an account has, its clock apart, nobody else sees.
        """
        if account == self._engine.account:
            return self
        other = copy.copy(self)
        other._engine, other.account = self._engine.of_account(account), account
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
        """Check the signature against the store's own secret of the endpoint and any others.

        :raises SignatureError: unless one of them signed the body, at most 300 s from ``now``.
        """
        header = headers.get(outbox.SIGNATURE_HEADER)
        own = {"": self.webhook_secret, "connect": self.connect_webhook_secret}.get(endpoint)
        signing.verify(payload, header, [*secrets, *([own] if own else [])], now)

    def read_event(self, payload: bytes | str) -> ProcessorEvent:
        """Read a body that was posted from the outbox."""
        return reading.read_event(payload)

    # -- reading -------------------------------------------------------------------------------

    def fetch(self, kind: str, processor_id: str, *, account: str | None = None) -> Answer:
        """Return the object as it stands now: a charge or refund with its fee, a setup intent and its card.

        A card that was detached is no longer found.
        """
        cls = objects.KINDS.get(kind)
        if cls is None:
            raise InvalidRequest(f"There is no kind of object called {kind!r}.", param="kind")

        def look(tx: Transaction) -> Result:
            found = charging.told(tx, tx.get(cls, processor_id))
            if isinstance(found, objects.CheckoutSession):
                return [checkout_prices.as_of_now(tx, found)]
            return [found, *setups.beside(tx, found)]

        engine = self._engine if account is None else self._engine.of_account(account)
        # What a page comes to is found by letting it happen.
        ask = engine.imagine if cls is objects.CheckoutSession else engine.look
        return ask("fetch", look)

    def find(self, kind: str, operation_id: str, *, within: str | None = None) -> Answer | None:
        """Return the first object that an operation made, or ``None``: for an invoice item its invoice, for
        a balance transaction its customer."""
        held = {"invoice_item": drafts.made_by, "balance_transaction": customers.adjusted_by}
        if kind in held and within is not None:
            told = self._engine.look("find", lambda tx: [held[kind](tx, within, operation_id)])
            return told if told.objects else None
        cls = objects.KINDS.get(kind)
        if cls is None:
            raise InvalidRequest(f"There is no kind of object called {kind!r}.", param="kind")

        def look(tx: Transaction) -> Result:
            made = tx.of_operation(cls, operation_id)
            return [each for each in made if within in (None, owner(each))][:1]

        answer = self._engine.look("find", look)
        return answer if answer.objects else None

    def list_catalog(self) -> Answer:
        """Return all products, then all prices, oldest first."""
        return self._engine.look(
            "list_catalog", lambda tx: [*tx.all(objects.Product), *tx.all(objects.Price)]
        )

    def page(
        self,
        kind: str,
        *,
        after: str | None = None,
        email: str | None = None,
        until: datetime.datetime | None = None,
    ) -> Page:
        """Return up to a hundred objects of a kind, the newest first."""
        cls = objects.KINDS.get(kind)
        if cls is None or cls is objects.PaymentMethod:
            return super().page(kind, after=after, email=email, until=until)

        def look(tx: Transaction) -> Result:
            every = [each for each in reversed(tx.all(cls)) if not each.deleted]
            if until is not None:
                every = [each for each in every if each.created is None or each.created <= until]
            if email is not None:
                same = email.lower()
                every = [
                    each
                    for each in every
                    if isinstance(each, objects.Customer) and (each.email or "").lower() == same
                ]
            ids = [each.processor_id for each in every]
            begin = 0 if after is None else ids.index(tx.get(cls, after).processor_id) + 1
            return [charging.told(tx, each) for each in every[begin : begin + _PAGE + 1]]

        answer = self._engine.look("page", look)
        held = answer.objects[:_PAGE]
        following = held[-1].processor_id if len(answer.objects) > _PAGE else None
        return Page(answer=dataclasses.replace(answer, objects=held), after=following)
