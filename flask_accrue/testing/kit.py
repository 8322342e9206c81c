"""The tester's hands: move time, deliver, trigger, look."""

from __future__ import annotations

import collections.abc as c
import datetime
import json
import typing as t
import uuid

import sqlalchemy as sa
from flask import Flask, has_app_context

from .. import models
from ..clock import UTC, real_now, to_unix
from ..errors import ConfigError
from ..ledger import verify
from ..money import Money
from ..processors import objects
from ..processors.fake import FakeProcessor
from ..processors.fake.outbox import SIGNATURE_HEADER
from ..processors.signing import sign
from ..state import AccrueState
from . import states

#: When a test begins, unless it says otherwise: on no month's end, in no summer time.
NOON: t.Final = datetime.datetime(2026, 3, 10, 12, tzinfo=UTC)


class Kit:
    """One test's billing, on the Fake of its app.

    :ivar fake: the simulated processor, with everything it offers.

    ::

        def test_reports_open_with_the_trial(client, accrue_kit, org):
            accrue_kit.price("price_pro", 1900)
            accrue_kit.subscription(org, "trialing", price="price_pro")
            assert client.get("/reports").status_code == 200
            accrue_kit.advance(days=20)
    """

    def __init__(self, app: Flask, *, now: datetime.datetime | None = NOON) -> None:
        state: AccrueState = app.extensions["accrue"]
        fake = state.processors.get("fake")
        if not isinstance(fake, FakeProcessor):
            raise ConfigError(
                "The testing kit drives the Fake, which this app doesn't have. Leave ACCRUE_PROCESSOR "
                "unset in tests, or set it to 'fake'."
            )
        self.app = app
        self.state = state
        self.fake = fake
        if now is not None:
            fake.freeze(now)

    # -- time ----------------------------------------------------------------------------------

    @property
    def now(self) -> datetime.datetime:
        """Billing time."""
        return self.fake.clock.now()

    def advance(self, by: datetime.timedelta | datetime.datetime | None = None, **span: int) -> int:
        """Move billing time, let everything happen that falls due, and deliver its events.

        :param span: as for a timedelta: ``days=14``.
        :returns: how many events were delivered.
        """
        self.fake.advance(by if by is not None else datetime.timedelta(**span))
        return self.deliver()

    def deliver(self, **options: t.Any) -> int:
        """Post the Fake's pending events to the app's endpoint, and whatever they lead to.

        :param options: those of :meth:`~flask_accrue.processors.fake.FakeProcessor.deliver`.
        :raises AssertionError: when one wasn't accepted.
        """
        # An open transaction of the test's would keep the endpoint from writing on some databases.
        self._forget()
        posted = 0
        while True:
            answers = self.fake.deliver(self.app, **options)
            if refused := [answer for answer in answers if answer != 200]:
                raise AssertionError(f"The endpoint refused events: {refused}")
            posted += len(answers)
            if not answers or options:
                break
        self._forget()
        return posted

    # -- the catalog and subscriptions -----------------------------------------------------------

    def price(
        self,
        price_id: str,
        amount_minor: int,
        currency: str = "usd",
        *,
        interval: str | None = "month",
        usage_type: str = "licensed",
        meter: str | None = None,
    ) -> str:
        """Make sure that a price exists, with a product of its own; return its id.

        :param meter: of a metered price, the event name of the usage that it's billed by.
        """
        product = self.fake.create_product(price_id, id=f"prod_{price_id}")
        self.fake.create_price(
            product,
            Money(amount_minor, currency),
            interval,
            id=price_id,
            usage_type=usage_type,
            meter=meter,
        )
        self.deliver()
        return price_id

    def subscription(
        self, owner: t.Any, state: str = "active", *, price: str, **options: t.Any
    ) -> models.Subscription:
        """Bring an owner's subscription into a state, by the way it really gets there.

        :param state: one of :data:`flask_accrue.testing.STATES`. Time moves where it has to.
        :param options: further arguments of :func:`flask_accrue.billing.subscribe`.
        """
        return states.reach(self, owner, state, price, options)

    # -- events --------------------------------------------------------------------------------

    def trigger_event(
        self,
        type: str,
        about: models.Mirrored | objects.ProcessorObject | c.Mapping[str, t.Any],
        *,
        created: datetime.datetime | None = None,
        event_id: str | None = None,
        **changes: t.Any,
    ) -> int:
        """Post an event through the real endpoint, signed, and return the answer's status.

        :param about: a mirrored row, as the Fake has it now; or an object in the Fake's own JSON.
        :param created: when it happened; by default a second after all that is known.
        :param changes: fields of the object to say otherwise.
        """
        body = self.event_body(type, about, created=created, event_id=event_id, **changes)
        return self.post(body)

    def event_body(
        self,
        type: str,
        about: models.Mirrored | objects.ProcessorObject | c.Mapping[str, t.Any],
        *,
        created: datetime.datetime | None = None,
        event_id: str | None = None,
        **changes: t.Any,
    ) -> bytes:
        """Return the body of an event, for a test that posts it by itself."""
        if isinstance(about, models.Mirrored):
            kind = next(name for name, model in models.MIRRORED.items() if isinstance(about, model))
            obj = dict(self.fake.fetch(kind, about.processor_id).main.raw)
        elif isinstance(about, objects.ProcessorObject):
            obj = dict(about.raw)
        else:
            obj = dict(about)
        moment = created or self.now + datetime.timedelta(seconds=1)
        event = {
            "id": event_id or f"evt_{uuid.uuid4().hex[:24]}",
            "type": type,
            "created": to_unix(moment),
            "livemode": False,
            "object": {**obj, **changes},
            "previous": None,
        }
        return json.dumps(event).encode()

    def post(
        self, body: bytes, *, secret: str | None = None, at: datetime.datetime | None = None
    ) -> int:
        """Post a body to the Fake's endpoint, and return the answer's status.

        :param secret: another secret than the Fake's own.
        :param at: when it was signed, in real time.
        """
        self._forget()
        header = sign(body, secret or self.fake.webhook_secret, to_unix(at or real_now()))
        path = f"{self.state.settings.webhook_path}/fake"
        with self.app.test_client() as client:
            answer = client.post(
                path,
                data=body,
                headers={SIGNATURE_HEADER: header, "Content-Type": "application/json"},
            )
            # Closing the answer lets the work begin that follows it.
            answer.close()
        self._forget()
        return answer.status_code

    # -- looking ---------------------------------------------------------------------------------

    def entries(self, type: str | None = None) -> list[models.LedgerEntry]:
        """Return the ledger's entries, of one type or all, oldest first."""
        statement = sa.select(models.LedgerEntry).order_by(models.LedgerEntry.id)
        if type is not None:
            statement = statement.where(models.LedgerEntry.type == type)
        return list(self.state.db.session.scalars(statement))

    def assert_entry(self, type: str, about: models.Mirrored | None = None) -> models.LedgerEntry:
        """Return the newest entry of a type, about a row if one is given.

        :raises AssertionError: when there is none, telling which there are.
        """
        found = [
            entry
            for entry in self.entries(type)
            if about is None or entry.subject_id == str(about.id)
        ]
        if not found:
            raise AssertionError(
                f"The ledger has no {type!r}"
                + ("" if about is None else f" about {about.processor_id}")
                + f". It has: {sorted({entry.type for entry in self.entries()})}"
            )
        return found[-1]

    def assert_no_entry(self, type: str) -> None:
        """Check that nothing of a type was written to the ledger."""
        found = self.entries(type)
        if found:
            raise AssertionError(f"The ledger has {len(found)} of {type!r}.")

    def assert_settled(self) -> None:
        """Check that each event was worked on without an error, and that the ledger verifies."""
        waiting = self.state.db.session.scalars(
            sa.select(models.WebhookEvent).where(sa.not_(models.WebhookEvent.is_succeeded))
        ).all()
        if waiting:
            told = [(event.type, event.state, event.last_error) for event in waiting]
            raise AssertionError(f"These events aren't done: {told}")
        report = verify()
        if report.findings:
            raise AssertionError(f"The ledger doesn't verify: {report.findings}")

    def _forget(self) -> None:
        """End the test's own transaction, so that it reads what other contexts have committed."""
        if has_app_context():
            self.state.db.session.commit()
