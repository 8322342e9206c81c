"""A superuser with triggers off: whatever they do, verifying names the entry.

Each test does one thing to a ledger of two customers and a product, and looks for what is found.
"""

from __future__ import annotations

import datetime
import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import models, signals
from flask_accrue.ledger import Finding, make_checkpoint, verify
from flask_accrue.unit_of_work import UnitOfWork, write

if t.TYPE_CHECKING:
    import collections.abc as c

    from flask_accrue.state import AccrueState
    from tests.ledger.conftest import Book

#: A value for each signed column that is another one than the tests write.
EDITS: dict[str, t.Any] = {
    "actor_id": "8",
    "actor_type": "system",
    "cause_entry_id": 1,
    "cause_webhook_id": "00000000000000000000000000000001",
    "customer_id": "00000000000000000000000000000001",
    "data": '{"amount": 2}',
    "key_id": "k0",
    "occurred_at": "2026-01-01 00:00:00.000000",
    "operation_id": None,
    "previous_hash": "f" * 64,
    "recorded_at": "2026-01-01 00:00:00.000001",
    "state": '{"number": 9}',
    "subject_id": "somebody else",
    "subject_type": "invoice",
    "trace_id": "t-2",
    "type": "customer.deleted",
}


@pytest.fixture
def chain(book: Book) -> str:
    """Give the chain of a customer with six entries; others are there too."""
    book.customer(entries=3)
    name = book.customer(entries=6).chain
    book.record_system("prod_1")
    assert verify().is_intact
    return name


def found() -> list[Finding]:
    """Verify twice, the second time as the first, and return what was found."""
    report = verify()
    assert verify() == report
    assert report.finding_count == len(report.findings)
    return report.findings


def kinds() -> list[tuple[str, int | None]]:
    return [(finding.kind, finding.sequence) for finding in found()]


# -- edits ------------------------------------------------------------------------------------------


def test_each_signed_column_is_tried_here() -> None:
    from flask_accrue.ledger.chain import SIGNED

    elsewhere = {"chain", "sequence", "schema_version"}
    assert set(EDITS) | elsewhere == set(SIGNED[1])


def edit_each(book: Book, edits: c.Sequence[tuple[str, t.Any]]) -> list[Finding]:
    """Change one column of one entry after the other in a chain of its own; return what was found."""
    customer = book.customer(entries=len(edits) + 2)
    chain = customer.chain
    with book.superuser() as run:
        for sequence, (column, value) in enumerate(edits, 2):
            run(
                f"UPDATE accrue_events SET {column} = :v WHERE chain = :c AND sequence = :s",
                v=value,
                c=chain,
                s=sequence,
            )
    findings = found()
    assert {finding.chain for finding in findings} == {chain}
    return findings


def test_an_edited_entry_is_named_whichever_column_it_was(book: Book, chain: str) -> None:
    findings = edit_each(book, list(EDITS.items()))

    assert [(f.kind, f.sequence) for f in findings] == [
        ("edited", sequence) for sequence, _ in enumerate(EDITS, 2)
    ]
    first = findings[0]
    assert first.entry_id == book.entry(str(first.chain), 2).id
    assert f"{first.chain} entry 2 (id {first.entry_id}): edited" in str(first)


def test_an_edit_that_hardly_shows_is_named(book: Book, chain: str) -> None:
    edits = [
        ("state", '{"name": "Acme", "number": 1.0}'),
        ("state", '{"name": "Acme", "number": "2"}'),
        ("state", '{"name": "Acme", "number": true}'),
        ("state", '{"name": "Acme", "number": 4, "more": null}'),
        ("state", '{"name": "acme", "number": 5}'),
        ("state", '{"number": 6}'),
        ("state", None),
        ("state", "{}"),
        ("data", "[]"),
        ("data", '{"": null}'),
        ("subject_type", "Customer"),
        ("operation_id", "op-1 "),
        ("actor_id", ""),
    ]

    assert [(f.kind, f.sequence) for f in edit_each(book, edits)] == [
        ("edited", sequence) for sequence, _ in enumerate(edits, 2)
    ]


