"""What the Fake offers beyond the contract: its clock, its outbox, and everything that can go wrong."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ...money import Money
from .. import objects
from . import (
    accounts,
    catalog,
    charging,
    customers,
    discounts,
    disputes,
    endings,
    faults,
    idempotency,
    outbox,
    payment_methods,
    refunds,
    setups,
    transfers,
)
from .engine import Engine
from .rules import Rules

if t.TYPE_CHECKING:
    import flask

    from .clock import FakeClock

OutboxEvent = outbox.OutboxEvent


class Controls:
    """The other side of the Fake: for tests, demos, development tools and the command line.

    Nothing here is a call to the processor, so it neither needs an idempotency key nor meets faults.
    """

    _engine: Engine

    # -- time ----------------------------------------------------------------------------------

    @property
    def clock(self) -> FakeClock:
        """Billing time for all who share the store."""
        return self._engine.clock

    def advance(self, by: datetime.timedelta | datetime.datetime) -> int:
        """Move the clock forward, by that much or to that moment, through all that falls due.

        Renewals, trial ends, retries and whatever else lies on the way happen one by one, the clock standing
        at each. Events go to the outbox; nothing is delivered.

        :returns: how many things happened.
        :raises ValueError: when that would be backwards.
        """
        to = by if isinstance(by, datetime.datetime) else self.clock.now() + by
        return self._engine.advance_to(to)

    def catch_up(self) -> int:
        """Let everything happen that fell due while nobody looked; return how many things did."""
        return self._engine.catch_up()

    def freeze(self, moment: datetime.datetime | None = None) -> None:
        """Let the clock stand at that moment, by default at this one, until it's advanced.

        :raises ValueError: when the moment lies behind and there are customers already.
        """
        self._engine.freeze(moment or self.clock.now())

    def thaw(self) -> None:
        """Let a frozen clock go on from where it stands."""
        self._engine.thaw()

    # -- rules and secrets -----------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """The account's settings."""
        return Rules(**self._engine.store.read_state("rules"))

    def configure(self, **rules: t.Any) -> Rules:
        """Change some of the account's :class:`~.rules.Rules`, for everyone who shares the store."""
        changed = dataclasses.replace(self.rules, **rules)
        self._engine.store.write_state("rules", dataclasses.asdict(changed))
        return changed

    @property
    def webhook_secret(self) -> str:
        """What the store's webhooks are signed with: random, and kept in it."""
        return t.cast(str, self._engine.store.read_state("webhook_secret"))

    @property
    def connect_webhook_secret(self) -> str:
        """What webhooks about connected accounts are signed with."""
        return t.cast(str, self._engine.store.read_state("connect_webhook_secret"))

    def close(self) -> None:
        """Close the store's idle connections; a store in memory is forgotten."""
        self._engine.store.close()

    # -- catalog -------------------------------------------------------------------------------

    def create_product(
        self,
        name: str,
        id: str | None = None,
        *,
        description: str | None = None,
        metadata: c.Mapping[str, str] | None = None,
    ) -> objects.Product:
        """Make a product; with an ``id`` that exists already, return that one.

        :raises InvalidRequest: when the product of that id is a different one.
        """
        return self._engine.change(
            lambda tx: catalog.ensure_product(
                tx, name, product_id=id, description=description, metadata=metadata or {}
            )
        )

    def create_price(
        self,
        product: str | objects.Product,
        amount: Money,
        interval: str | None = "month",
        id: str | None = None,
        *,
        interval_count: int = 1,
        usage_type: str = "licensed",
        nickname: str | None = None,
        lookup_key: str | None = None,
        metadata: c.Mapping[str, str] | None = None,
        meter: str | None = None,
        tax_behavior: str = "unspecified",
    ) -> objects.Price:
        """Make a price; with an ``id`` that exists already, return that one.

        :param interval: ``day``, ``week``, ``month`` or ``year``; ``None`` is a one-time price.
        :param meter: of a metered price, the event name of the usage that it's billed by; without one it
            bills nothing.
        :param tax_behavior: ``inclusive``: the amount holds its tax; else it comes on top.
        :raises InvalidRequest: when the price of that id is a different one.
        """
        product_id = product if isinstance(product, str) else product.processor_id
        return self._engine.change(
            lambda tx: catalog.ensure_price(
                tx,
                product_id,
                amount,
                interval=interval,
                interval_count=interval_count,
                usage_type=usage_type,
                price_id=id,
                nickname=nickname,
                lookup_key=lookup_key,
                metadata=metadata or {},
                meter=meter,
                tax_behavior=tax_behavior,
            )
        )

    def deactivate_price(self, price_id: str) -> objects.Price:
        """Retire a price: nobody can subscribe to it any more, who has it keeps it."""
        return self._engine.change(
            lambda tx: catalog.set_active(tx, tx.get(objects.Price, price_id, "price"), False)
        )

    def deactivate_product(self, product_id: str) -> objects.Product:
        """Retire a product with all its prices."""
        return self._engine.change(
            lambda tx: catalog.set_active(tx, tx.get(objects.Product, product_id, "product"), False)
        )

    # -- what customers, banks and operators do ----------------------------------------------------

    def set_card_behavior(self, payment_method: str, behavior: str) -> None:
        """Decide what the bank says to a card from now on.

        :param behavior: ``succeed``, ``decline:<decline code>``, ``authenticate`` (each payment has to be
            confirmed), ``authenticate_once``, ``dispute``, ``pending_refund`` or ``refund_fails``.
        """
        self._engine.change(lambda tx: payment_methods.set_behavior(tx, payment_method, behavior))

    def expire_card(self, payment_method: str) -> objects.PaymentMethod:
        """Let a card's last month be over; payments with it are then refused."""
        return self._engine.change(lambda tx: payment_methods.expire(tx, payment_method))

    def fail_authentication(self, payment_intent: str) -> objects.PaymentIntent:
        """Let the customer's confirmation of a payment fail."""
        return self._engine.change(
            lambda tx: t.cast(
                objects.PaymentIntent, charging.fail_authentication(tx, payment_intent)[0]
            )
        )

    def fail_setup(self, setup_intent: str) -> objects.SetupIntent:
        """Let the customer's confirmation of a card that is being set up fail."""
        return self._engine.change(lambda tx: setups.fail_authentication(tx, setup_intent))

    def end_refund(self, refund: str, status: str) -> objects.Refund:
        """Let the bank decide about a refund: ``succeeded``, ``failed`` or ``canceled``."""
        return self._engine.change(
            lambda tx: refunds.end(tx, tx.get(objects.Refund, refund, "refund"), status)
        )

    def trigger_dispute(self, charge: str, reason: str = "fraudulent") -> objects.Dispute:
        """Let the customer's bank dispute a charge."""
        return self._engine.change(
            lambda tx: disputes.open_dispute(tx, tx.get(objects.Charge, charge, "charge"), reason)
        )

    def close_dispute(self, dispute: str, *, won: bool) -> objects.Dispute:
        """Decide a dispute."""
        return self._engine.change(lambda tx: disputes.close_dispute(tx, dispute, won=won))

    def delete_customer(self, customer: str) -> objects.Customer:
        """Delete a customer for good: subscriptions end at once, cards are detached."""
        return self._engine.change(lambda tx: endings.delete_customer(tx, customer))

    def discount_customer(self, customer: str, coupon: str) -> objects.Customer:
        """Give a coupon to a whole customer: it holds for subscriptions without one of their own.

        Stripe's API doesn't offer that any more, its dashboard and customers from before do.
        """
        return self._engine.change(lambda tx: discounts.give_customer(tx, customer, coupon))

    def set_balance(self, customer: str, balance: int) -> objects.Customer:
        """Set what a customer owes (above 0) or has as credit (below 0), in minor units."""
        return self._engine.change(
            lambda tx: customers.change_balance(tx, customers.living(tx, customer), balance)
        )

    # -- connected accounts ------------------------------------------------------------------------

    def complete_account(self, account: str) -> objects.ConnectAccount:
        """Let a connected account tell all that was wanted, so that it can do what it was made for."""
        return self._engine.change(lambda tx: accounts.complete(tx, account))

    def require_of_account(self, account: str, *names: str) -> objects.ConnectAccount:
        """Let more be wanted of a connected account, such as ``individual.verification.document``; it loses
        its capabilities until it's completed again."""
        return self._engine.change(lambda tx: accounts.want(tx, account, names))

    def deauthorize_account(self, account: str) -> objects.ConnectAccount:
        """Let the owner of a connected account take the platform's access away."""
        return self._engine.change(lambda tx: accounts.deauthorize(tx, account))

    def fail_payout(
        self, account: str, amount: Money, code: str = "account_closed"
    ) -> objects.Payout:
        """Let a payout to a connected account's bank come back."""
        return self._engine.change(lambda tx: accounts.fail_payout(tx, account, amount, code))

    def balance(self, currency: str = "usd", *, account: str | None = None) -> Money:
        """Return what the platform, or a connected account, has in a currency."""
        return Money(
            self._engine.see(lambda tx: transfers.balance(tx, account, currency)), currency
        )

    # -- faults --------------------------------------------------------------------------------

    def fail_next(
        self,
        method: str | None = None,
        fault: str = "unavailable",
        *,
        times: int = 1,
        when: str = "before",
        retry_after: float | None = None,
        decline_code: str | None = None,
    ) -> None:
        """Let the next calls fail, in whichever process they are made.

        :param method: a name of the contract such as ``create_subscription``; ``None`` is any.
        :param fault: ``rate_limited``, ``unavailable``, ``timeout``, ``connection_reset``,
            ``authentication``, ``in_progress``, or ``decline`` (the bank refuses the next payment).
        :param when: ``before`` the call acts, or ``after`` (its effect stands, its answer is lost).
        """
        details = {"retry_after": retry_after, "decline_code": decline_code}
        with self._engine.store.writing() as connection:
            faults.add(connection, method, fault, times=times, when=when, details=details)

    def age_idempotency_keys(self, by: datetime.timedelta) -> None:
        """Make kept results older, as though that much real time had passed; 24 hours forget them."""
        with self._engine.store.writing() as connection:
            idempotency.age(connection, int(by.total_seconds()))

    # -- outbox --------------------------------------------------------------------------------

    def pending_events(self) -> list[OutboxEvent]:
        """Return the events that were neither delivered nor lost, oldest first."""
        return outbox.events(self._engine.store, pending=True)

    def events(self) -> list[OutboxEvent]:
        """Return all events, oldest first."""
        return outbox.events(self._engine.store, pending=False)

    def event_body(self, event: OutboxEvent | str) -> bytes:
        """Return what would be posted for an event, for those who post it themselves."""
        return event.body if isinstance(event, OutboxEvent) else self._event(event).body

    def lose(self, event: OutboxEvent | str) -> None:
        """Let an event never arrive."""
        outbox.mark(self._engine.store, _id(event), "lost")

    def redeliver(self, event: OutboxEvent | str) -> None:
        """Let an event that was delivered or lost wait for delivery again."""
        outbox.mark(self._engine.store, _id(event), "pending")

    def deliver(
        self,
        app: flask.Flask | None = None,
        *,
        order: outbox.Order = "created",
        times: int = 1,
        only: outbox.Only = None,
    ) -> list[int]:
        """Post the pending events, signed, to the real endpoint of an app, by default the current one.

        Each is posted in a context of its own, so that it sees nothing of the caller's session. What is about
        a connected account goes to the further endpoint ``connect``, signed with its secret. Those that are
        answered 2xx are delivered; the others wait on.

        :param order: ``created``, ``reverse``, a seed (or :class:`random.Random`) to shuffle with, or a
            function from the list of events to the order in which to post them.
        :param times: how often each is posted.
        :param only: a type, or a function that chooses.
        :returns: the status of each post.
        """
        if app is None:
            from flask import current_app

            app = t.cast("flask.Flask", current_app._get_current_object())  # type: ignore[attr-defined]
        path = f"{app.extensions['accrue'].settings.webhook_path.rstrip('/')}/fake"
        own, connect = (path, self.webhook_secret), (f"{path}/connect", self.connect_webhook_secret)
        statuses = []
        for event in outbox.select(self.pending_events(), order, only):
            to, secret = own if event.account is None else connect
            for _ in range(times):
                statuses.append(outbox.post(app, to, event.body, secret))
                if 200 <= statuses[-1] < 300:
                    outbox.mark(self._engine.store, event.id, "delivered")
        return statuses

    def _event(self, event_id: str) -> OutboxEvent:
        return outbox.event(self._engine.store, event_id)


def _id(event: OutboxEvent | str) -> str:
    return event if isinstance(event, str) else event.id
