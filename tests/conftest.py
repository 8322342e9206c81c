"""What all tests share; ``flask_accrue.testing.plugin`` comes with the installed package."""

from __future__ import annotations

pytest_plugins = ["tests.services", "tests.databases", "tests.oracles.fixtures"]
