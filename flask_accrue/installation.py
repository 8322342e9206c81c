"""Which installation a customer is of, where several share one account at the processor.

Ids of owners begin at 1 in each database, so ``accrue_owner`` alone doesn't tell a staging system's customer
from a live one's.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from .state import current_state

#: The key of a customer's metadata at the processor that names the installation it's of.
INSTALLATION_KEY: t.Final = "accrue_installation"


def mark() -> dict[str, str]:
    """Return the metadata by which this app's customers are known; none without ``ACCRUE_INSTALLATION``."""
    name = current_state().settings.installation
    return {INSTALLATION_KEY: name} if name else {}


def reason_against(metadata: c.Mapping[str, str]) -> str | None:
    """Return why a customer with this metadata can't be of this app, or ``None``.

    One without a mark may be: it was made before there was one, or by hand.
    """
    name = metadata.get(INSTALLATION_KEY)
    if not name or name == current_state().settings.installation:
        return None
    return f"it's of another installation, called {name!r}"
