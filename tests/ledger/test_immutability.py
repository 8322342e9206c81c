"""What the database refuses, and what a session hears before it even asks."""

from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.errors import LedgerImmutable
from flask_accrue.ledger import make_checkpoint, missing_triggers, verify
from flask_accrue.unit_of_work import UnitOfWork, write

if t.TYPE_CHECKING:
    from tests.ledger.conftest import Book

COLUMNS = (
    "id, chain, sequence, type, schema_version, actor_type, subject_type, subject_id, data, "
    "recorded_at, key_id, previous_hash, hash"
)
VALUES = (
    "(:id{n}, :chain{n}, :sequence{n}, 'forged', 1, 'user', 'customer', 'x', '[]', "
    "'2026-01-01', 'k1', :previous_hash{n}, :hash{n})"
)


def insert(rows: int = 0) -> str:
    """Return an INSERT of one row, or of several with numbered parameters."""
    placed = [VALUES.format(n=number) for number in range(rows)] or [VALUES.format(n="")]
    return f"INSERT INTO accrue_events ({COLUMNS}) VALUES {', '.join(placed)}"


def forged(book: Book, chain: str, /, **values: t.Any) -> dict[str, t.Any]:
    head = book.sql("SELECT * FROM accrue_ledger_chains WHERE chain = :chain", chain=chain)[0]
    (top,) = book.sql("SELECT max(id) FROM accrue_events")
    return {
        "id": top[0] + 100,
        "chain": chain,
        "sequence": head.sequence + 1,
        "previous_hash": head.hash,
        "hash": "f" * 64,
        **values,
    }


def refused(book: Book, statement: str, **parameters: t.Any) -> str:
    with pytest.raises(sa.exc.DBAPIError, match="accrue: ") as caught:
        book.sql(statement, **parameters)
    assert verify().is_intact
    return str(caught.value.orig)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accrue_events SET type = 'x'",
        "UPDATE accrue_events SET hash = hash WHERE sequence = 2",
        "DELETE FROM accrue_events WHERE sequence = 2",
        "DELETE FROM accrue_events",
        "UPDATE accrue_ledger_checkpoints SET number = 7",
        "DELETE FROM accrue_ledger_checkpoints",
        "DELETE FROM accrue_ledger_chains",
    ],
)
def test_changing_or_deleting_is_refused(book: Book, statement: str) -> None:
    book.customer(entries=3)
    make_checkpoint()

    assert "append-only" in refused(book, statement)


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    "table", ["accrue_events", "accrue_ledger_checkpoints", "accrue_ledger_chains"]
)
def test_truncating_is_refused(book: Book, table: str) -> None:
    book.customer(entries=3)
    make_checkpoint()

    assert f"TRUNCATE on {table} is refused" in refused(book, f"TRUNCATE {table} CASCADE")


@pytest.mark.only("postgresql")
def test_an_upsert_is_refused(book: Book) -> None:
    chain = book.customer(entries=3).chain
    entry = forged(book, chain, id=book.entry(chain, 2).id)

    refused(book, f"{insert()} ON CONFLICT (id) DO UPDATE SET type = 'forged'", **entry)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_replacing_an_entry_is_refused(book: Book, verb: str) -> None:
    chain = book.customer(entries=3).chain
    replace = insert().replace("INSERT", verb)
    first = book.entry(chain, 1)
    third = book.entry(chain, 3)

    refused(book, replace, **forged(book, chain, id=third.id))
    refused(
        book,
        replace,
        **forged(book, chain, id=third.id, sequence=3, previous_hash=third.previous_hash),
    )
    refused(book, replace, **forged(book, chain, sequence=2, previous_hash=first.hash))


@pytest.mark.only("sqlite")
def test_replacing_an_entry_is_refused_also_where_the_head_was_moved_back(book: Book) -> None:
    chain = book.customer(entries=3).chain
    second = book.entry(chain, 2)
    with book.superuser() as run:
        run(
            "UPDATE accrue_ledger_chains SET sequence = 2, hash = :hash WHERE chain = :chain",
            hash=second.hash,
            chain=chain,
        )
    replace = insert().replace("INSERT", "INSERT OR REPLACE")

    with pytest.raises(sa.exc.DBAPIError, match="accrue: "):
        book.sql(replace, **forged(book, chain, sequence=3, previous_hash=second.hash))

    assert book.entry(chain, 3).type == "customer.updated"


@pytest.mark.only("sqlite")
def test_replacing_a_checkpoint_or_a_chain_is_refused(book: Book) -> None:
    chain = book.customer(entries=3).chain
    (checkpoint,) = make_checkpoint()
    columns = "(id, number, recorded_at, heads, key_id, previous_hash, hash)"
    values = "(:id, :number, '2026-01-01 00:00:00.000000', '{}', 'k1', '', '')"
    replace = f"REPLACE INTO accrue_ledger_checkpoints {columns} VALUES {values}"

    refused(book, replace, id=checkpoint.id, number=9)
    refused(book, replace, id=99, number=checkpoint.number)
    refused(
        book,
        "REPLACE INTO accrue_ledger_chains (chain, sequence, hash) VALUES (:c, 0, '')",
        c=chain,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"sequence": 3},
        {"sequence": 5},
        {"sequence": 6},
        {"previous_hash": ""},
        {"previous_hash": "e" * 64},
        {"chain": "customer:nobody", "sequence": 1, "previous_hash": ""},
        {"chain": "system:16", "sequence": 1, "previous_hash": ""},
    ],
)
def test_an_entry_that_does_not_continue_its_chain_is_refused(
    book: Book, wrong: dict[str, t.Any]
) -> None:
    chain = book.customer(entries=3).chain

    refused(book, insert(), **forged(book, chain, **wrong))


