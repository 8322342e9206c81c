"""The next page comes while this one is written: half of a run would be waiting for one or the other."""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import contextvars
import typing as t

from ..processors import Page, Processor


class Ahead:
    """Asks for one page beforehand, in a thread that does nothing else and never touches the database.

    It asks once. What goes wrong is raised to whoever takes the page, and is theirs to try again.
    """

    def __init__(self) -> None:
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "accrue-sync")
        self._asked: tuple[tuple[str, str], concurrent.futures.Future[Page]] | None = None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def ask(self, gateway: Processor, kind: str, after: str) -> None:
        """Begin to ask for a page."""
        call: c.Callable[..., Page] = contextvars.copy_context().run
        future = self._thread.submit(call, gateway.page, kind, after=after)
        self._asked = (kind, after), future

    def take(self, kind: str, after: str | None) -> c.Callable[[], Page] | None:
        """Return what waits for a page, once; ``None`` when it wasn't asked for."""
        asked = self._asked
        if asked is None or asked[0] != (kind, after):
            return None
        self._asked = None
        return t.cast("c.Callable[[], Page]", asked[1].result)
