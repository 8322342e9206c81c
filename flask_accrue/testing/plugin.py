"""The pytest plugin: fixtures for hosts' tests."""

from __future__ import annotations

import collections.abc as c
import typing as t

import pytest

if t.TYPE_CHECKING:
    from flask import Flask

    from .kit import Kit


@pytest.fixture
def accrue_kit(app: Flask) -> c.Iterator[Kit]:
    """Give the testing kit of the host's ``app``, inside an app context, its clock standing still."""
    # Imported here, so that installing Accrue doesn't import it into every test run.
    from .kit import Kit

    with app.app_context():
        yield Kit(app)