def test_many_entries_at_once_are_refused_when_one_of_them_does_not_continue(book: Book) -> None:
    chain = book.customer(entries=3).chain
    rows = [
        forged(book, chain, id=201),
        forged(book, chain, id=202, sequence=5, previous_hash="f" * 64),
        forged(book, chain, id=203, sequence=7, previous_hash="f" * 64),
    ]
    values = {f"{name}{n}": value for n, row in enumerate(rows) for name, value in row.items()}

    refused(book, insert(len(rows)), **values)
    assert book.sql("SELECT count(*) FROM accrue_events WHERE type = 'forged'")[0][0] == 0


@pytest.mark.parametrize(
    "change",
    [
        "sequence = 2",
        "sequence = 4",
        "sequence = sequence + 1",
        "sequence = 0, hash = ''",
        "hash = 'f'",
        "customer_id = NULL",
        "chain = 'system:77'",
    ],
)
def test_a_head_only_moves_with_an_entry(book: Book, change: str) -> None:
    chain = book.customer(entries=3).chain

    refused(book, f"UPDATE accrue_ledger_chains SET {change} WHERE chain = :c", c=chain)


@pytest.mark.only("postgresql")
def test_no_trigger_of_ones_own_moves_a_head_back(book: Book) -> None:
    """Creating one on a table of one's own takes no rights worth the name."""
    chain = book.customer(entries=3).chain
    first = book.entry(chain, 1).hash
    back = f"UPDATE accrue_ledger_chains SET sequence = 1, hash = '{first}' WHERE chain = '{chain}'"

    refused(
        book,
        f"""
        CREATE TEMPORARY TABLE bait (x INTEGER);
        CREATE FUNCTION pg_temp.bite() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN {back}; RETURN NEW; END $$;
        CREATE TRIGGER bite BEFORE INSERT ON bait FOR EACH ROW EXECUTE FUNCTION pg_temp.bite();
        INSERT INTO bait VALUES (1)
        """,
    )


def test_a_chain_begins_empty(book: Book) -> None:
    refused(
        book,
        "INSERT INTO accrue_ledger_chains (chain, sequence, hash) VALUES ('system:77', 3, '')",
    )


def test_taking_the_lock_moves_nothing_and_is_allowed(book: Book) -> None:
    chain = book.customer(entries=3).chain

    book.sql("UPDATE accrue_ledger_chains SET sequence = sequence WHERE chain = :c", c=chain)

    assert verify().is_intact


def test_the_session_hears_of_it_before_any_sql_is_sent(book: Book, session: t.Any) -> None:
    chain = book.customer(entries=2).chain
    entry = session.scalars(sa.select(models.LedgerEntry).limit(1)).one()
    entry.type = "customer.invented"
    with pytest.raises(LedgerImmutable, match=rf"Entry 1 of the chain {chain}"):
        session.commit()
    session.rollback()

    session.delete(session.get_one(models.LedgerEntry, entry.id))
    with pytest.raises(LedgerImmutable, match="was to be deleted"):
        session.commit()
    session.rollback()

    assert entry.type == "customer.created"
    assert verify().is_intact


def test_the_session_hears_of_checkpoints_and_chains_too(book: Book, session: t.Any) -> None:
    customer = book.customer(entries=2)
    (checkpoint,) = make_checkpoint()
    checkpoint.heads = {}
    with pytest.raises(LedgerImmutable, match="Checkpoint 1"):
        session.commit()
    session.rollback()

    session.delete(session.get_one(models.LedgerChain, customer.chain))
    with pytest.raises(LedgerImmutable, match=customer.chain):
        session.commit()
    session.rollback()


def test_an_entry_that_was_only_looked_at_is_no_change(book: Book, session: t.Any) -> None:
    customer = book.customer()
    customer_id = customer.id
    entry = session.scalars(sa.select(models.LedgerEntry)).one()
    entry.type = str(entry.type)

    def work(uow: UnitOfWork) -> None:
        book.append_to(uow, uow.lock_customer(customer_id))

    write(work, origin=book.origin)

    assert verify().is_intact


def test_bulk_statements_of_the_session_meet_the_triggers(book: Book, session: t.Any) -> None:
    book.customer(entries=2)

    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        session.execute(sa.delete(models.LedgerEntry))
    session.rollback()
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        session.execute(sa.update(models.LedgerEntry).values(type="x"))
    session.rollback()


def test_a_missing_or_disabled_trigger_is_named(book: Book) -> None:
    engine = book.state.db.engine
    with engine.begin() as connection:
        assert missing_triggers(connection) == ()
        if connection.dialect.name == "sqlite":
            connection.execute(sa.text("DROP TRIGGER accrue_events_no_delete"))
            assert missing_triggers(connection) == ("accrue_events_no_delete",)
        else:
            connection.execute(
                sa.text("ALTER TABLE accrue_events DISABLE TRIGGER accrue_events_immutable")
            )
            assert missing_triggers(connection) == ("accrue_events_immutable",)
