"""What of a processor runs in the customer's browser."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class InBrowser:
    """The processor's script, and what a page that has it must allow.

    :ivar key: the public key that the script is started with; ``None`` where it isn't configured.
    :ivar setting: the name of the setting that holds the key.
    :ivar script: the script's address.
    :ivar scripts: hosts that scripts may come from, besides our own.
    :ivar frames: hosts whose pages may be framed.
    :ivar connects: hosts that may be called.
    """

    key: str | None
    setting: str
    script: str
    scripts: tuple[str, ...]
    frames: tuple[str, ...]
    connects: tuple[str, ...]