def test_a_microsecond_shows(book: Book, chain: str, session: t.Any) -> None:
    entry = session.scalars(sa.select(models.LedgerEntry).filter_by(chain=chain, sequence=3)).one()
    later = entry.recorded_at + datetime.timedelta(microseconds=1)
    with book.superuser() as run:
        run(
            "UPDATE accrue_events SET recorded_at = :v WHERE chain = :c AND sequence = 3",
            v=later.strftime("%Y-%m-%d %H:%M:%S.%f"),
            c=chain,
        )

    assert kinds() == [("edited", 3)]


def test_another_spelling_of_the_same_document_is_no_edit(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run(
            "UPDATE accrue_events SET state = :v WHERE chain = :c AND sequence = 4",
            v='{"number":3,   "name":"\\u0041cme"}',
            c=chain,
        )

    assert found() == []


def test_an_edited_hash_accuses_that_entry_and_not_the_next(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("UPDATE accrue_events SET hash = 'f' WHERE chain = :c AND sequence = 3", c=chain)

    assert kinds() == [("edited", 3)]


def test_a_last_entry_whose_hash_was_edited_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("UPDATE accrue_events SET hash = 'f' WHERE chain = :c AND sequence = 6", c=chain)

    assert kinds() == [("edited", 6), ("head", 6)]


def test_a_schema_version_that_nobody_knows_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run(
            "UPDATE accrue_events SET schema_version = 2 WHERE chain = :c AND sequence = 2", c=chain
        )

    (finding,) = found()
    assert (finding.kind, finding.sequence) == ("edited", 2)
    assert "schema version 2" in finding.reason


@pytest.mark.only("sqlite")
def test_an_entry_that_cannot_be_read_any_more_is_named(book: Book, chain: str) -> None:
    """SQLite keeps whatever it's given, in any column."""
    edits = [
        ("state", "not json"),
        ("data", "{" * 5000),
        ("data", '{"n": ' + "1" * 5000 + "}"),
        ("data", "[" * 100_000 + "]" * 100_000),
        ("recorded_at", "yesterday"),
        ("recorded_at", 5),
        ("customer_id", "nobody"),
        ("customer_id", 7),
        ("subject_id", b"\xff\xfe"),
        ("hash", b"\xff\xfe"),
        ("cause_entry_id", "abc"),
        ("schema_version", "one"),
        ("key_id", b"k1"),
    ]

    assert sorted((f.sequence, f.kind) for f in edit_each(book, edits)) == [
        *((sequence, "edited") for sequence in range(2, 14)),
        (14, "unknown_key"),
    ]


@pytest.mark.only("sqlite")
def test_text_that_is_no_unicode_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run(
            "UPDATE accrue_events SET type = CAST(x'fffe' AS TEXT) "
            "WHERE chain = :c AND sequence = 3",
            c=chain,
        )

    assert kinds() == [("edited", 3)]


@pytest.mark.only("postgresql")
def test_what_python_cannot_hold_is_named(book: Book, chain: str) -> None:
    moments = ["infinity", "-infinity", "20000-01-01", "4000-01-01 BC"]
    with book.superuser() as run:
        for sequence, moment in enumerate(moments, 2):
            run(
                f"UPDATE accrue_events SET recorded_at = '{moment}' "
                "WHERE chain = :c AND sequence = :s",
                c=chain,
                s=sequence,
            )
        run(
            "UPDATE accrue_events SET data = jsonb_build_object('n', CAST('1e9000' AS numeric)) "
            "WHERE chain = :c AND sequence = 6",
            c=chain,
        )

    assert kinds() == [("edited", sequence) for sequence in range(2, 7)]


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("sequence", ["abc", b"\x01", 0, -4])
def test_an_entry_without_a_place_is_named(book: Book, chain: str, sequence: t.Any) -> None:
    entry = book.entry(chain, 3)
    with book.superuser() as run:
        run("UPDATE accrue_events SET sequence = :s WHERE id = :id", s=sequence, id=entry.id)

    findings = found()
    assert {"deleted", "inserted"} <= {finding.kind for finding in findings}
    assert entry.id in {finding.entry_id for finding in findings}
    assert 3 in {finding.sequence for finding in findings}


# -- deletions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "first", "last"),
    [("sequence = 3", 3, 3), ("sequence IN (3, 4)", 3, 4), ("sequence <= 2", 1, 2)],
)
def test_deleted_entries_are_named(
    book: Book, chain: str, condition: str, first: int, last: int
) -> None:
    with book.superuser() as run:
        run(f"DELETE FROM accrue_events WHERE chain = :c AND {condition}", c=chain)

    (finding,) = found()
    assert (finding.kind, finding.chain) == ("deleted", chain)
    assert (finding.sequence, finding.last_sequence) == (first, last)


def test_a_deletion_that_was_closed_up_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_events WHERE chain = :c AND sequence = 3", c=chain)
        for sequence in (4, 5, 6):
            run(
                "UPDATE accrue_events SET sequence = sequence - 1 "
                "WHERE chain = :c AND sequence = :s",
                c=chain,
                s=sequence,
            )
        run("UPDATE accrue_ledger_chains SET sequence = 5 WHERE chain = :c", c=chain)

    # Nothing in the chain was signed for where it stands now; the last one still says where it was.
    assert {sequence for _, sequence in kinds()} == {3, 4, 5}


def test_an_entry_that_was_moved_to_another_chain_is_named_in_both(book: Book, chain: str) -> None:
    other = book.customer(entries=2).chain
    with book.superuser() as run:
        run(
            "UPDATE accrue_events SET chain = :o, sequence = 3 WHERE chain = :c AND sequence = 3",
            o=other,
            c=chain,
        )

    named = {(finding.kind, finding.chain, finding.sequence) for finding in found()}
    assert ("deleted", chain, 3) in named
    assert ("edited", other, 3) in named


# -- insertions -------------------------------------------------------------------------------------


def copy_of(run: t.Callable[..., t.Any], chain: str, sequence: int, /, **values: t.Any) -> None:
    """Insert a copy of an entry with other values in some columns."""
    columns = [column.key for column in models.LedgerEntry.__table__.c if column.key != "id"]
    types = {"sequence": "BIGINT"}
    taken = [
        f"CAST(:{name} AS {types.get(name, 'TEXT')})" if name in values else name
        for name in columns
    ]
    run(
        f"INSERT INTO accrue_events ({', '.join(columns)}) SELECT {', '.join(taken)} "
        "FROM accrue_events WHERE chain = :from_chain AND sequence = :from_sequence",
        from_chain=chain,
        from_sequence=sequence,
        **values,
    )


def test_an_entry_inserted_at_the_end_is_named(book: Book, chain: str) -> None:
    last = book.entry(chain, 6).hash
    with book.superuser() as run:
        copy_of(run, chain, 6, sequence=7, previous_hash=last, hash="f" * 64)
        run(
            "UPDATE accrue_ledger_chains SET sequence = 7, hash = :h WHERE chain = :c",
            h="f" * 64,
            c=chain,
        )

    assert kinds() == [("edited", 7)]


def test_an_entry_inserted_after_the_end_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        copy_of(run, chain, 6, sequence=7)

    assert set(kinds()) == {("reordered", 7), ("head", 7)} or set(kinds()) == {
        ("edited", 7),
        ("head", 7),
    }


def test_an_entry_inserted_by_ordinary_sql_is_named(book: Book, chain: str) -> None:
    """The triggers let it in, as it continues the chain; the signature doesn't."""
    last = book.entry(chain, 6).hash
    book.state.db.session.rollback()
    with book.state.db.engine.begin() as connection:
        copy_of(
            lambda sql, **values: connection.execute(sa.text(sql), values),
            chain,
            6,
            sequence=7,
            previous_hash=last,
            hash="f" * 64,
        )

    assert kinds() == [("edited", 7)]


def test_an_entry_inserted_in_the_middle_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        for sequence in (6, 5, 4):
            run(
                "UPDATE accrue_events SET sequence = sequence + 1 "
                "WHERE chain = :c AND sequence = :s",
                c=chain,
                s=sequence,
            )
        copy_of(run, chain, 3, sequence=4, type="customer.refunded")
        run("UPDATE accrue_ledger_chains SET sequence = 7 WHERE chain = :c", c=chain)

    assert {4, 5, 6, 7} == {sequence for _, sequence in kinds()}


def test_a_chain_that_was_made_up_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        copy_of(run, chain, 1, chain="customer:nobody", sequence=1)

    assert {finding.kind for finding in found()} == {"missing_chain", "edited"}
    assert {finding.chain for finding in found()} == {"customer:nobody"}


@pytest.mark.only("postgresql")
def test_a_second_entry_in_one_place_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("ALTER TABLE accrue_events DROP CONSTRAINT uq_accrue_events_chain_sequence")
        copy_of(run, chain, 3)

    named = [(finding.kind, finding.sequence) for finding in found()]
    assert ("inserted", 3) in named
    assert {sequence for _, sequence in named} <= {3, 4}


# -- order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), [(3, 4), (1, 6), (5, 6)])
def test_two_entries_that_changed_places_are_named(
    book: Book, chain: str, one: int, other: int
) -> None:
    with book.superuser() as run:
        for old, new in ((one, 1000), (other, one), (1000, other)):
            run(
                "UPDATE accrue_events SET sequence = :new WHERE chain = :c AND sequence = :old",
                old=old,
                new=new,
                c=chain,
            )

    findings = found()
    moved = {f.sequence: f.reason for f in findings if "signed as" in f.reason}
    assert moved == {
        one: f"it was signed as entry {other}",
        other: f"it was signed as entry {one}",
    }
    assert {f.kind for f in findings} <= {"reordered", "head"}


def test_two_entries_that_changed_rows_are_named(book: Book, chain: str) -> None:
    three, four = book.entry(chain, 3).id, book.entry(chain, 4).id
    with book.superuser() as run:
        for old, new in ((three, -1), (four, three), (-1, four)):
            run("UPDATE accrue_events SET id = :new WHERE id = :old", old=old, new=new)

    (finding,) = found()
    assert (finding.kind, finding.sequence, finding.entry_id) == ("reordered", 4, three)
    assert str(four) in finding.reason


def test_two_entries_that_changed_all_but_their_places_are_named(book: Book, chain: str) -> None:
    columns = [
        column.key
        for column in models.LedgerEntry.__table__.c
        if column.key not in ("id", "chain", "sequence")
    ]
    with book.superuser() as run:
        run("CREATE TEMPORARY TABLE spare AS SELECT * FROM accrue_events WHERE chain = :c", c=chain)
        for here, there in ((3, 5), (5, 3)):
            sets = ", ".join(
                f"{name} = (SELECT {name} FROM spare WHERE sequence = {there})" for name in columns
            )
            run(
                f"UPDATE accrue_events SET {sets} WHERE chain = :c AND sequence = {here}",
                c=chain,
            )
        run("DROP TABLE spare")

    assert kinds() == [("reordered", 3), ("reordered", 5)]


# -- the end ----------------------------------------------------------------------------------------


def test_a_truncated_tail_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_events WHERE chain = :c AND sequence > 4", c=chain)

    (finding,) = found()
    assert (finding.kind, finding.chain) == ("truncated", chain)
    assert (finding.sequence, finding.last_sequence) == (5, 6)
    assert "entries 5 to 6" in str(finding)


def truncate_with_head(book: Book, chain: str, *, left: int) -> None:
    """Take away the last entries, and move the head back so that it agrees."""
    with book.superuser() as run:
        run("DELETE FROM accrue_events WHERE chain = :c AND sequence > :s", c=chain, s=left)
        run(
            "UPDATE accrue_ledger_chains SET sequence = :s, hash = coalesce((SELECT hash FROM "
            "accrue_events WHERE chain = :c AND sequence = :s), '') WHERE chain = :c",
            c=chain,
            s=left,
        )


def test_a_truncated_tail_whose_head_was_moved_back_is_named_by_a_checkpoint(
    book: Book, chain: str
) -> None:
    make_checkpoint()
    truncate_with_head(book, chain, left=4)

    for finding in found():
        assert (finding.kind, finding.chain) == ("truncated", chain)
        assert (finding.sequence, finding.last_sequence) == (5, 6)
    with book.superuser() as run:
        run("UPDATE accrue_ledger_chains SET checkpointed = 4 WHERE chain = :c", c=chain)
    (finding,) = found()
    assert (finding.sequence, finding.last_sequence, finding.checkpoint) == (5, 6, 1)


def test_a_tail_that_was_taken_away_and_written_anew_is_named_by_a_checkpoint(
    book: Book, chain: str
) -> None:
    make_checkpoint()
    truncate_with_head(book, chain, left=4)
    for _ in range(5):
        book.record(book.owner_of(chain))

    (finding,) = found()
    assert (finding.kind, finding.chain, finding.sequence) == ("rewritten", chain, 6)
    assert finding.checkpoint == 1


def test_an_entry_that_was_put_back_after_the_tail_was_written_anew_is_named(
    book: Book, chain: str
) -> None:
    """Both entries are genuine, and the second never followed the first."""
    with book.superuser() as run:
        run(
            "CREATE TABLE kept AS SELECT * FROM accrue_events WHERE chain = :c AND sequence = 6",
            c=chain,
        )
    truncate_with_head(book, chain, left=4)
    book.record(book.owner_of(chain), data={"instead": True})
    with book.superuser() as run:
        run("UPDATE kept SET id = id + 100")
        run("INSERT INTO accrue_events SELECT * FROM kept")
        run("DROP TABLE kept")
        run(
            "UPDATE accrue_ledger_chains SET sequence = 6, hash = (SELECT hash FROM accrue_events "
            "WHERE chain = :c AND sequence = 6) WHERE chain = :c",
            c=chain,
        )

    (finding,) = found()
    assert (finding.kind, finding.sequence) == ("reordered", 6)
    assert "another entry than the one before it" in finding.reason


def test_an_emptied_chain_is_named_while_its_customer_is_there(book: Book, chain: str) -> None:
    truncate_with_head(book, chain, left=0)

    (finding,) = found()
    assert (finding.kind, finding.chain, finding.sequence) == ("truncated", chain, 1)


# -- chains and heads -------------------------------------------------------------------------------


def test_a_deleted_chain_is_named_while_its_customer_is_there(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_events WHERE chain = :c", c=chain)
        run("DELETE FROM accrue_ledger_chains WHERE chain = :c", c=chain)

    (finding,) = found()
    assert (finding.kind, finding.chain) == ("missing_chain", chain)


def test_a_chain_that_was_deleted_with_its_customer_is_named_by_a_checkpoint(
    book: Book, chain: str
) -> None:
    make_checkpoint()
    with book.superuser() as run:
        run(
            "DELETE FROM accrue_customers "
            "WHERE id = (SELECT customer_id FROM accrue_ledger_chains WHERE chain = :c)",
            c=chain,
        )
        run("DELETE FROM accrue_events WHERE chain = :c", c=chain)
        run("DELETE FROM accrue_ledger_chains WHERE chain = :c", c=chain)

    (finding,) = found()
    assert (finding.kind, finding.chain) == ("truncated", chain)
    assert (finding.sequence, finding.last_sequence) == (1, 6)


def test_a_deleted_head_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_ledger_chains WHERE chain = :c", c=chain)

    assert {(f.kind, f.chain) for f in found()} == {("missing_chain", chain)}


def test_a_deleted_chain_of_the_systems_is_named(book: Book, chain: str) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_ledger_chains WHERE chain = 'system:15'")

    (finding,) = found()
    assert (finding.kind, finding.chain) == ("missing_chain", "system:15")


@pytest.mark.parametrize(
    ("change", "kind", "sequence"),
    [
        ("sequence = 8", "truncated", 7),
        ("sequence = 4", "head", 5),
        ("sequence = 0, hash = ''", "head", 1),
        ("hash = 'f'", "head", 6),
        ("checkpointed = 9", "truncated", 7),
        ("customer_id = NULL", "head", None),
    ],
)
def test_an_edited_head_is_named(
    book: Book, chain: str, change: str, kind: str, sequence: int | None
) -> None:
    with book.superuser() as run:
        run(f"UPDATE accrue_ledger_chains SET {change} WHERE chain = :c", c=chain)

    assert (kind, sequence) in kinds()
    assert {finding.chain for finding in found()} == {chain}


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("change", ["sequence = 'x'", "customer_id = 'x'", "hash = x'ff'"])
def test_a_head_that_cannot_be_read_any_more_is_named(book: Book, chain: str, change: str) -> None:
    with book.superuser() as run:
        run(f"UPDATE accrue_ledger_chains SET {change} WHERE chain = :c", c=chain)

    assert ("head", chain) in {(finding.kind, finding.chain) for finding in found()}


def test_two_customers_that_changed_chains_are_named(book: Book, chain: str) -> None:
    other = book.customer(entries=2).chain
    with book.superuser() as run:
        rows = run(
            "SELECT chain, customer_id FROM accrue_ledger_chains WHERE chain IN (:a, :b)",
            a=chain,
            b=other,
        )
        owners = {row.chain: row.customer_id for row in rows}
        for name, owner in ((chain, None), (other, owners[chain]), (chain, owners[other])):
            run(
                "UPDATE accrue_ledger_chains SET customer_id = :o WHERE chain = :c", o=owner, c=name
            )

    assert {(f.kind, f.chain) for f in found()} == {("head", chain), ("head", other)}


# -- at length --------------------------------------------------------------------------------------


def test_pages_and_their_ends_are_read_alike(book: Book, chain: str) -> None:
    """Reading goes a thousand entries at a time; what stands at the seams is found too."""
    customer_id = book.customer().id

    def work(uow: UnitOfWork) -> None:
        customer = uow.lock_customer(customer_id)
        for number in range(2200):
            book.append_to(uow, customer, data={"number": number})

    write(work, origin=book.origin)
    report = verify()
    assert report.is_intact
    (rows,) = book.sql("SELECT count(*) FROM accrue_events")
    assert report.entries == rows[0] == 2211

    long = f"customer:{customer_id}"
    with book.superuser() as run:
        for sequence in (980, 1000, 1991, 2000, 2201):
            run(
                "UPDATE accrue_events SET type = 'x' WHERE chain = :c AND sequence = :s",
                c=long,
                s=sequence,
            )
        run("DELETE FROM accrue_events WHERE chain = :c AND sequence = 1001", c=long)

    assert sorted(kinds(), key=str) == [
        ("deleted", 1001),
        ("edited", 1000),
        ("edited", 1991),
        ("edited", 2000),
        ("edited", 2201),
        ("edited", 980),
    ]


def test_more_findings_than_are_kept_are_counted(book: Book, chain: str) -> None:
    customer_id = book.customer().id

    def work(uow: UnitOfWork) -> None:
        customer = uow.lock_customer(customer_id)
        for number in range(1200):
            book.append_to(uow, customer, data={"number": number})

    write(work, origin=book.origin)
    with book.superuser() as run:
        run("UPDATE accrue_events SET actor_type = 'x'")

    report = verify()
    assert len(report.findings) == 1000
    assert report.finding_count == report.entries == 1211
    assert not report.is_intact


# -- and otherwise ----------------------------------------------------------------------------------


def test_an_intact_ledger_is_said_to_be_intact(book: Book, chain: str) -> None:
    make_checkpoint()
    report = verify()

    assert report.is_intact
    assert (report.entries, report.chains, report.checkpoints) == (10, 18, 1)


def test_an_empty_ledger_is_intact(book: Book) -> None:
    report = verify()

    assert report.is_intact
    assert (report.entries, report.chains, report.checkpoints) == (0, 16, 0)


def test_verifying_leaves_the_callers_transaction_alone(
    book: Book, chain: str, state: AccrueState
) -> None:
    session = state.db.session
    customer = session.scalars(sa.select(models.Customer).limit(1)).one()
    customer.name = "Pending"

    assert verify().is_intact
    assert customer in session.dirty
    session.rollback()
    assert customer.name is None


def test_a_broken_ledger_is_worth_a_signal(book: Book, chain: str) -> None:
    heard: list[tuple[Finding, ...]] = []

    def hear(app: t.Any, *, findings: tuple[Finding, ...]) -> None:
        heard.append(findings)

    signals.ledger_broken.connect(hear)
    verify()
    assert heard == []
    with book.superuser() as run:
        run("DELETE FROM accrue_events WHERE chain = :c AND sequence = 3", c=chain)
    verify()
    signals.ledger_broken.disconnect(hear)

    ((finding,),) = heard
    assert (finding.kind, finding.sequence) == ("deleted", 3)
