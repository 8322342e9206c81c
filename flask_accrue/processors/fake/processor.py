"""The Fake: a payment processor that lives in a file, with a clock that can be moved."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import os

from ...errors import InvalidRequest
from ...money import Money
from .. import objects, signing
from ..base import Answer, Capability, Json, Page, Processor, ProcessorEvent
from . import (
    changes as changing,
)
from . import (
    charging,
    customers,
    metering,
    outbox,
    payment_methods,
    previews,
    reading,
    refunds,
    subscriptions,
)
from .controls import Controls
from .engine import Engine, Result
from .transaction import Transaction, owner

_PAGE = 100


class FakeProcessor(Controls, Processor):
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
            Capability.CHARGE,
            Capability.REFUND,
            Capability.INVOICES,
            Capability.METERING,
        }
    )

    def __init__(
        self, store: str | os.PathLike[str] | None = None, *, seed: int | str | None = None
    ) -> None:
        self._engine = Engine(store, seed)

    # -- webhooks ------------------------------------------------------------------------------

    def verify_webhook(
        self,
        payload: bytes,
        headers: c.Mapping[str, str],
        secrets: c.Sequence[str],
        now: datetime.datetime,
    ) -> None:
        """Check the signature against the store's own secret and any others.

        :raises SignatureError: unless one of them signed the body, at most 300 s from ``now``.
        """
        header = headers.get(outbox.SIGNATURE_HEADER)
        signing.verify(payload, header, [*secrets, self.webhook_secret], now)

    def read_event(self, payload: bytes | str) -> ProcessorEvent:
        """Read a body that was posted from the outbox."""
        return reading.read_event(payload)

    # -- reading -------------------------------------------------------------------------------

    def fetch(self, kind: str, processor_id: str, *, account: str | None = None) -> Answer:
        """Return the object as it stands now; of a charge, with its fee.

        A card that was detached is no longer found.
        """
        cls = objects.KINDS.get(kind)
        if cls is None:
            raise InvalidRequest(f"There is no kind of object called {kind!r}.", param="kind")
        return self._engine.look("fetch", lambda tx: [charging.told(tx, tx.get(cls, processor_id))])

    def find(self, kind: str, operation_id: str, *, within: str | None = None) -> Answer | None:
        """Return the first object that an operation made, or ``None``."""
        cls = objects.KINDS.get(kind)
        if cls is None:
            raise InvalidRequest(f"There is no kind of object called {kind!r}.", param="kind")

        def look(tx: Transaction) -> Result:
            made = tx.of_operation(cls, operation_id)
            return [each for each in made if within in (None, owner(each))][:1]

        answer = self._engine.look("find", look)
        return answer if answer.objects else None

    def list_payment_methods(self, customer: str) -> Answer:
        """Return the cards that are attached to a customer, oldest first."""
        return self._engine.look(
            "list_payment_methods",
            lambda tx: tx.all(objects.PaymentMethod, customers.living(tx, customer).processor_id),
        )

    def list_catalog(self) -> Answer:
        """Return all products, then all prices, oldest first."""
        return self._engine.look(
            "list_catalog", lambda tx: [*tx.all(objects.Product), *tx.all(objects.Price)]
        )

    def page(self, kind: str, *, after: str | None = None, email: str | None = None) -> Page:
        """Return up to a hundred objects of a kind, the newest first."""
        cls = objects.KINDS.get(kind)
        if cls is None or cls is objects.PaymentMethod:
            return super().page(kind, after=after, email=email)

        def look(tx: Transaction) -> Result:
            every = [each for each in reversed(tx.all(cls)) if not each.deleted]
            if email is not None:
                every = [each for each in every if getattr(each, "email", None) == email]
            ids = [each.processor_id for each in every]
            begin = 0 if after is None else ids.index(tx.get(cls, after).processor_id) + 1
            return [charging.told(tx, each) for each in every[begin : begin + _PAGE + 1]]

        answer = self._engine.look("page", look)
        held = answer.objects[:_PAGE]
        following = held[-1].processor_id if len(answer.objects) > _PAGE else None
        return Page(answer=dataclasses.replace(answer, objects=held), after=following)

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
        given: dict[str, Json] = {
            "name": name,
            "email": email,
            "preferred_locale": preferred_locale,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_customer", key, given, lambda tx: [customers.create(tx, **given)]
        )

    def update_customer(self, customer: str, changes: dict[str, Json], *, key: str) -> Answer:
        """Change a customer."""
        return self._engine.call(
            "update_customer",
            key,
            {"customer": customer, "changes": changes},
            lambda tx: [customers.update(tx, customer, changes)],
        )

    def add_payment_method(self, customer: str, token: str, *, key: str) -> Answer:
        """Attach the card that a test token of :mod:`.cards` stands for."""
        return self._engine.call(
            "add_payment_method",
            key,
            {"customer": customer, "token": token},
            lambda tx: [payment_methods.attach(tx, customer, token)],
        )

    def update_payment_method(
        self, payment_method: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a card's month, year or metadata."""
        return self._engine.call(
            "update_payment_method",
            key,
            {"payment_method": payment_method, "changes": changes},
            lambda tx: [payment_methods.update(tx, payment_method, changes)],
        )

    def remove_payment_method(self, payment_method: str, *, key: str) -> Answer:
        """Detach a card."""
        return self._engine.call(
            "remove_payment_method",
            key,
            {"payment_method": payment_method},
            lambda tx: [payment_methods.detach(tx, payment_method)],
        )

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
        given: dict[str, Json] = {
            "trial_end": trial_end,
            "payment_method": payment_method,
            "collection_method": collection_method,
            "billing_cycle_anchor": billing_cycle_anchor,
            "metadata": metadata,
        }

        def create(tx: Transaction) -> Result:
            made, collected = subscriptions.create(tx, customer, chosen=items, **given)
            return [made, *collected.objects]

        return self._engine.call(
            "create_subscription", key, {"customer": customer, "items": items, **given}, create
        )

    def update_subscription(
        self, subscription: str, changes: dict[str, Json], *, key: str
    ) -> Answer:
        """Change a subscription; the answer also holds what was billed for it at once."""

        def change(tx: Transaction) -> Result:
            changed, collected = changing.update(tx, subscription, changes)
            return [changed, *(collected.objects if collected else ())]

        return self._engine.call(
            "update_subscription",
            key,
            {"subscription": subscription, "changes": changes},
            change,
        )

    def preview_invoice(self, subscription: str, changes: dict[str, Json]) -> Answer:
        """Let the change and the time until the next invoice pass, tell that one, and undo it all."""
        return self._engine.imagine(
            "preview_invoice", lambda tx: [previews.preview(tx, subscription, changes)]
        )

    def cancel_subscription(
        self, subscription: str, *, invoice_now: bool, prorate: bool, key: str
    ) -> Answer:
        """End a subscription now; one that has ended is no longer found."""

        def cancel(tx: Transaction) -> Result:
            ended, collected = changing.cancel(
                tx, subscription, invoice_now=invoice_now, prorate=prorate
            )
            return [ended, *(collected.objects if collected else ())]

        return self._engine.call(
            "cancel_subscription",
            key,
            {"subscription": subscription, "invoice_now": invoice_now, "prorate": prorate},
            cancel,
        )

    # -- money ---------------------------------------------------------------------------------

    def pay_invoice(self, invoice: str, *, payment_method: str | None, key: str) -> Answer:
        """Try to collect an open invoice now."""
        return self._engine.call(
            "pay_invoice",
            key,
            {"invoice": invoice, "payment_method": payment_method},
            lambda tx: charging.pay_invoice(tx, invoice, payment_method),
        )

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
        given: dict[str, Json] = {
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "description": description,
            "metadata": metadata,
        }
        return self._engine.call(
            "create_charge",
            key,
            given,
            lambda tx: charging.charge(
                tx, customer, Money(amount, currency), payment_method, description, metadata
            ),
        )

    def confirm_payment(
        self, payment_intent: str, *, payment_method: str | None, key: str
    ) -> Answer:
        """Let the customer confirm a payment, or pay with another card."""
        return self._engine.call(
            "confirm_payment",
            key,
            {"payment_intent": payment_intent, "payment_method": payment_method},
            lambda tx: charging.confirm(tx, payment_intent, payment_method),
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
        given: dict[str, Json] = {"amount": amount, "reason": reason, "metadata": metadata}
        return self._engine.call(
            "create_refund",
            key,
            {"charge": charge, **given},
            lambda tx: refunds.create(tx, charge, **given),
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
        """Let a meter count usage; metered prices are billed from it when their period ends."""
        given: dict[str, Json] = {
            "customer": customer,
            "event_name": event_name,
            "value": value,
            "identifier": identifier,
            "timestamp": timestamp,
        }
        return self._engine.call(
            "create_meter_event", key, given, lambda tx: [metering.count(tx, **given)]
        )
