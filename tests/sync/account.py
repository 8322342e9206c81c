"""An account at Stripe that has been live for a while, and a host that is to know of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.sync import Difference, Report, Unlinked, sync_account
from flask_accrue.sync.report import Listener
from tests.host import Organization
from tests.processors.stripe.stripe_bodies import (
    START,
    event_body,
    invoice,
    invoice_payment,
    item,
    line,
    listed,
    sample,
    subscription,
    transfer,
)
from tests.processors.stripe.stripe_bodies import (
    account as connected_account,
)
from tests.webhooks.endpoint import Endpoint

if TYPE_CHECKING:
    from flask import Flask

    from flask_accrue import Accrue
    from tests.oracles.stripe_server import ContractServer

Json = dict[str, Any]


class Account(Endpoint):
    """A host with Stripe, and Stripe's account, whose objects tests prime and change.

    :ivar differences: what the last run told.
    :ivar unlinked: the customers that the last run found to be nobody's.
    :ivar waited: how long the runs have waited, in seconds; they don't.
    """

    def __init__(self, app: Flask, db: Any, accrue: Accrue, server: ContractServer) -> None:
        super().__init__(app, db)
        self.accrue, self.server = accrue, server
        self.differences: list[Difference] = []
        self.unlinked: list[Unlinked] = []
        self.waited: list[float] = []

    # -- Stripe's side -------------------------------------------------------------------------

    def prime(self, number: int, **customer: Any) -> None:
        """Have Stripe hold a customer with all that customers have."""
        made = START + number * 10
        amount = 1900 + number
        id = str(number)
        self.put(
            "customer",
            f"cus_{id}",
            made,
            email=f"owner{id}@host.example",
            name=f"Owner {id}",
            metadata={"accrue_owner": f"Organization:{number}"},
            **customer,
        )
        card = {"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030}
        self.put("payment_method", f"pm_{id}", made + 1, number, type="card", card=card)
        price = {**item()["price"], "id": "price_pro", "product": "prod_pro"}
        held = subscription(items=listed(item(f"si_{id}", price=price)))
        self.put("subscription", f"sub_{id}", made + 2, number, **_own(held))
        intent = {"type": "payment_intent", "payment_intent": f"pi_{id}"}
        paid = invoice_payment(id=f"inpay_{id}", invoice=f"in_{id}", payment=intent)
        parent = {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": f"sub_{id}"},
        }
        row = line(id=f"il_{id}")
        bill = invoice(lines=listed(row), payments=listed(paid), parent=parent, total=amount)
        self.put("invoice", f"in_{id}", made + 3, number, **_own(bill))
        self.put("payment_intent", f"pi_{id}", made + 4, number, amount=amount, status="succeeded")
        self.put(
            "charge",
            f"ch_{id}",
            made + 5,
            number,
            amount=amount,
            amount_captured=amount,
            payment_intent=f"pi_{id}",
            payment_method=f"pm_{id}",
            status="succeeded",
            paid=True,
            balance_transaction=None,
        )

    def prime_customers(self, count: int) -> None:
        """Have Stripe hold customers 1, 2 … with nothing else, whose billables are here."""
        self.own(*range(1, count + 1))
        for number in range(1, count + 1):
            metadata = {"accrue_owner": f"Organization:{number}"}
            self.put("customer", f"cus_{number}", 1000 + number, metadata=metadata)
        self.db.session.remove()

    def prime_rest(self) -> None:
        """Have Stripe hold a catalog, an account to which a part of a charge was transferred, and what few
        customers have: a refund, a tax id, a checkout session."""
        self.put("product", "prod_pro", START, name="Pro", active=True)
        self.put("price", "price_pro", START, product="prod_pro", active=True, unit_amount=1900)
        self.put("price", "price_old", START, product="prod_pro", active=False, unit_amount=900)
        made = {"status": "complete", "mode": "setup", "url": None}
        self.put("checkout.session", "cs_1", START + 91, 1, **made)
        number = {"type": "eu_vat", "value": "DE123456789", "verification": {"status": "verified"}}
        self.put("tax_id", "txi_1", START + 92, 1, **number)
        self.server.prime(connected_account())
        self.server.prime(transfer(created=START + 93))
        self.put("refund", "re_1", START + 90, charge="ch_1", payment_intent="pi_1", amount=300)

    def put(
        self, kind: str, id: str, created: int, customer: int | None = None, **fields: Any
    ) -> None:
        """Have Stripe hold an object."""
        own = {} if customer is None else {"customer": f"cus_{customer}"}
        body = {**sample(kind), **fields, "id": id, "created": created, **own}
        if kind in ("customer", "product", "price", "refund"):
            body.pop("customer", None)
        self.server.prime(body)

    def change(self, id: str, **fields: Any) -> Json:
        """Change an object at Stripe, which tells nobody."""
        [body] = [each for each in self.server.objects()["platform"] if each["id"] == id]
        body = {**body, **fields}
        self.server.prime(body)
        return body

    def delete(self, kind: str, id: str, account: str | None = None) -> None:
        """Delete an object at Stripe, or in a connected account there, which tells nobody."""
        with self.server.backend.lock:
            store = self.server.backend.store(account)
            store.remove(kind, id, {"id": id, "object": kind, "deleted": True})

    # -- the host's side -----------------------------------------------------------------------

    def own(self, *numbers: int) -> None:
        """Have the host know these owners."""
        session = self.db.session
        for number in numbers:
            mail = f"owner{number}@host.example"
            session.add(Organization(id=number, name=f"Owner {number}", email=mail))
        session.commit()

    def sync(self, *kinds: str, **options: Any) -> Report:
        """Run, remembering what it tells."""
        self.differences, self.unlinked = [], []
        listener = Listener(self.differences.append, self.unlinked.append)
        return sync_account(kinds, listener=listener, wait=self.wait, **options)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def edit(self, model: Any, processor_id: str, **values: Any) -> None:
        """Change a row behind the mirror's back."""
        table = model.__table__
        self.db.session.execute(
            sa.update(table).where(table.c.processor_id == processor_id).values(**values)
        )
        self.db.session.commit()

    def tell(self, type: str, obj: Json, created: int) -> None:
        """Deliver an event about an object."""
        body = event_body(obj, type, created=created, event_id=f"evt_{created}")
        assert self.post(json.loads(json.dumps(body))).status_code == 200

    def count(self, model: Any) -> int:
        self.db.session.rollback()
        return self.db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0

    def told(self) -> dict[str, dict[str, tuple[Any, Any]]]:
        """Return what the last run told, by object."""
        return {
            f"{each.kind} {each.processor_id} {each.verb}": dict(each.fields)
            for each in self.differences
        }

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all mirrored rows and the ledger's length, but for how fresh they are."""
        self.db.session.rollback()
        found: dict[str, list[tuple[Any, ...]]] = {}
        for kind, model in models.MIRRORED.items():
            table: Any = model.__table__
            left_out = {"fresh_from", "fresh_to", "updated_at", "lock_version", "raw"}
            columns = [each for each in table.c if each.name not in left_out]
            rows = self.db.session.execute(sa.select(*columns).order_by(table.c.processor_id))
            found[kind] = [tuple(map(repr, row)) for row in rows]
        found["ledger"] = [(self.count(models.LedgerEntry),)]
        return found


def _own(body: Json) -> Json:
    return {
        name: value for name, value in body.items() if name not in ("id", "customer", "created")
    }
