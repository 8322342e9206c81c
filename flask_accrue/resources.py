"""Where the files that aren't Python are: pages, assets and migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def folder(name: Literal["templates", "static", "migrations"]) -> Path:
    """Return the absolute path of one of the folders that ship with the package.

    They stand at the top of a checkout and are mapped into the package when a wheel is built, so
    there are two places to look: beside this file, and one level up.

    :raises FileNotFoundError: when neither is there, as after a broken installation.
    """
    package = Path(__file__).resolve().parent
    installed, checked_out = package / name, package.parent / name
    for place in (installed, checked_out):
        # The marker keeps a stray folder of the same name beside the package from being taken.
        if (place / "__init__.py").is_file():
            return place
    raise FileNotFoundError(
        f"Flask-Accrue's {name!r} folder is missing: it is neither at {installed} nor at "
        f"{checked_out}. Install the package again (pip install --force-reinstall Flask-Accrue)."
    )
