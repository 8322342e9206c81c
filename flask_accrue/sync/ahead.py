"""The next page comes while this one is written: half of a run would be waiting for one or the other."""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import contextvars

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
        context = contextvars.copy_context()
        future = self._thread.submit(context.run, lambda: gateway.page(kind, after=after))
        self._asked = (kind, after), future

    def page(self, gateway: Processor, kind: str, after: str | None) -> c.Callable[[], Page]:
        """Return what gives a page: the one that is on its way at first, later and otherwise a new one."""

        def give() -> Page:
            if self._asked is None or self._asked[0] != (kind, after):
                return gateway.page(kind, after=after)
            (_, future), self._asked = self._asked, None
            return future.result()

        return give
