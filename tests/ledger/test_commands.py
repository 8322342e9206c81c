"""``flask accrue ledger``, as an operator and as a program see it."""

from __future__ import annotations

import json
import typing as t

from flask_accrue.ids import new_id

if t.TYPE_CHECKING:
    from pathlib import Path

    import flask
    from click.testing import Result

    from tests.ledger.conftest import Book


def run(app: flask.Flask, *arguments: str) -> Result:
    result = app.test_cli_runner().invoke(args=["ledger", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_verify_says_that_all_is_well(app: flask.Flask, book: Book) -> None:
    book.customer(entries=3)
    result = run(app, "verify")

    assert result.exit_code == 0
    assert "intact: 3 entries in 17 chains and 0 checkpoints" in result.output


def test_verify_names_what_is_wrong_and_exits_with_1(app: flask.Flask, book: Book) -> None:
    chain = book.customer(entries=3).chain
    entry = book.entry(chain, 2)
    with book.superuser() as superuser:
        superuser("UPDATE accrue_events SET type = 'x' WHERE id = :id", id=entry.id)

    result = run(app, "verify")
    assert result.exit_code == 1
    assert f"{chain} entry 2 (id {entry.id}): edited: it isn't what was signed" in result.output
    assert "BROKEN, 1 finding:" in result.output

    result = run(app, "verify", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["intact"] is False
    (finding,) = told["findings"]
    assert finding == {
        "kind": "edited",
        "reason": finding["reason"],
        "chain": chain,
        "sequence": 2,
        "entry_id": entry.id,
    }


def test_verify_shows_so_many_findings_and_counts_the_rest(app: flask.Flask, book: Book) -> None:
    book.customer(entries=60)
    with book.superuser() as superuser:
        superuser("UPDATE accrue_events SET type = 'x'")

    output = run(app, "verify").output
    assert output.count(": edited: ") == 50
    assert "… and 10 more" in output
    assert len(json.loads(run(app, "verify", "--json").output)["findings"]) == 60


def test_checkpoint_and_verify_against_its_file(
    app: flask.Flask, book: Book, tmp_path: Path
) -> None:
    chain = book.customer(entries=3).chain
    file = tmp_path / "heads.jsonl"

    result = run(app, "checkpoint", "--out", str(file))
    assert result.exit_code == 0
    assert "Checkpoint 1 signs 1 head." in result.output
    assert f"Wrote 1 head to {file}" in result.output
    assert "No head has changed" in run(app, "checkpoint").output
    assert run(app, "verify", "--against", str(file)).exit_code == 0

    with book.superuser() as superuser:
        superuser("DELETE FROM accrue_events WHERE sequence = 3")
        superuser("DELETE FROM accrue_ledger_checkpoints")
        superuser(
            "UPDATE accrue_ledger_chains SET checkpointed = 0, sequence = 2, hash = "
            "(SELECT hash FROM accrue_events WHERE sequence = 2) WHERE chain = :c",
            c=chain,
        )
    assert run(app, "verify").exit_code == 0
    result = run(app, "verify", "--against", str(file))
    assert result.exit_code == 1
    assert f"{chain} entry 3: truncated: missing: {file} signed entry 3" in result.output
    assert "checkpoint 1: checkpoint: " in result.output


def test_checkpoint_speaks_json(app: flask.Flask, book: Book, tmp_path: Path) -> None:
    book.customer()
    told = json.loads(run(app, "checkpoint", "--json", "--out", str(tmp_path / "heads")).output)

    assert told == {"checkpoints": [{"number": 1, "heads": 1}], "exported_heads": 1}


def test_checkpoint_writes_to_standard_output_nothing_but_the_file(
    app: flask.Flask, book: Book, tmp_path: Path
) -> None:
    book.customer()
    file = tmp_path / "heads.jsonl"
    result = run(app, "checkpoint", "--out", "-")
    file.write_text(result.stdout)

    assert len(result.stdout.splitlines()) == 3
    assert "Checkpoint 1 signs 1 head." in result.stderr
    assert run(app, "verify", "--against", str(file)).exit_code == 0


def test_a_file_that_cannot_be_compared_with_exits_with_2(
    app: flask.Flask, book: Book, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("something else\n")

    result = run(app, "verify", "--against", str(other))
    assert result.exit_code == 2
    assert "can't be compared with" in result.stderr
    assert run(app, "verify", "--against", str(tmp_path / "none")).exit_code == 2


def test_timeline(app: flask.Flask, book: Book) -> None:
    customer = book.customer(entries=2)
    subscription = new_id()
    book.record(customer, type="subscription.created", subject=("subscription", subscription))

    lines = run(app, "timeline", "customer", str(customer.id)).output.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("2026-01-01 12:00:00+00:00  #")
    assert lines[0].endswith("customer.created  by user 7")
    lines = run(app, "timeline", "customer", str(customer.id), "--all").output.splitlines()
    assert f"subscription.created subscription {subscription}  by user 7" in lines[2]
    told = json.loads(run(app, "timeline", "subscription", str(subscription), "--json").output)
    assert [(entry["type"], entry["sequence"]) for entry in told] == [("subscription.created", 3)]
    assert told[0]["recorded_at"] == "2026-01-01T12:00:02.123456+00:00"


def test_timeline_of_what_nobody_knows(app: flask.Flask, book: Book) -> None:
    result = run(app, "timeline", "invoice", "in_1")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "knows of no invoice in_1" in result.stderr
    assert run(app, "timeline", "invoice", "in_1", "--all").exit_code == 2
    assert json.loads(run(app, "timeline", "invoice", "in_1", "--json").output) == []


def test_state(app: flask.Flask, book: Book) -> None:
    customer = book.customer(entries=2)
    name = str(customer.id)

    told = json.loads(run(app, "state", "customer", name).output)
    assert told["customer"] == {"id": name, "name": "Acme", "number": 1}
    told = json.loads(run(app, "state", "customer", name, "--at", "2026-01-01T12:00:01Z").output)
    assert told["customer"]["number"] == 0
    result = run(app, "state", "customer", name, "--at", "2025-12-31T12:00Z")
    assert result.exit_code == 1
    assert f"There was no customer {name} at 2025-12-31" in result.stderr
    for wrong in ("yesterday", "2026-01-01T12:00", "2026-13-01"):
        result = run(app, "state", "customer", name, "--at", wrong)
        assert result.exit_code == 2
        assert "ISO 8601 time with a zone" in result.stderr
