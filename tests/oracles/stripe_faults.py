"""Faults on demand: other answers, delays, resets, and requests that wait to be let through."""

from __future__ import annotations

import dataclasses
import re
import threading
from typing import TYPE_CHECKING, Any

from tests.oracles.stripe_errors import usual_failure

if TYPE_CHECKING:
    from types import TracebackType

Json = dict[str, Any]

LONGEST_HOLD = 60.0  # seconds; a test that forgets to release must end some time


class Hold:
    """A request that waits at the server until the test lets it go on.

    Use it as a context manager; leaving the block releases the request.
    """

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._released = threading.Event()

    def wait_for_arrival(self, timeout: float = 10.0) -> None:
        """Return once a request is being held.

        :raises TimeoutError: when none has come within the seconds given.
        """
        if not self.arrived.wait(timeout):
            raise TimeoutError(f"No request that was to be held has come in {timeout} s.")

    def release(self) -> None:
        """Let the request, and those that come after it, go on."""
        self._released.set()

    def pause(self) -> None:
        """Wait, in the server's thread, for the release."""
        self.arrived.set()
        self._released.wait(LONGEST_HOLD)

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


@dataclasses.dataclass
class Fault:
    """What happens to a request besides what it asks for.

    :param method: the verb it strikes, in capitals; None strikes all.
    :param path: a regular expression, searched in the request's path.
    :param times: how many requests it strikes.
    :param status: answered instead of the true status, with ``body`` and ``headers``.
    :param body: JSON, or a text that is sent as it is, as proxies send theirs.
    :param headers: added to the answer; one that the server sets itself is replaced.
    :param delay: real seconds to wait.
    :param hold: waits until it is released.
    :param reset: the connection is reset instead of answered.
    :param acts: the server does what was asked, and saves the answer under the idempotency key,
        before the fault strikes; otherwise the fault strikes first.
    :param remembered: a status that the API itself answered, so that the parameters are checked
        first and the idempotency key repeats it: a decline is one, an outage isn't.
    :raises ValueError: for a path that is no regular expression.
    """

    method: str | None = None
    path: str = ""
    times: int = 1
    status: int | None = None
    body: Json | str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    delay: float = 0.0
    hold: Hold | None = None
    reset: bool = False
    acts: bool = False
    remembered: bool | None = None

    def __post_init__(self) -> None:
        if self.method is not None:
            self.method = self.method.upper()
        if self.status is None and self.body is not None:
            self.status = 200
        if self.status is not None and self.body is None:
            self.body = usual_failure(self.status)
        if self.remembered is None:
            self.remembered = self.status == 402
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"A path is a regular expression; {self.path!r}: {error}.") from error

    @classmethod
    def from_json(cls, asked: Json) -> Fault:
        """Return the fault that the control plane was asked for; with nothing said, a 500.

        :raises ValueError: for a field that faults don't have.
        """
        known = {field.name for field in dataclasses.fields(cls)} - {"hold"}
        if not asked.keys() <= known:
            raise ValueError(f"A fault has {sorted(known)}; unknown: {sorted({*asked} - known)}.")
        if asked.keys() <= {"method", "path", "times", "headers", "acts"}:
            return cls(status=500, **asked)
        return cls(**asked)

    def strikes(self, method: str, path: str) -> bool:
        """Tell whether it is meant for a request."""
        return self.method in (None, method) and re.search(self.path, path) is not None

    @property
    def precedes_the_api(self) -> bool:
        """Whether the request never reaches the API: a reset or an outage before it acts."""
        return not self.acts and (self.reset or (self.status is not None and not self.remembered))

    def wait(self, closing: threading.Event) -> None:
        """Wait as long as it says, or until the server closes."""
        if self.hold is not None:
            self.hold.pause()
        if self.delay:
            closing.wait(self.delay)


class FaultQueue:
    """The faults that are still to strike, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def reset(self) -> None:
        """Forget all faults and let go what they hold."""
        with self._lock:
            for fault in self._faults:
                if fault.hold is not None:
                    fault.hold.release()
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault:
        """Return the first fault that strikes a request; one without effect if there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.strikes(method, path):
                    fault.times -= 1
                    return fault
        return Fault()
