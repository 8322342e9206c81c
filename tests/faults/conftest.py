from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.scene import Scene
from tests.host import app, kit, org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["app", "kit", "org"]


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    """Give a host with an organization and prices, whose work is done by calling it."""
    with Scene(database_url, str(tmp_path / "fake.sqlite")).open() as made:
        yield made


@pytest.fixture
def rq_scene(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    """Give a host with an organization and prices, whose work is done by RQ workers."""
    made = Scene(
        database_url,
        str(tmp_path / "fake.sqlite"),
        ACCRUE_REDIS_URL=redis_url,
        ACCRUE_WEBHOOK_SOURCE="fetch",
    )
    with made.open():
        yield made
