"""The command line of the small host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.host import app, kit, org

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result
    from flask import Flask

    Run = Callable[..., Result]

__all__ = ["app", "kit", "org"]


@pytest.fixture
def run(app: Flask) -> Run:
    """Give what runs ``flask accrue …`` and returns its result; what it raises is raised here."""

    def command(*arguments: str, exit_code: int = 0, **options: Any) -> Result:
        result = app.test_cli_runner().invoke(args=["accrue", *arguments], **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result

    return command
