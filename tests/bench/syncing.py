"""What goes through an account: ours, and the floor. Each has a process of its own and says what it took.

The floor is the least that a careful script can do: read the pages, parse them, and insert the same rows with
the same columns through SQLAlchemy Core, a transaction a page. It's measured without a ledger, and with one
whose entries hold the same and are signed by nobody.
"""

from __future__ import annotations

import dataclasses
import datetime
import http.client
import json
import multiprocessing
import resource
import time
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.clock import from_unix, real_now
from flask_accrue.ids import new_id
from tests.bench.account import LISTS, PAGE
from tests.bench.servers import LEDGER_KEY
from tests.host import create_host

Json = dict[str, Any]
#: Given where the database and the API are, it returns what is measured.
Prepare = Callable[[str, str], Callable[[], Json]]


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run took: seconds of time and of its own processor time, and megabytes at most."""

    seconds: float
    cpu: float
    memory: float
    told: Json


def measured(prepare: Prepare, database: str, api: str) -> Run:
    """Run what is prepared in a process of its own; return what it took, without the preparation.

    PostgreSQL first writes what those before have left it to write.
    """
    engine = sa.create_engine(database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CHECKPOINT"))
    engine.dispose()
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=_measure, args=(prepare, database, api, told))
    process.start()
    found: Run | str = told.get()
    process.join()
    assert isinstance(found, Run), found
    return found


def _measure(prepare: Prepare, database: str, api: str, told: Any) -> None:
    try:
        run = prepare(database, api)
        began, cpu = time.perf_counter(), time.process_time()
        result = run()
    except Exception as error:  # noqa: BLE001 - told to the parent, which waits
        told.put(f"{error!r}"[:2000])
        return
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told.put(Run(seconds, cpu, memory, result))


def ours(database: str, api: str) -> Callable[[], Json]:
    """Prepare to sync customers, subscriptions and invoices."""
    from flask_accrue.sync import sync_account

    config = {
        "ACCRUE_PROCESSOR": "stripe",
        "ACCRUE_STRIPE_SECRET_KEY": "sk_test_bench",
        "ACCRUE_STRIPE_API_BASE": api,
        "ACCRUE_LEDGER_KEYS": [LEDGER_KEY],
    }
    app, _, _ = create_host(database, **config)

    def run() -> Json:
        with app.app_context():
            report = sync_account(["customers", "subscriptions", "invoices"])
        return {"clean": report.is_clean, **report.counts}

    return run


def floor(database: str, api: str) -> Callable[[], Json]:
    """Prepare to read, parse and insert the same."""
    return Floor(database, api, "floor", ledger=False)


def floor_with_ledger(database: str, api: str) -> Callable[[], Json]:
    """Prepare to read, parse and insert the same, with an entry for each object in its customer's chain."""
    return Floor(database, api, "books", ledger=True)


class Floor:
    """A careful script."""

    def __init__(self, database: str, api: str, processor: str, *, ledger: bool) -> None:
        self.engine = sa.create_engine(database)
        place = urllib.parse.urlsplit(api)
        self.connection = http.client.HTTPConnection(place.hostname or "", place.port)
        self.processor, self.ledger = processor, ledger
        self.ids: dict[str, uuid.UUID] = {}
        self.sequences: dict[uuid.UUID, int] = {}

    def __call__(self) -> Json:
        for name in LISTS:
            after = ""
            while True:
                self.connection.request("GET", f"/v1/{name}?limit={PAGE}{after}")
                page = json.loads(self.connection.getresponse().read())
                with self.engine.begin() as transaction:
                    for table, rows in _ROWS[name](page["data"], self.ids):
                        for row in rows:
                            if "processor" in table.c:
                                row["processor"] = self.processor
                        transaction.execute(sa.insert(table), rows)
                        if self.ledger and "lock_version" in rows[0]:
                            self._enter(transaction, name.removesuffix("s"), rows)
                if not page["has_more"]:
                    break
                after = f"&starting_after={page['data'][-1]['id']}"
        return {}

    def _enter(self, transaction: sa.Connection, kind: str, rows: list[Json]) -> None:
        now, chains, entries = real_now(), [], []
        for row in rows:
            customer = row.get("customer_id", row["id"])
            sequence = self.sequences.get(customer, 0)
            self.sequences[customer] = sequence + 1
            chain = f"customer:{customer}"
            if not sequence:
                start = {"sequence": 0, "hash": "", "checkpointed": 0}
                chains.append({"chain": chain, "customer_id": customer, **start})
            entries.append(
                {
                    "chain": chain,
                    "sequence": sequence + 1,
                    "type": f"{kind}.created",
                    "schema_version": 1,
                    "actor_type": "system",
                    "actor_id": "sync",
                    "subject_type": kind,
                    "subject_id": str(row["id"]),
                    "customer_id": customer,
                    "data": {"processor": row["processor"], "changes": {}},
                    "state": {name: _told(row[name]) for name in row if name not in _UNTOLD},
                    "recorded_at": now,
                    "key_id": "nobody's",
                    "previous_hash": "0" * 64 if sequence else "",
                    "hash": "0" * 64,
                }
            )
        if chains:
            transaction.execute(sa.insert(models.LedgerChain.__table__), chains)
        transaction.execute(sa.insert(models.LedgerEntry.__table__), entries)


_UNTOLD = {"raw", "data", "created_at", "updated_at", "fresh_from", "fresh_to", "lock_version"}


