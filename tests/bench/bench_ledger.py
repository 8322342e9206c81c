"""What an append costs, and how fast and in how much memory the ledger is verified. Printed, not judged.

``BENCH_ENTRIES=200000 make bench`` verifies a longer one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from flask_accrue.ledger import make_checkpoint, verify
from flask_accrue.unit_of_work import write
from tests.ledger.conftest import Book, SetClock, make_app

if TYPE_CHECKING:
    import uuid

    from flask_accrue.unit_of_work import UnitOfWork

ENTRIES = int(os.environ.get("BENCH_ENTRIES", "20000"))
PER_CUSTOMER = 20
APPENDS = 300
# As large as a subscription's state is.
STATE = {f"column_{n}": f"value {n}" if n % 3 else n * 1000 for n in range(25)} | {
    "items": [{"processor_id": "si_1", "price_processor_id": "price_pro", "quantity": 3}]
}


def test_append_and_verify(database_url: str) -> None:
    app = make_app(database_url)
    with app.app_context():
        clock = SetClock()
        app.extensions["accrue"].clock = clock
        book = Book(app.extensions["accrue"], clock)
        _fill(book)
        _time_appends(book)
        book.state.db.session.remove()
        book.state.db.engine.dispose()
    # In a process of its own, whose memory is only what verifying takes.
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_ledger", database_url],
        check=True,
        capture_output=True,
        text=True,
    )
    print(" ", sa.make_url(database_url).get_backend_name(), told.stdout.strip())


def _fill(book: Book) -> None:
    for number in range(ENTRIES // PER_CUSTOMER):
        customer_id = book.customer().id

        def work(uow: UnitOfWork, customer_id: uuid.UUID = customer_id) -> None:
            customer = uow.lock_customer(customer_id)
            for _ in range(PER_CUSTOMER - 1):
                book.append_to(
                    uow,
                    customer,
                    "subscription.updated",
                    subject=("subscription", customer_id),
                    data={"changes": {"status": ["active", "past_due"]}},
                    state=STATE,
                )

        write(work, origin=book.origin)
        book.state.db.session.expunge_all()
        if number % 500 == 0:
            make_checkpoint()
    make_checkpoint()


def _time_appends(book: Book) -> None:
    customer_id = book.customer().id
    statements: list[str] = []
    sa.event.listen(
        book.state.db.engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *rest: statements.append(statement),
    )

    def work(uow: UnitOfWork) -> None:
        book.append_to(uow, uow.lock_customer(customer_id), state=STATE)

    began = time.perf_counter()
    for _ in range(APPENDS):
        write(work, origin=book.origin)
    spent = (time.perf_counter() - began) / APPENDS
    print(
        f"\n  {book.state.db.engine.dialect.name} append: {spent * 1000:.2f} ms with its commit, "
        f"{len(statements) / APPENDS:.0f} statements with the lock and the customer"
    )


def _verify(database_url: str) -> None:
    with make_app(database_url).app_context():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, cpu_began = time.perf_counter(), time.process_time()
        report = verify()
        spent, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert report.is_intact, json.dumps([str(finding) for finding in report.findings[:5]])
    print(
        f"verify: {report.entries:,} entries, {report.chains:,} chains, {report.checkpoints} "
        f"checkpoints in {spent:.1f} s, {report.entries / spent:,.0f} entries a second "
        f"({report.entries / cpu:,.0f} a second of its own processor time), "
        f"{(after - before) / 1024:.0f} MB of memory"
    )


if __name__ == "__main__":
    _verify(sys.argv[1])
