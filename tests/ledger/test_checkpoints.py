"""Checkpoints in the database, and the file that is kept elsewhere."""

from __future__ import annotations

import json
import threading
import typing as t

import pytest
import sqlalchemy as sa

from flask_accrue import models
from flask_accrue.errors import InvalidState
from flask_accrue.ledger import (
    Finding,
    chain,
    checkpoint,
    export_heads,
    make_checkpoint,
    verify,
)
from flask_accrue.state import current_state
from tests.ledger.conftest import KEYS, Book, SetClock, make_app

if t.TYPE_CHECKING:
    from pathlib import Path

    import flask

    from flask_accrue.state import AccrueState


def found(against: Path | None = None) -> list[Finding]:
    return verify(against=against).findings


def export(path: Path) -> Path:
    with path.open("w", encoding="utf-8") as out:
        export_heads(out)
    return path


# -- making them ------------------------------------------------------------------------------------


def test_a_checkpoint_signs_the_heads_that_changed(book: Book) -> None:
    first, second = book.customer(entries=2), book.customer(entries=3)
    (one,) = make_checkpoint()
    assert {name: head[0] for name, head in one.heads.items()} == {first.chain: 2, second.chain: 3}
    assert (one.number, one.previous_hash) == (1, "")

    book.record(second)
    third = book.customer()
    (two,) = make_checkpoint()

    assert {name: head[0] for name, head in two.heads.items()} == {second.chain: 4, third.chain: 1}
    assert two.heads[third.chain][1] == book.entry(third.chain, 1).hash
    assert (two.number, two.previous_hash) == (2, one.hash)
    assert two.recorded_at == book.clock.now()
    assert found() == []


def test_nothing_new_makes_no_checkpoint(book: Book) -> None:
    assert make_checkpoint() == []
    book.customer()
    assert len(make_checkpoint()) == 1
    assert make_checkpoint() == []


def test_many_heads_take_several_checkpoints(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "HEADS", 2)
    names = {book.customer().chain for _ in range(5)}

    made = make_checkpoint()

    assert [len(each.heads) for each in made] == [2, 2, 1]
    assert {name for each in made for name in each.heads} == names
    assert found() == []


