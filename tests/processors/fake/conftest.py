"""A shop with a Fake of its own, whose clock stands at noon on 31 January 2026, UTC."""

from __future__ import annotations

import datetime
import itertools
import typing as t

import pytest

from flask_accrue.money import Money
from flask_accrue.processors import Answer, objects
from flask_accrue.processors.fake import FakeProcessor

START = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


class Shop:
    """Shorthand for what tests do with a Fake; each call has a key of its own."""

    def __init__(self, fake: FakeProcessor) -> None:
        self.fake = fake
        self.prefix = "key"
        self._numbers = itertools.count()

    def key(self) -> str:
        return f"{self.prefix}-{next(self._numbers)}"

    def catalog(self) -> Shop:
        self.fake.create_product("Pro", id="prod_pro")
        for price_id, cents, interval in (
            ("price_pro", 1900, "month"),
            ("price_team", 4900, "month"),
            ("price_year", 19000, "year"),
            ("price_free", 0, "month"),
        ):
            self.fake.create_price("prod_pro", Money(cents, "usd"), interval, id=price_id)
        self.fake.create_price("prod_pro", Money(1700, "eur"), id="price_euro")
        self.fake.create_price("prod_pro", Money(1, "usd"), id="price_usage", usage_type="metered")
        return self

    def customer(self, card: str | None = "pm_card_visa") -> str:
        made = self.fake.create_customer(
            name="Ada", email="ada@example.com", preferred_locale=None, metadata={}, key=self.key()
        ).main.processor_id
        if card is not None:
            self.use(made, card)
        return made

    def card(self, customer: str, token: str = "pm_card_visa") -> str:  # noqa: S107 - a test card
        return self.fake.add_payment_method(customer, token, key=self.key()).main.processor_id

    def use(self, customer: str, token: str) -> str:
        """Add a card and make it the default."""
        card = self.card(customer, token)
        self.fake.update_customer(customer, {"default_payment_method": card}, key=self.key())
        return card

    def subscribe(
        self,
        customer: str,
        price: str = "price_pro",
        quantity: int | None = None,
        *,
        items: list[dict[str, t.Any]] | None = None,
        trial: datetime.timedelta | None = None,
        key: str | None = None,
        **given: t.Any,
    ) -> Answer:
        wanted: dict[str, t.Any] = {
            "items": items or [{"price": price, "quantity": quantity}],
            "trial_end": None
            if trial is None
            else int((self.fake.clock.now() + trial).timestamp()),
            "payment_method": None,
            "collection_method": "charge_automatically",
            "billing_cycle_anchor": None,
            "metadata": {},
        }
        return self.fake.create_subscription(customer, **{**wanted, **given}, key=key or self.key())

    def subscription(self, answer: Answer | str) -> objects.Subscription:
        processor_id = answer if isinstance(answer, str) else answer.main.processor_id
        return self.fake.fetch("subscription", processor_id).first(objects.Subscription)

    def invoice(self, processor_id: str) -> objects.Invoice:
        return self.fake.fetch("invoice", processor_id).first(objects.Invoice)

    def invoices(self, customer: str) -> list[objects.Invoice]:
        return self.fake._engine.see(lambda tx: tx.all(objects.Invoice, customer))

    def charges(self, customer: str) -> list[objects.Charge]:
        return self.fake._engine.see(lambda tx: tx.all(objects.Charge, customer))

    def change(self, answer: Answer, **changes: t.Any) -> Answer:
        return self.fake.update_subscription(answer.main.processor_id, changes, key=self.key())

    def swap(self, answer: Answer, price: str, **changes: t.Any) -> Answer:
        item = self.subscription(answer).items[0].processor_id
        changes = {"proration": "create_prorations", **changes}
        return self.change(answer, items=[{"id": item, "price": price}], **changes)

    def cancel(self, answer: Answer, *, invoice_now: bool = False, prorate: bool = False) -> Answer:
        return self.fake.cancel_subscription(
            answer.main.processor_id, invoice_now=invoice_now, prorate=prorate, key=self.key()
        )

    def advance(self, **by: float) -> int:
        return self.fake.advance(datetime.timedelta(**by))

    def forget_events(self) -> None:
        for event in self.fake.pending_events():
            self.fake.lose(event)

    def types(self) -> list[str]:
        return [event.type for event in self.fake.pending_events()]


@pytest.fixture
def fake() -> t.Iterator[FakeProcessor]:
    fake = FakeProcessor(seed=1)
    fake.freeze(START)
    yield fake
    fake.close()


@pytest.fixture
def shop(fake: FakeProcessor) -> Shop:
    return Shop(fake).catalog()


@pytest.fixture
def start() -> datetime.datetime:
    return START
