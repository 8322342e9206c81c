"""The first hour, as the page tells it: its files, its commands and their answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"```(\{code-block\} )?(\w+)\n(?::caption: (\S+)\n\n)?(.*?)```", re.DOTALL)


def test_the_first_hour_works_as_it_is_written(tmp_path: Path) -> None:
    ran: list[str] = []
    environment = {
        **os.environ,
        "FLASK_APP": "app",
        "FLASK_DEBUG": "1",
        "PYTHONPATH": str(tmp_path),
    }
    environment.pop("FLASK_RUN_FROM_CLI", None)
    for _, language, caption, text in FENCE.findall((DOCS / "first-hour.md").read_text()):
        if caption:
            (tmp_path / caption).write_text(text)
            ran.append(caption)
        elif language == "python":
            _run(tmp_path, environment, [sys.executable, "-c", f"from app import app\n{text}"])
            ran.append("python")
        elif language == "console":
            for command, answer in _commands(text):
                arguments = command.split()
                assert arguments[0] == "flask"
                out = _run(tmp_path, environment, [sys.executable, "-m", *arguments])
                assert re.search(_pattern(answer), out, re.DOTALL), f"{command} said:\n{out}"
                ran.append(command)
    assert ran == [
        "app.py",
        "flask accrue db upgrade",
        "flask prepare",
        "python",
        "flask accrue fake advance 32d",
        "flask accrue webhooks list --type invoice.paid",
        "flask accrue ledger verify",
        "flask accrue doctor",
    ]


def _run(folder: Path, environment: dict[str, str], command: list[str]) -> str:
    finished = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, f"{command} said:\n{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def _commands(text: str) -> list[tuple[str, str]]:
    """Split a console's text into commands and what they answer."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def _pattern(answer: str) -> str:
    """Return a pattern in which … stands for anything."""
    return ".*".join(re.escape(piece) for piece in answer.strip().split("…"))
