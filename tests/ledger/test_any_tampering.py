"""Whatever somebody without the key does to the tables, a kept file and the signatures tell.

A ledger of two customers is taken apart at random: rows deleted, copied, exchanged and mixed, heads and
checkpoints bent to fit. If any entry isn't as it was, verifying against the kept file must say so.
"""

from __future__ import annotations

import shutil
import sqlite3
import typing as t

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flask_accrue.ledger import export_heads, make_checkpoint, verify

if t.TYPE_CHECKING:
    from pathlib import Path

    from tests.ledger.conftest import Book

Rows: t.TypeAlias = dict[str, list[dict[str, t.Any]]]

ENTRIES, HEADS, CHECKPOINTS = "accrue_events", "accrue_ledger_chains", "accrue_ledger_checkpoints"
COLUMNS = (
    "id chain sequence type schema_version actor_type actor_id subject_type subject_id customer_id "
    "data state operation_id trace_id cause_entry_id cause_webhook_id occurred_at recorded_at key_id "
    "previous_hash hash"
).split()
ENTRY = st.integers(0, 8)
SOME_COLUMNS = st.sets(st.sampled_from(COLUMNS), min_size=1)

STEPS = st.one_of(
    st.tuples(st.just("delete"), ENTRY),
    st.tuples(st.just("delete after"), ENTRY),
    st.tuples(st.just("overwrite"), ENTRY, ENTRY, SOME_COLUMNS),
    st.tuples(st.just("exchange"), ENTRY, ENTRY, SOME_COLUMNS),
    st.tuples(st.just("insert"), ENTRY, ENTRY, SOME_COLUMNS),
    st.tuples(st.just("renumber"), ENTRY),
    st.tuples(st.just("fit heads")),
    st.tuples(st.just("drop heads")),
    st.tuples(st.just("drop checkpoints"), st.integers(0, 3)),
    st.tuples(st.just("bend checkpoint"), st.integers(0, 2), ENTRY),
    st.tuples(st.just("cover up"), ENTRY),
)


def read(file: Path) -> Rows:
    with sqlite3.connect(file) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]
            for table in (ENTRIES, HEADS, CHECKPOINTS)
        }


def write(file: Path, rows: Rows) -> None:
    """Put rows in the place of all that is there, with no trigger left to mind."""
    with sqlite3.connect(file) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for table, content in rows.items():
            connection.execute(f"DELETE FROM {table}")
            for row in content:
                marks = ", ".join("?" * len(row))
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values())
                )


def tamper(rows: Rows, step: tuple[t.Any, ...]) -> None:
    entries, (what, *rest) = rows[ENTRIES], step
    if what.endswith("heads"):
        rows[HEADS][:] = [] if what == "drop heads" else fitting(rows)
    elif what == "drop checkpoints":
        del rows[CHECKPOINTS][rest[0] :]
        for head in rows[HEADS]:
            head["checkpointed"] = 0
    elif not entries:
        return
    elif what == "cover up":
        gone = entries[rest[0] % len(entries)]
        rows[ENTRIES][:] = [
            entry
            for entry in entries
            if entry["chain"] != gone["chain"] or entry["sequence"] < gone["sequence"]
        ]
        tamper(rows, ("fit heads",))
        tamper(rows, ("drop checkpoints", 0))
    elif what == "bend checkpoint":
        if rest[0] < len(rows[CHECKPOINTS]):
            rows[CHECKPOINTS][rest[0]]["hash"] = entries[rest[1] % len(entries)]["hash"]
    elif what.startswith("delete"):
        one = rest[0] % len(entries)
        del entries[one : None if what == "delete after" else one + 1]
    elif what == "renumber":
        chain = entries[rest[0] % len(entries)]["chain"]
        for number, entry in enumerate((e for e in entries if e["chain"] == chain), 1):
            entry["sequence"] = number
    else:
        mix(entries, what, *rest)


def mix(entries: list[dict[str, t.Any]], what: str, one: int, other: int, some: set[str]) -> None:
    first, second = entries[one % len(entries)], entries[other % len(entries)]
    taken = {name: second[name] for name in some}
    if what == "insert":
        last = max(entry["id"] for entry in entries)
        entries.append({**first, "id": last + 1, "sequence": len(entries) + 1} | taken)
        return
    if what == "exchange":
        second.update({name: first[name] for name in some})
    first.update(taken)


def fitting(rows: Rows) -> list[dict[str, t.Any]]:
    """Return heads that agree with the last entry of each chain."""
    for head in rows[HEADS]:
        own = [entry for entry in rows[ENTRIES] if entry["chain"] == head["chain"]]
        last = max(own, key=lambda entry: entry["sequence"], default={"sequence": 0, "hash": ""})
        head.update(sequence=last["sequence"], hash=last["hash"])
    return rows[HEADS]


@pytest.mark.only("sqlite")
def test_no_change_to_a_kept_entry_goes_unseen(
    book: Book, tmp_path: Path, database_url: str
) -> None:
    first, second = book.customer(entries=3), book.customer(entries=2)
    make_checkpoint()
    for customer in (first, second, first, second):
        book.record(customer, data={"n": book.clock.now()}, state={"name": "Acme"})
        make_checkpoint()
    with (tmp_path / "kept").open("w") as out:
        export_heads(out)
    book.state.db.session.remove()
    engine = book.state.db.engine
    engine.dispose()
    file, original = tmp_path / "accrue.sqlite", tmp_path / "original.sqlite"
    shutil.copyfile(file, original)
    genuine = read(original)
    assert len(genuine[ENTRIES]) == 9
    assert len(genuine[CHECKPOINTS]) == 5

    @settings(
        max_examples=120,
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(steps=st.lists(STEPS, min_size=1, max_size=6))
    def is_seen(steps: list[tuple[t.Any, ...]]) -> None:
        engine.dispose()
        shutil.copyfile(original, file)
        rows = read(original)
        for step in steps:
            tamper(rows, step)
        changed = [row for row in genuine[ENTRIES] if row not in rows[ENTRIES]]
        assume(changed)
        try:
            write(file, rows)
        except sqlite3.IntegrityError:
            # Not even the tables themselves would hold that.
            assume(False)
        report = verify(against=tmp_path / "kept")
        assert not report.is_intact
        chains = {row["chain"] for row in changed}
        assert chains & {finding.chain for finding in report.findings}

    is_seen()
