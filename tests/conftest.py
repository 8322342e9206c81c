"""What all tests share; ``flask_accrue.testing.plugin`` comes with the installed package."""

from __future__ import annotations

import gc

pytest_plugins = ["tests.services", "tests.databases", "tests.oracles.fixtures"]


def pytest_collection_finish() -> None:
    """Let garbage wait, and leave out what was imported: much of a run went into looking through that."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
