"""Whatever is wrong with a command: a line that says what, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.host import create_host

if TYPE_CHECKING:
    from tests.cli.conftest import Run

WRONG = {
    "nosuch": (2, "No such command 'nosuch'."),
    "db upgrade nosuch": (1, "Can't locate revision identified by 'nosuch'"),
    "db downgrade nosuch --yes": (1, "Can't locate revision identified by 'nosuch'"),
    "db downgrade": (2, "Missing argument 'REVISION'."),
    "webhooks list --limit -1": (2, "-1 is not in the range x>=1."),
    "webhooks list --since yesterday": (2, "'yesterday' does not match the formats"),
    "webhooks list --state lost": (2, "'lost' is not one of"),
    "webhooks show": (2, "Missing argument 'ID'."),
    "webhooks show evt_none": (1, "No event has the id 'evt_none'."),
    "webhooks replay evt_none": (1, "No event has the id 'evt_none'."),
    "webhooks prune --all": (2, "No such option '--all'."),
    "operations list --limit 0": (2, "0 is not in the range x>=1."),
    "ledger timeline customer": (2, "Missing argument 'ID'."),
    "ledger timeline subscription x --all": (2, "--all goes with a customer."),
    "ledger state customer x --at yesterday": (2, "'yesterday' is no ISO 8601 time with a zone"),
    "ledger verify --against /nowhere/heads": (2, "File '/nowhere/heads' does not exist."),
    "ledger checkpoint --out /nowhere/heads": (1, "Could not open file '/nowhere/heads'"),
    "worker": (1, "There is no Redis: set ACCRUE_REDIS_URL"),
    "scheduler": (1, "There is no Redis: set ACCRUE_REDIS_URL"),
    "tick now": (2, "Got unexpected extra argument (now)"),
    "fake advance": (2, "Missing argument 'BY'."),
    "fake advance yesterday": (2, "'yesterday' is neither a span such as 14d nor a time such as"),
    "fake advance 14x": (2, "'14x' is neither a span such as 14d nor a time such as"),
    "fake advance 2001-01-01": (1, "it can't go back to 2001-01-01"),
    "fake advance 99999999999w": (1, "No calendar goes as far as 99999999999w."),
    "fake advance 90000000w": (1, "No calendar goes as far as 90000000w."),
    "fake event evt_none": (1, "The Fake has no event 'evt_none'."),
}


@pytest.mark.only("sqlite")
def test_a_wrong_command_is_refused_in_a_line(run: Run) -> None:
    for command, (exit_code, sentence) in WRONG.items():
        result = run(*command.split(), exit_code=exit_code)
        last = result.stderr.splitlines()[-1]
        assert last.startswith("Error: "), command
        assert sentence in last, command


@pytest.mark.parametrize(
    "command",
    ["webhooks list", "webhooks show x", "operations list", "ledger timeline customer x"],
)
def test_a_database_without_tables_is_told_in_a_line_that_names_the_doctor(
    empty_database_url: str, command: str
) -> None:
    app, db, _ = create_host(empty_database_url)
    result = app.test_cli_runner().invoke(args=["accrue", *command.split()])
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: The database refused: ")
    assert line.endswith("`flask accrue doctor` looks for the cause.")
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.mark.only("sqlite")
def test_a_file_that_cannot_be_written_is_told_in_a_line(run: Run, tmp_path: Path) -> None:
    result = run("ledger", "checkpoint", "--out", str(tmp_path), exit_code=1)
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.only("sqlite")
def test_a_reader_that_has_read_enough_is_no_error(database_url: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    # As `head` does: nobody reads any more by the time that the command writes.
    os.close(reading)
    told = {"url": database_url, "store": str(tmp_path / "fake.sqlite"), "moment": None}
    with os.fdopen(writing, "w") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "tests.faults.victim", "accrue", "doctor"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "VICTIM": json.dumps(told)},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "")
