"""Which versions of Stripe's API are spoken and understood."""

from __future__ import annotations

import re
import typing as t

from stripe._api_version import _ApiVersion

#: The version of every call: the one that the installed SDK is made for. Not ``stripe.api_version``,
#: which is a setting that the host's own code may change.
PINNED: t.Final[str] = _ApiVersion.CURRENT

#: The oldest version whose bodies are read as they are.
OLDEST: t.Final = "2020-03-02"

_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.[a-z]+)?", re.ASCII)


def is_listed(version: str | None) -> bool:
    """Tell whether bodies of a version may be used: it's dated from :data:`OLDEST` to :data:`PINNED`.

    Previews aren't, whatever their date, because their shapes change without a new one.
    """
    found = _VERSION.fullmatch(version or "")
    if found is None or found[0].endswith(".preview"):
        return False
    return OLDEST <= found[1] <= PINNED[: len(OLDEST)]