def _told(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


_Rows = list[tuple[Any, list[Json]]]


def _shared(raw: Json, now: Any) -> Json:
    return {
        "id": new_id(),
        "created_at": now,
        "updated_at": now,
        "processor_id": raw["id"],
        "created": from_unix(raw["created"]),
        "deleted_at": None,
        "fresh_from": now,
        "fresh_to": now,
        "fresh_event": None,
        "lock_version": 1,
        "metadata": raw["metadata"],
        "raw": raw,
        "data": {},
    }


def _time(raw: Json, name: str) -> Any:
    return None if raw.get(name) is None else from_unix(raw[name])


def _customers(found: list[Json], ids: dict[str, uuid.UUID]) -> _Rows:
    now, rows = real_now(), []
    for raw in found:
        row = _shared(raw, now)
        owner = raw["metadata"]["accrue_owner"]
        row |= {
            "owner_type": "Organization",
            "owner_id": owner.removeprefix("Organization:"),
            "owner_key": owner,
            "generation": 1,
            "name": raw["name"],
            "email": raw["email"],
            "preferred_locale": None,
            "currency": raw.get("currency"),
            "balance": raw["balance"] or 0,
            "default_payment_method_id": None,
        }
        ids[raw["id"]] = row["id"]
        rows.append(row)
    return [(models.Customer.__table__, rows)]


def _subscriptions(found: list[Json], ids: dict[str, uuid.UUID]) -> _Rows:
    now, rows, items = real_now(), [], []
    for raw in found:
        row = _shared(raw, now)
        first = raw["items"]["data"][0]
        row |= {
            "customer_id": ids[raw["customer"]],
            "name": "default",
            "status": raw["status"],
            "currency": raw["currency"],
            "collection_method": raw["collection_method"],
            "start_date": _time(raw, "start_date"),
            "billing_cycle_anchor": _time(raw, "billing_cycle_anchor"),
            "current_period_start": _time(first, "current_period_start"),
            "current_period_end": _time(first, "current_period_end"),
            "trial_start": _time(raw, "trial_start"),
            "trial_end": _time(raw, "trial_end"),
            "cancel_at_period_end": raw["cancel_at_period_end"],
            "cancel_at": _time(raw, "cancel_at"),
            "canceled_at": _time(raw, "canceled_at"),
            "ended_at": _time(raw, "ended_at"),
            "pause_behavior": None,
            "pause_resumes_at": None,
            "default_payment_method_processor_id": raw.get("default_payment_method"),
            "latest_invoice_processor_id": raw.get("latest_invoice"),
            "past_due_since": None,
            "paid_until": None,
        }
        rows.append(row)
        for position, item in enumerate(raw["items"]["data"]):
            items.append(
                {
                    "id": new_id(),
                    "created_at": now,
                    "updated_at": now,
                    "subscription_id": row["id"],
                    "processor_id": item["id"],
                    "position": position,
                    "price_processor_id": item["price"]["id"],
                    "product_processor_id": item["price"]["product"],
                    "quantity": item["quantity"],
                    "current_period_start": _time(item, "current_period_start"),
                    "current_period_end": _time(item, "current_period_end"),
                    "removed_at": None,
                    "raw": item,
                }
            )
    return [
        (models.Subscription.__table__, rows),
        (models.SubscriptionItem.__table__, items),
    ]


def _invoices(found: list[Json], ids: dict[str, uuid.UUID]) -> _Rows:
    now, rows, lines = real_now(), [], []
    same = "status number currency subtotal total starting_balance ending_balance amount_due amount_paid"
    same += " amount_remaining billing_reason collection_method attempt_count"
    times = "next_payment_attempt due_date period_start period_end"
    for raw in found:
        row = _shared(raw, now)
        row |= {name: raw.get(name) for name in same.split()}
        row |= {name: row[name] or 0 for name in ("starting_balance", "ending_balance")}
        row |= {name: _time(raw, name) for name in times.split()}
        moments = raw.get("status_transitions") or {}
        row |= {name: _time(moments, name) for name in ("finalized_at", "paid_at", "voided_at")}
        row |= {
            "customer_id": ids[raw["customer"]],
            "subscription_processor_id": raw["parent"]["subscription_details"]["subscription"],
            "discount": sum(each["amount"] for each in raw.get("total_discount_amounts") or ()),
            "tax": sum(each["amount"] for each in raw.get("total_taxes") or ()),
            "inclusive_tax": 0,
            "total_taxes": raw.get("total_taxes") or [],
            "automatic_tax_status": None,
            "auto_advance": bool(raw.get("auto_advance")),
            "description": raw.get("description"),
            "hosted_url": raw.get("hosted_invoice_url"),
            "first_failed_at": None,
        }
        rows.append(row)
        for position, line in enumerate(raw["lines"]["data"]):
            details = line["parent"]["subscription_item_details"]
            lines.append(
                {
                    "id": new_id(),
                    "created_at": now,
                    "updated_at": now,
                    "invoice_id": row["id"],
                    "position": position,
                    "processor_id": line["id"],
                    "invoice_item_processor_id": None,
                    "description": line["description"],
                    "amount": line["amount"],
                    "currency": line["currency"],
                    "discount": sum(each["amount"] for each in line["discount_amounts"]),
                    "tax": sum(each["amount"] for each in line.get("taxes") or ()),
                    "inclusive_tax": 0,
                    "quantity": line["quantity"],
                    "price_processor_id": line["pricing"]["price_details"]["price"],
                    "subscription_processor_id": details["subscription"],
                    "subscription_item_processor_id": details["subscription_item"],
                    "period_start": _time(line["period"], "start"),
                    "period_end": _time(line["period"], "end"),
                    "proration": details["proration"],
                    "raw": line,
                }
            )
    return [(models.Invoice.__table__, rows), (models.InvoiceItem.__table__, lines)]


_ROWS = {"customers": _customers, "subscriptions": _subscriptions, "invoices": _invoices}
