"""The SDK's way to the network, with an end to how long a call may take, its tries included."""

from __future__ import annotations

import collections.abc as c
import math
import threading
import time
import typing as t

import requests
import stripe

_Response: t.TypeAlias = tuple[t.Any, int, c.Mapping[str, str] | None]


class Transport(stripe.RequestsClient):
    """Sends a request, and again where the SDK says so, for so long and no longer.

    The SDK has a time-out of each try alone, so that three tries of 20 s keep a worker busy for a minute.
    A try gets what is left of the call's time, a quarter of it to connect and the rest to wait for an answer;
    so there is time for another try where nothing answers. Each thread has a connection pool of its own.

    What isn't bounded is an answer that comes byte by byte: a time-out is between two of them.

    :param longest: seconds that a call may take.
    :param delay: seconds before each further try; ``None`` leaves that to the SDK, which waits longer
        each time, from half a second to five.
    """

    def __init__(self, *, longest: float, delay: float | None) -> None:
        super().__init__(timeout=longest)
        self._longest = longest
        self._delay = delay
        self._call = _Call()

    def end_by(self, moment: float | None) -> None:
        """Let this thread's next call end by a moment of the monotonic clock, so that several share the time
        of one; the last of them has a tenth of it all the same."""
        self._call.limit = moment

    @property
    def tries(self) -> int:
        """How many tries this thread's last call took."""
        return self._call.tries

    def request_with_retries(self, *args: t.Any, **options: t.Any) -> t.Any:
        """Make a call."""
        now = time.monotonic()
        limit = math.inf if self._call.limit is None else self._call.limit
        self._call.tries = 0
        self._call.ends = min(now + self._longest, max(limit, now + self._longest / 10))
        return super().request_with_retries(*args, **options)

    def request(
        self,
        method: str,
        url: str,
        headers: c.Mapping[str, str] | None,
        post_data: t.Any = None,
        **_: t.Any,
    ) -> tuple[t.Any, int, c.Mapping[str, str]]:
        """Make one try.

        :raises stripe.APIConnectionError: when there is no answer.
        """
        self._call.tries += 1
        left = max(self._call.ends - time.monotonic(), 0.001)
        try:
            response = self._call.session.request(
                method,
                url,
                headers=dict(headers or {}),
                data=post_data,
                timeout=(left / 4, left * 3 / 4),
                verify=stripe.ca_bundle_path,
                # Stripe never redirects, and the key mustn't follow who does.
                allow_redirects=False,
            )
        except (OSError, RuntimeError, ValueError) as error:
            self._handle_request_error(error)
        return response.content, response.status_code, response.headers

    def _should_retry(
        self,
        response: _Response | None,
        api_connection_error: stripe.APIConnectionError | None,
        num_retries: int,
        max_network_retries: int | None,
    ) -> bool:
        ready = time.monotonic() + self._sleep_time_seconds(num_retries + 1)
        return ready < self._call.ends and super()._should_retry(
            response, api_connection_error, num_retries, max_network_retries
        )

    def _sleep_time_seconds(self, num_retries: int) -> float:
        if self._delay is not None:
            return self._delay
        return super()._sleep_time_seconds(num_retries)


class _Call(threading.local):
    """What a thread's call has come to."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.tries = 0
        self.ends = 0.0
        self.limit: float | None = None
