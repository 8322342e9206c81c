"""One step of the simulation: all that a call, or a moment that fell due, reads and changes.

A step reads typed objects, saves changed ones, writes the events about them and notes what will fall
due. Nothing of it is visible to others before it's whole.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import json
import sqlite3
import typing as t

from ...clock import to_unix
from ...errors import NotFound
from .. import objects
from . import documents
from .rules import Rules

_T = t.TypeVar("_T")
_Object = t.TypeVar("_Object", bound=objects.ProcessorObject)

PREFIXES: t.Final[t.Mapping[type[objects.ProcessorObject], str]] = {
    objects.Customer: "cus",
    objects.PaymentMethod: "pm",
    objects.Product: "prod",
    objects.Price: "price",
    objects.Subscription: "sub",
    objects.Invoice: "in",
    objects.InvoicePayment: "inpay",
    objects.PaymentIntent: "pi",
    objects.SetupIntent: "seti",
    objects.Charge: "ch",
    objects.Refund: "re",
    objects.Dispute: "dp",
    objects.CreditNote: "cn",
    objects.SubscriptionSchedule: "sub_sched",
    objects.Coupon: "co",
    objects.PromotionCode: "promo",
    objects.TaxId: "txi",
    objects.CheckoutSession: "cs",
    objects.ConnectAccount: "acct",
    objects.Transfer: "tr",
}

# The order of what falls due in the same second.
RANKS: t.Final = {
    "resume_collection": 0,
    "expire": 1,  # of a first payment, and of a page
    "trial_will_end": 2,
    "expiring": 3,
    # Before the period turns, so that the new one has the items of the new phase.
    "phase": 4,
    "discount_ends": 5,
    "lapse": 5,
    "upcoming": 5,
    "turn": 6,
    "finalize": 7,
    "retry": 8,
    "overdue": 9,
    "verify": 10,
    "release": 11,
    "settle_refund": 12,
}


@dataclasses.dataclass(slots=True)
class _Record:
    object: objects.ProcessorObject
    document: documents.Document
    # The document when the last event about it was written, or before this step.
    told: documents.Document
    aside: dict[str, t.Any]
    stored_aside: str | None = None
    changed: bool = True


class Transaction:
    """A step under way on a connection that is within a write transaction.

    :ivar now: the processor's time, in whole seconds as it writes them.
    :ivar account: the connected account in which all of it is and happens, or ``None``.
    :ivar forced_decline: code and decline code with which the bank refuses the next payment.
    """

    def __init__(
        self, connection: sqlite3.Connection, now: datetime.datetime, account: str | None = None
    ) -> None:
        self.now = now.replace(microsecond=0)
        self.account = account
        self.forced_decline: tuple[str, str | None] | None = None
        self._connection = connection
        self._records: dict[str, _Record] = {}
        state = dict(
            connection.execute(
                "SELECT name, value FROM state WHERE name IN ('seed', 'ids', 'rules')"
            )
        )
        self._seed: str = json.loads(state["seed"])
        self._ids = self._ids_before = int(state["ids"])
        self.rules = Rules(**json.loads(state["rules"]))

    # -- objects -------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        """Return an id with a processor's prefix; the store's seed decides which."""
        return f"{prefix}_{self.random_word(24)}"

    def random_word(self, length: int) -> str:
        """Return letters and digits that the store's seed decides."""
        self._ids += 1
        digest = hashlib.sha256(f"{self._seed}:{self._ids}".encode()).digest()
        return base64.b64encode(digest, b"Zz").decode()[:length]

    def peek(self, cls: type[_Object], processor_id: t.Any) -> _Object | None:
        """Return the object as it is in this step, or ``None``."""
        record = self._record(processor_id) if isinstance(processor_id, str) else None
        return record.object if record and isinstance(record.object, cls) else None

    def get(self, cls: type[_Object], processor_id: t.Any, param: str = "id") -> _Object:
        """Return the object as it is in this step.

        :raises NotFound: when there is none of that class; ``param`` names the argument.
        """
        found = self.peek(cls, processor_id)
        if found is None:
            raise missing(cls, processor_id, param)
        return found

    def all(self, cls: type[_Object], owner: str | None = None) -> list[_Object]:
        """Return all objects of a class, or those of one owner, oldest first."""
        self.flush()
        query, here = "SELECT id FROM objects WHERE kind = ? AND account = ?", self.account or ""
        rows = self._connection.execute(
            f"{query} ORDER BY position"
            if owner is None
            else f"{query} AND owner = ? ORDER BY position",
            (cls.kind, here) if owner is None else (cls.kind, here, owner),
        ).fetchall()
        return [self.get(cls, processor_id) for (processor_id,) in rows]

    def of_operation(self, cls: type[_Object], operation: str) -> list[_Object]:
        """Return the objects whose metadata name that operation, oldest first."""
        self.flush()
        rows = self._connection.execute(
            "SELECT id FROM objects WHERE operation = ? AND kind = ? AND account = ? ORDER BY position",
            (operation, cls.kind, self.account or ""),
        ).fetchall()
        return [self.get(cls, processor_id) for (processor_id,) in rows]

    def save(self, changed: _Object, event: str | None = None) -> _Object:
        """Store an object and, with ``event``, write an event about it to the outbox.

        An ``….updated`` event is written only if something did change, and says what it was before.
        """
        document = documents.write(changed)
        record = self._record(changed.processor_id)
        if record is None:
            record = self._records[changed.processor_id] = _Record(changed, document, {}, {})
        record.object, record.document, record.changed = changed, document, True
        if event is not None:
            before, record.told = record.told, document
            previous = {
                name: before.get(name)
                for name in (before.keys() | document.keys() if before else ())
                if before.get(name) != document.get(name)
            }
            if previous or not event.endswith(".updated"):
                self._emit(event, changed, document, previous)
        return changed

    def aside(self, processor_id: str) -> dict[str, t.Any]:
        """Return what the simulation knows of an object beside what it tells; change it in place."""
        record = self._record(processor_id)
        assert record is not None, processor_id
        return record.aside

    # -- events and agenda -----------------------------------------------------------------------

    def emit(
        self, event: str, about: objects.ProcessorObject, *, account: str | None = None
    ) -> None:
        """Write an event to the outbox, with the object as it is at this moment.

        :param account: the connected account whose news it is, where that's another than this step's.
        """
        self._emit(event, about, documents.write(about), {}, account)

    def _emit(
        self,
        event: str,
        about: objects.ProcessorObject,
        document: documents.Document,
        previous: documents.Document,
        account: str | None = None,
    ) -> None:
        event_id = self.new_id("evt")
        body = {
            "id": event_id,
            "type": event,
            "created": to_unix(self.now),
            "livemode": False,
            "customer": self._customer(about) or previous.get("customer"),
            "object": document,
            "previous": previous or None,
        }
        # What is about an account is that account's news, although the platform has its object.
        if isinstance(about, objects.ConnectAccount):
            account = about.processor_id
        if account or self.account:
            body["account"] = account or self.account
        self._connection.execute(
            "INSERT INTO outbox (id, type, created, subject, body) VALUES (?, ?, ?, ?, ?)",
            (event_id, event, body["created"], about.processor_id, _json(body)),
        )

    def _customer(self, about: objects.ProcessorObject) -> str | None:
        """Return the id of the customer that an object is about, by way of what it belongs to."""
        match about:
            case objects.Customer():
                return about.processor_id
            case objects.InvoicePayment():
                return self.get(objects.Invoice, about.invoice).customer
            case objects.Refund() | objects.Dispute() if about.charge is not None:
                return self.get(objects.Charge, about.charge).customer
            case _:
                return getattr(about, "customer", None)

    def plan(self, subject: str, what: str, due: datetime.datetime | None) -> None:
        """Note when something falls due, instead of when it did before; ``None`` is never."""
        if due is None:
            self._connection.execute(
                "DELETE FROM agenda WHERE subject = ? AND what = ?", (subject, what)
            )
        else:
            self._connection.execute(
                "INSERT INTO agenda (subject, what, due, rank) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (subject, what) DO UPDATE SET due = excluded.due",
                (subject, what, to_unix(due), RANKS[what]),
            )

    def forget(self, subject: str) -> None:
        """Take everything about an object off the agenda."""
        self._connection.execute("DELETE FROM agenda WHERE subject = ?", (subject,))

    # -- accounts ------------------------------------------------------------------------------

    def at(self, account: str | None) -> Transaction:
        """Return a look at what another account has, as it was before this step; nothing is changed by it."""
        return Transaction(self._connection, self.now, account)

    def application_fees(self, currency: str) -> int:
        """Return what the charges that connected accounts made themselves left to the platform."""
        [total] = self._connection.execute(
            "SELECT coalesce(sum(json_extract(aside, '$.application_fee')), 0) FROM objects "
            "WHERE kind = 'charge' AND account != '' AND json_extract(document, '$.currency') = ?",
            (currency,),
        ).fetchone()
        return int(total)

    # -- usage ---------------------------------------------------------------------------------

    def add_usage(
        self,
        identifier: str,
        customer: str,
        event_name: str,
        value: int,
        moment: datetime.datetime,
    ) -> None:
        """Write down usage, unless its identifier is there."""
        self._connection.execute(
            "INSERT OR IGNORE INTO usage (identifier, customer, event_name, value, moment) "
            "VALUES (?, ?, ?, ?, ?)",
            (identifier, customer, event_name, value, to_unix(moment)),
        )

    def sum_of_usage(
        self, customer: str, event_name: str, period: tuple[datetime.datetime, datetime.datetime]
    ) -> int:
        """Return the sum of what was used from a period's start to before its end."""
        [total] = self._connection.execute(
            "SELECT coalesce(sum(value), 0) FROM usage "
            "WHERE customer = ? AND event_name = ? AND moment >= ? AND moment < ?",
            (customer, event_name, *map(to_unix, period)),
        ).fetchone()
        return int(total)

    # -- storing -------------------------------------------------------------------------------

    def imagine(self, act: t.Callable[[Transaction], _T]) -> _T:
        """Return what a step within this one would come to, and undo it."""
        self.flush()
        self._connection.execute("SAVEPOINT within")
        try:
            return act(Transaction(self._connection, self.now, self.account))
        finally:
            self._connection.execute("ROLLBACK TO within")
            self._connection.execute("RELEASE within")

    def flush(self) -> None:
        """Write changed objects to the store."""
        rows = []
        for processor_id, record in self._records.items():
            aside = _json(record.aside) if record.aside else None
            if record.changed or aside != record.stored_aside:
                each = record.object
                operation = each.metadata.get("accrue_operation")
                document = _json(record.document)
                here = self.account or ""
                rows.append(
                    (each.kind, processor_id, here, owner(each), operation, document, aside)
                )
                record.stored_aside, record.changed = aside, False
        if rows:
            self._connection.executemany(
                "INSERT INTO objects (kind, id, account, owner, operation, document, aside) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, account) DO UPDATE SET "
                "owner = excluded.owner, operation = excluded.operation, "
                "document = excluded.document, aside = excluded.aside",
                rows,
            )
        if self._ids != self._ids_before:
            self._connection.execute(
                "UPDATE state SET value = ? WHERE name = 'ids'", (str(self._ids),)
            )
            self._ids_before = self._ids

    def _record(self, processor_id: str) -> _Record | None:
        record = self._records.get(processor_id)
        if record is None:
            row = self._connection.execute(
                "SELECT kind, document, aside FROM objects WHERE id = ? AND account = ?",
                (processor_id, self.account or ""),
            ).fetchone()
            if row is None:
                return None
            kind, document, aside = row
            parsed = json.loads(document)
            record = self._records[processor_id] = _Record(
                documents.read(objects.KINDS[kind], parsed),
                parsed,
                parsed,
                json.loads(aside) if aside else {},
                aside,
                changed=False,
            )
        return record


def missing(cls: type[objects.ProcessorObject], processor_id: t.Any, param: str) -> NotFound:
    """Return the error for an object that isn't there.

    An id that can't be one isn't repeated: somebody may have put a card number there.
    """
    known = isinstance(processor_id, str) and processor_id.isascii() and "_" in processor_id
    named = f": {processor_id[:80]!r}" if known else "; the id isn't one of this processor"
    return NotFound(f"No such {cls.kind.replace('_', ' ')}{named}.", http_status=404, param=param)


def owner(each: objects.ProcessorObject) -> str | None:
    """Return the id of what an object belongs to: a customer, product, invoice, charge or account."""
    match each:
        case objects.Refund() | objects.Dispute():
            return each.charge
        case objects.InvoicePayment() | objects.CreditNote():
            return each.invoice
        case objects.Price():
            return each.product
        case objects.Transfer():
            return each.destination
        case objects.PromotionCode():
            return each.coupon
        case _:
            return getattr(each, "customer", None)


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
