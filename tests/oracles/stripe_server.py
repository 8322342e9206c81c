"""A strict stand-in for Stripe's v1 API, to run the real SDK against.

Every request is matched to an operation of the contract that the installed SDK implies, and its
parameters are checked: what Stripe would refuse is refused, in Stripe's words. Valid requests are
answered with an object that carries the submitted values, and what was created can be read,
listed, searched, changed and deleted. Amounts, proration and invoices are not computed and no
events are sent; that is the Fake's part.

    python -m tests.oracles.stripe_server --port 12400 --log requests.jsonl

Other processes drive it through its control plane, which asks for no key:

==== ======================== ====================================================================
POST ``/_control/reset``      forget objects, keys, faults, requests; real time again
POST ``/_control/answer``     a fault, with the fields of :class:`~.stripe_faults.Fault`
POST ``/_control/object``     prime an object, or a list of them (``Stripe-Account`` is heeded)
POST ``/_control/clock``      ``{"at": seconds or null, "ticking": false}``
GET  ``/_control/requests``   the requests so far
GET  ``/_control/objects``    the objects of each account
==== ======================== ====================================================================
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import itertools
import json
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.oracles.http_listener import ConnectionDropped, HttpListener, stay
from tests.oracles.server_clock import ServerClock
from tests.oracles.stripe_backend import Backend
from tests.oracles.stripe_contract import Contract, installed_contract
from tests.oracles.stripe_errors import StripeError
from tests.oracles.stripe_faults import Fault, FaultQueue, Hold
from tests.oracles.stripe_http import StripeHandler
from tests.oracles.stripe_idempotency import IdempotencyKeys
from tests.oracles.stripe_pipeline import Answer, RecordedRequest, RequestPipeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

Json = dict[str, Any]

LOGGED_HEADERS = (
    "Content-Type",
    "Idempotency-Key",
    "Stripe-Account",
    "Stripe-Version",
    "User-Agent",
)


class ContractServer:
    """A running server. Made by :func:`start_contract_server`."""

    def __init__(
        self,
        contract: Contract,
        *,
        port: int = 0,
        strict_ids: bool = True,
        strict_version: bool = True,
        search_lag: float = 0.0,
        log: Path | None = None,
    ) -> None:
        self.contract = contract
        self.clock = ServerClock()
        self.backend = Backend(contract, self.clock, strict_ids=strict_ids, search_lag=search_lag)
        self._keys = IdempotencyKeys(self.clock)
        self._faults = FaultQueue()
        self._requests: list[RecordedRequest] = []
        self._request_numbers = itertools.count(1)
        self._closing = threading.Event()
        self._defects: list[Exception] = []
        self._pipeline = RequestPipeline(
            self.backend, self._keys, self._faults, self._closing, strict_version=strict_version
        )
        self._log = log.open("a", buffering=1, encoding="utf-8") if log else None
        self._listener = HttpListener(port, StripeHandler, self)
        self.url = self._listener.url

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, oldest first."""
        return list(self._requests)

    def requests_to(self, method: str, path: str) -> list[RecordedRequest]:
        """Return the requests with a verb whose whole path matches a regular expression."""
        wanted = re.compile(path)
        return [
            request
            for request in self.requests
            if request.method == method.upper() and wanted.fullmatch(request.path)
        ]

    def objects(self) -> dict[str, list[Json]]:
        """Return what is stored: the platform's objects, and those of each connected account."""
        with self.backend.lock:
            stores = self.backend.stores.items()
            return copy.deepcopy(
                {name or "platform": store.all_objects() for name, store in stores}
            )

    def reset(self) -> None:
        """Forget objects, keys, faults and requests, and go by real time again."""
        self._faults.reset()
        self._keys.reset()
        self.backend.reset()
        self.clock.set(None)
        self._requests.clear()

    def prime(self, obj: Json, account: str | None = None) -> None:
        """Store an object verbatim, in whatever version's shape: reading it returns exactly that.

        :raises ValueError: for something without a kind (``object``) and an id.
        """
        self.backend.prime(obj, account)

    def queue_answer(
        self,
        status: int = 500,
        body: Json | str | None = None,
        *,
        method: str | None = None,
        path: str = "",
        headers: dict[str, str] | None = None,
        times: int = 1,
        delay: float = 0.0,
        acts: bool = False,
        remembered: bool | None = None,
    ) -> None:
        """Answer the next request that fits with a status and a body of the test's choosing.

        Without a body it is what Stripe usually says with that status. The parameters are those of
        :class:`~.stripe_faults.Fault`.
        """
        self._faults.add(
            Fault(
                method=method,
                path=path,
                times=times,
                status=status,
                body=body,
                headers=headers or {},
                delay=delay,
                acts=acts,
                remembered=remembered,
            )
        )

    def queue_delay(
        self,
        seconds: float,
        *,
        method: str | None = None,
        path: str = "",
        times: int = 1,
        acts: bool = False,
    ) -> None:
        """Answer the next request that fits truly, but late; with ``acts`` it is late on its way
        back.
        """
        self._faults.add(Fault(method, path, times, delay=seconds, acts=acts))

    def queue_reset(
        self,
        *,
        method: str | None = None,
        path: str = "",
        times: int = 1,
        acts: bool = False,
    ) -> None:
        """Reset the connection of the next request that fits, with ``acts`` after it was done."""
        self._faults.add(Fault(method, path, times, reset=True, acts=acts))

    def queue_fault(self, asked: Json) -> None:
        """Queue a fault described as JSON, as the control plane is given it.

        :raises ValueError: for a field that faults don't have.
        """
        self._faults.add(Fault.from_json(asked))

    def hold(self, *, method: str | None = None, path: str = "", acts: bool = False) -> Hold:
        """Hold the next request that fits until the test releases it; with ``acts`` once done."""
        held = Hold()
        self._faults.add(Fault(method, path, hold=held, acts=acts))
        return held

    def close(self) -> None:
        """Stop, ending what is delayed or held.

        :raises RuntimeError: for a defect of this server that a request met.
        """
        self._closing.set()
        self._faults.reset()
        self._listener.close()
        if self._log:
            self._log.close()
        if self._defects:
            raise RuntimeError("The contract server failed.") from self._defects[0]

    def serve(self, method: str, path: str, query: str, body: bytes, headers: Message) -> Answer:
        """Answer a request to the API, and log it.

        :raises ConnectionDropped: when the connection is to be reset instead.
        """
        kept = {name: headers[name] for name in LOGGED_HEADERS if headers.get(name)}
        text = body.decode(errors="replace")
        request_id = f"req_mock{next(self._request_numbers):08d}"
        request = RecordedRequest(time.time(), method, path, query, text, kept, request_id)
        self._requests.append(request)
        try:
            answer = self._pipeline.answer(request, headers.get("Authorization") or "")
        except StripeError as error:
            answer = Answer(error.status, error.body)
        except ConnectionDropped:
            self._write_log(request)
            raise
        except Exception as error:  # noqa: BLE001 - reported here and again when the server closes
            self._defects.append(error)
            answer = Answer(500, {"error": {"type": "api_error", "message": f"{error!r}"}})
        answer.headers = {**self._usual_headers(request, answer.status), **answer.headers}
        request.status = answer.status
        if isinstance(answer.body, dict):
            request.error = answer.body.get("error")
            request.returned = (answer.body.get("object"), answer.body.get("id"))
        self._write_log(request)
        return answer

    def _usual_headers(self, request: RecordedRequest, status: int) -> dict[str, str]:
        usual = {
            "Request-Id": request.request_id,
            "Stripe-Version": request.headers.get("Stripe-Version", self.contract.version),
        }
        for name in ("Idempotency-Key", "Stripe-Account"):
            if name in request.headers:
                usual[name] = request.headers[name]
        if request.method == "POST" and 400 <= status < 500 and status != 429:
            usual["Stripe-Should-Retry"] = "true" if status == 409 else "false"
        return usual

    def _write_log(self, request: RecordedRequest) -> None:
        if self._log:
            self._log.write(json.dumps(request.as_json()) + "\n")