def test_a_checkpoint_that_fails_leaves_no_mark(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = book.customer(entries=2).chain

    def fail(*arguments: t.Any) -> t.Any:
        raise RuntimeError("no key at hand")

    with monkeypatch.context() as broken:
        broken.setattr(chain, "sign", fail)
        with pytest.raises(RuntimeError, match="no key"):
            make_checkpoint()

    (checkpoint,) = make_checkpoint()
    assert list(checkpoint.heads) == [name]


@pytest.mark.only("postgresql")
def test_a_chain_that_is_being_written_is_not_waited_for(book: Book, state: AccrueState) -> None:
    busy, idle = book.customer(), book.customer()
    busy_chain, idle_chain = busy.chain, idle.chain
    state.db.session.rollback()
    with state.db.engine.begin() as connection:
        connection.execute(
            sa.text("SELECT 1 FROM accrue_ledger_chains WHERE chain = :c FOR UPDATE"),
            {"c": busy_chain},
        )
        # Who waits all the same is told so, instead of waiting for this very test.
        state.db.session.execute(sa.text("SET lock_timeout = '3s'"))
        state.db.session.commit()
        (one,) = make_checkpoint()
        assert list(one.heads) == [idle_chain]
        state.db.session.rollback()
    (two,) = make_checkpoint()

    assert list(two.heads) == [busy_chain]
    assert found() == []


def test_checkpoints_made_at_once_stay_one_chain(
    app: flask.Flask, book: Book, database_url: str
) -> None:
    customers = [book.customer().id for _ in range(4)]
    book.state.db.session.remove()
    start = threading.Barrier(len(customers))
    failures: list[BaseException] = []

    def work(customer_id: t.Any) -> None:
        try:
            with app.app_context():
                start.wait()
                for _ in range(5):
                    book.record(book.state.db.session.get_one(models.Customer, customer_id))
                    make_checkpoint()
                book.state.db.session.remove()
        except BaseException as error:  # noqa: BLE001 - a thread's failure has to reach the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(customer,)) for customer in customers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    make_checkpoint()

    assert failures == []
    numbers = [row[0] for row in book.sql("SELECT number FROM accrue_ledger_checkpoints")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    signed: dict[str, int] = {}
    for each in book.state.db.session.scalars(sa.select(models.LedgerCheckpoint)):
        for name, (sequence, _) in each.heads.items():
            signed[name] = max(signed.get(name, 0), sequence)
    assert signed == {f"customer:{customer}": 6 for customer in customers}
    assert found() == []


def test_verifying_while_others_write_finds_nothing(app: flask.Flask, book: Book) -> None:
    customers = [book.customer().id for _ in range(2)]
    book.state.db.session.remove()
    failures: list[BaseException] = []

    def work(customer_id: t.Any) -> None:
        try:
            with app.app_context():
                for _ in range(25):
                    book.record(book.state.db.session.get_one(models.Customer, customer_id))
                    make_checkpoint()
                    book.customer()
                book.state.db.session.remove()
        except BaseException as error:  # noqa: BLE001 - a thread's failure has to reach the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(customer,)) for customer in customers]
    for thread in threads:
        thread.start()
    reports = []
    while any(thread.is_alive() for thread in threads):
        reports.append(verify())
    for thread in threads:
        thread.join()

    assert failures == []
    assert [finding for report in reports for finding in report.findings] == []
    assert verify().entries == 2 + 2 * 25 * 2


# -- tampering with them ----------------------------------------------------------------------------


@pytest.fixture
def checkpoints(book: Book) -> list[str]:
    """Make four checkpoints over two chains, and return the chains."""
    first, second = book.customer(entries=2), book.customer()
    for customer in (first, second, first, second):
        book.record(customer)
        make_checkpoint()
    assert found() == []
    return [first.chain, second.chain]


@pytest.mark.parametrize(
    "change",
    [
        "heads = '{}'",
        "recorded_at = '2026-01-01 00:00:00.000000'",
        "key_id = 'k0'",
        "previous_hash = 'f'",
        "hash = 'f'",
        "heads = '[]'",
    ],
)
def test_an_edited_checkpoint_is_named(book: Book, checkpoints: list[str], change: str) -> None:
    with book.superuser() as run:
        run(f"UPDATE accrue_ledger_checkpoints SET {change} WHERE number = 2")

    (finding,) = found()
    assert (finding.kind, finding.checkpoint) == ("checkpoint", 2)
    assert str(finding).startswith("checkpoint 2: checkpoint: it isn't what was signed")


def test_a_deleted_checkpoint_is_named(book: Book, checkpoints: list[str]) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_ledger_checkpoints WHERE number IN (1, 3)")

    assert [(f.kind, f.checkpoint) for f in found()] == [("checkpoint", 1), ("checkpoint", 3)]


def test_checkpoints_that_changed_places_are_named(book: Book, checkpoints: list[str]) -> None:
    with book.superuser() as run:
        for old, new in ((2, 20), (3, 2), (20, 3)):
            run(
                "UPDATE accrue_ledger_checkpoints SET number = :new WHERE number = :old",
                old=old,
                new=new,
            )

    assert {(f.kind, f.checkpoint) for f in found()} == {("checkpoint", 2), ("checkpoint", 3)}


def test_a_checkpoint_that_was_made_up_is_named(book: Book, checkpoints: list[str]) -> None:
    with book.superuser() as run:
        run(
            "INSERT INTO accrue_ledger_checkpoints "
            "(number, recorded_at, heads, key_id, previous_hash, hash) "
            "SELECT 5, recorded_at, heads, key_id, hash, hash FROM accrue_ledger_checkpoints "
            "WHERE number = 4"
        )

    assert [(f.kind, f.checkpoint) for f in found()] == [("checkpoint", 5)]


def test_a_checkpoint_that_was_put_back_after_another_is_named(
    book: Book, checkpoints: list[str]
) -> None:
    """Each of them is genuine, and the second never followed the first."""
    with book.superuser() as run:
        run("CREATE TABLE kept AS SELECT * FROM accrue_ledger_checkpoints WHERE number = 4")
        run("DELETE FROM accrue_ledger_checkpoints WHERE number > 2")
    book.customer()
    make_checkpoint()
    with book.superuser() as run:
        run("INSERT INTO accrue_ledger_checkpoints SELECT * FROM kept")
        run("DROP TABLE kept")

    (finding,) = found()
    assert (finding.kind, finding.checkpoint) == ("checkpoint", 4)
    assert "another one than the one before it" in finding.reason


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("change", ["heads = 'x'", "recorded_at = 'x'", "hash = x'ff'"])
def test_a_checkpoint_that_cannot_be_read_any_more_is_named(
    book: Book, checkpoints: list[str], change: str
) -> None:
    with book.superuser() as run:
        run(f"UPDATE accrue_ledger_checkpoints SET {change} WHERE number = 2")

    assert [(f.kind, f.checkpoint) for f in found()] == [("checkpoint", 2)]


def test_an_entry_is_held_against_each_checkpoint(book: Book, checkpoints: list[str]) -> None:
    name = checkpoints[0]
    with book.superuser() as run:
        run(
            "UPDATE accrue_events SET hash = :h WHERE chain = :c AND sequence = 3",
            h="f" * 64,
            c=name,
        )

    findings = found()
    assert ("edited", name, 3) in {(f.kind, f.chain, f.sequence) for f in findings}
    (rewritten,) = [f for f in findings if f.kind == "rewritten"]
    assert (rewritten.chain, rewritten.sequence, rewritten.checkpoint) == (name, 3, 1)


# -- keys -------------------------------------------------------------------------------------------


def close() -> None:
    """Let go of the database, so that it can be dropped."""
    db = current_state().db
    db.session.remove()
    db.engine.dispose()


def with_keys(database_url: str, *keys: str) -> flask.Flask:
    return make_app(database_url, ACCRUE_LEDGER_KEYS=list(keys))


def test_the_first_key_signs_and_all_verify(book: Book, database_url: str) -> None:
    customer_id = book.customer(entries=2).id
    make_checkpoint()
    newer = "k2:" + "WFla" * 11
    with with_keys(database_url, newer, *KEYS).app_context():
        state = current_state()
        rotated = Book(state, SetClock())
        rotated.record(state.db.session.get_one(models.Customer, customer_id))
        make_checkpoint()
        rows = rotated.sql("SELECT key_id FROM accrue_events ORDER BY id")
        assert [row[0] for row in rows] == ["k1", "k1", "k2"]
        assert found() == []
        close()
    # The app that hasn't heard of the new key can't say anything of what it signed.
    assert [(f.kind, f.sequence, f.checkpoint) for f in found()] == [
        ("unknown_key", 3, None),
        ("unknown_key", None, 2),
    ]
    assert "'k2'" in found()[0].reason


def test_a_key_of_that_id_with_another_secret_verifies_nothing(
    book: Book, database_url: str
) -> None:
    book.customer(entries=2)
    with with_keys(database_url, "k1:" + "WFla" * 11).app_context():
        assert {f.kind for f in found()} == {"edited"}
        close()


def test_an_entry_signed_anew_with_a_key_of_ones_own_is_named(book: Book) -> None:
    name = book.customer(entries=3).chain
    with book.superuser() as run:
        run("UPDATE accrue_events SET key_id = 'mine' WHERE chain = :c AND sequence = 2", c=name)

    assert [(f.kind, f.sequence) for f in found()] == [("unknown_key", 2)]


# -- the file ---------------------------------------------------------------------------------------


def reset_checkpoints(book: Book) -> None:
    """Do what hides it all: no checkpoints, and no head that knows of one."""
    with book.superuser() as run:
        run("DELETE FROM accrue_ledger_checkpoints")
        run("UPDATE accrue_ledger_chains SET checkpointed = 0")


def rewind(book: Book, name: str, left: int) -> None:
    with book.superuser() as run:
        run("DELETE FROM accrue_events WHERE chain = :c AND sequence > :s", c=name, s=left)
        run(
            "UPDATE accrue_ledger_chains SET sequence = :s, hash = coalesce((SELECT hash FROM "
            "accrue_events WHERE chain = :c AND sequence = :s), '') WHERE chain = :c",
            c=name,
            s=left,
        )


@pytest.fixture
def kept(book: Book, checkpoints: list[str], tmp_path: Path) -> Path:
    """Give a file that was exported when the chains had four and three entries."""
    return export(tmp_path / "kept.jsonl")


def test_an_intact_ledger_agrees_with_a_kept_file_also_later(
    book: Book, checkpoints: list[str], kept: Path
) -> None:
    assert found(kept) == []
    book.customer(entries=3)
    make_checkpoint()

    assert found(kept) == []


def test_the_file_has_the_heads_of_all_chains(
    book: Book, checkpoints: list[str], kept: Path
) -> None:
    book.customer()
    (third,) = make_checkpoint()
    (opening, *heads, closing) = map(
        json.loads, export(kept.with_name("later")).read_text().splitlines()
    )

    assert opening["checkpoint"] == [5, third.hash]
    assert [name for name, *_ in heads][:2] == sorted(checkpoints)
    assert closing["heads"] == len(heads) == 3


def test_a_tail_that_left_no_trace_is_named_by_the_file(
    book: Book, checkpoints: list[str], kept: Path
) -> None:
    name = checkpoints[0]
    rewind(book, name, left=2)
    reset_checkpoints(book)
    assert found() == []

    findings = found(kept)

    truncated = [f for f in findings if f.kind == "truncated"]
    assert [(f.chain, f.sequence, f.last_sequence) for f in truncated] == [(name, 3, 4)]
    (missing,) = [f for f in findings if f.kind == "checkpoint"]
    assert missing.checkpoint == 4
    assert "it's missing" in missing.reason


def test_a_chain_that_left_no_trace_is_named_by_the_file(
    book: Book, checkpoints: list[str], kept: Path
) -> None:
    name = checkpoints[1]
    with book.superuser() as run:
        run(
            "DELETE FROM accrue_customers "
            "WHERE id = (SELECT customer_id FROM accrue_ledger_chains WHERE chain = :c)",
            c=name,
        )
        run("DELETE FROM accrue_events WHERE chain = :c", c=name)
        run("DELETE FROM accrue_ledger_chains WHERE chain = :c", c=name)
    reset_checkpoints(book)
    assert found() == []

    (truncated,) = [f for f in found(kept) if f.kind == "truncated"]
    assert (truncated.chain, truncated.sequence, truncated.last_sequence) == (name, 1, 3)


def test_what_somebody_with_the_key_wrote_anew_is_named_by_the_file(
    book: Book, checkpoints: list[str], kept: Path, session: t.Any
) -> None:
    """Entries, heads and checkpoints are all signed, and none of them is what it was."""
    name = checkpoints[0]
    key = book.state.ledger_keys[0]
    before = ""
    with book.superuser() as run:
        for entry in session.scalars(
            sa.select(models.LedgerEntry).filter_by(chain=name).order_by("sequence")
        ).all():
            content = chain.entry_content(entry)
            content["actor_id"] = "somebody else"
            content["previous_hash"] = before
            before = chain.sign(content, key)
            run(
                "UPDATE accrue_events SET actor_id = :a, previous_hash = :p, hash = :h "
                "WHERE id = :id",
                a=content["actor_id"],
                p=content["previous_hash"],
                h=before,
                id=entry.id,
            )
        run("UPDATE accrue_ledger_chains SET hash = :h WHERE chain = :c", h=before, c=name)
    session.rollback()
    assert [f.kind for f in found()] == ["rewritten", "rewritten"]
    reset_checkpoints(book)
    for _ in range(4):
        make_checkpoint()
    assert found() == []

    findings = found(kept)

    (rewritten,) = [f for f in findings if f.kind == "rewritten"]
    assert (rewritten.chain, rewritten.sequence) == (name, 4)
    assert str(kept) in rewritten.reason
    assert [f.checkpoint for f in findings if f.kind == "checkpoint"] == [4]


def test_a_checkpoint_that_was_made_anew_is_named_by_the_file(
    book: Book, checkpoints: list[str], kept: Path
) -> None:
    reset_checkpoints(book)
    for _ in range(4):
        book.customer()
        make_checkpoint()
    assert found() == []

    (finding,) = found(kept)
    assert (finding.kind, finding.checkpoint) == ("checkpoint", 4)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [*lines, lines[1]],
        lambda lines: [line.replace(",4,", ",5,") for line in lines],
        lambda lines: [line.replace("k1", "k0") for line in lines],
        lambda lines: [line.replace("k1", "k9") for line in lines],
        lambda lines: [line.replace('"heads":2', '"heads":3') for line in lines],
        lambda lines: [],
        lambda lines: ["[]"],
        lambda lines: ["not a ledger's file"],
        lambda lines: ["[" * 100_000],
        lambda lines: ["\udcff"],
    ],
)
@pytest.mark.only("sqlite")
def test_a_file_that_is_not_as_it_was_written_is_refused(
    book: Book, checkpoints: list[str], kept: Path, spoil: t.Any
) -> None:
    spoiled = spoil(kept.read_text().splitlines())
    kept.write_text("\n".join(spoiled) + "\n", errors="surrogateescape")

    with pytest.raises(InvalidState, match="can't be compared with") as caught:
        verify(against=kept)
    assert caught.value.code == "export_invalid"


def test_a_file_signed_with_a_key_that_was_rotated_out_still_counts(
    book: Book, checkpoints: list[str], kept: Path, database_url: str
) -> None:
    with with_keys(database_url, "k2:" + "WFla" * 11, *KEYS).app_context():
        assert found(kept) == []
        close()