@contextlib.contextmanager
def start_contract_server(
    *,
    port: int = 0,
    strict_ids: bool = True,
    strict_version: bool = True,
    search_lag: float = 0.0,
    log: Path | None = None,
) -> Iterator[ContractServer]:
    """Run a contract server in threads of this process, until the block is left.

    :param port: 0 picks a free one.
    :param strict_ids: an id that nobody has is ``resource_missing``, and lists start empty;
        otherwise whatever is asked for comes into being.
    :param strict_version: refuse a ``Stripe-Version`` other than the installed SDK's, or none.
    :param search_lag: seconds of the server's time before a search finds a new object; Stripe's
        own takes up to a minute.
    :param log: a file to which each request is appended as one line of JSON.
    """
    server = ContractServer(
        installed_contract(),
        port=port,
        strict_ids=strict_ids,
        strict_version=strict_version,
        search_lag=search_lag,
        log=log,
    )
    try:
        yield server
    finally:
        server.close()


def main() -> None:
    """Run the server until it is interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=12400)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--any-id", action="store_true", help="unknown ids come into being")
    parser.add_argument("--any-version", action="store_true")
    given = parser.parse_args()
    with start_contract_server(
        port=given.port,
        strict_ids=not given.any_id,
        strict_version=not given.any_version,
        log=given.log,
    ) as server:
        stay(f"{server.url}  API {server.contract.version}")


if __name__ == "__main__":
    main()
