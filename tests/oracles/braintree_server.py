"""A small stand-in for the Braintree gateway: enough XML over HTTP for the real SDK.

    python -m tests.oracles.braintree_server --port 12500 --log requests.jsonl

It knows customers, cards by nonce, plans, subscriptions, transactions, searches and client tokens.
``POST /_control/plans`` (a JSON list) sets the plans, ``POST /_control/reset`` forgets everything,
``POST /_control/clock`` (``{"at": seconds or null}``) sets the time; each answers with the requests
so far. How the SDK finds it:

.. code-block:: python

    environment = braintree.Environment("local", "127.0.0.1", str(port), url, False, None)
    configuration = braintree.Configuration(environment, MERCHANT, PUBLIC_KEY, PRIVATE_KEY)

The port is text, and the scheme follows from it alone: https only for "443". The SDK heeds the
proxy variables of the environment, so ``no_proxy`` must name 127.0.0.1 where they are set.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.oracles.braintree_billing import Gateway, SearchPage
from tests.oracles.braintree_gateway import NotFound, Refused
from tests.oracles.braintree_xml import read_xml, to_xml
from tests.oracles.http_listener import HttpListener, QuietHandler, stay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

Row = dict[str, Any]

MERCHANT, PUBLIC_KEY, PRIVATE_KEY = "m1", "pub", "priv"
AUTHORIZATION = "Basic " + base64.b64encode(f"{PUBLIC_KEY}:{PRIVATE_KEY}".encode()).decode()


class BraintreeServer:
    """A running gateway. Made by :func:`start_braintree_server`."""

    def __init__(self, *, port: int = 0, log: Path | None = None) -> None:
        self.gateway = Gateway()
        self.requests: list[Row] = []
        self._log: TextIO | None = log.open("a", buffering=1, encoding="utf-8") if log else None
        self._listener = HttpListener(port, BraintreeHandler, self)
        self.url = self._listener.url

    @property
    def port(self) -> str:
        """The port as text, as the SDK wants it."""
        return self.url.rpartition(":")[2]

    def record(self, request: Row) -> None:
        self.requests.append(request)
        if self._log:
            self._log.write(json.dumps(request) + "\n")

    def reset(self) -> None:
        """Forget everything, requests included."""
        with self.gateway.lock:
            self.gateway.reset()
        self.requests.clear()

    def close(self) -> None:
        self._listener.close()
        if self._log:
            self._log.close()


class BraintreeHandler(QuietHandler):
    """Read a request, let the gateway answer it, and write the answer as XML."""

    server: HttpListener[BraintreeServer]

    def handle_request(self) -> None:
        body, service = self.read_body(), self.server.service
        if self.path.startswith("/_control/"):
            status, data = control(service, self.path.removeprefix("/_control/"), body)
            self.write(status, data, {"Content-Type": "application/json"})
            return
        status, answer = self.answer(body)
        service.record(
            {
                "at": time.time(),
                "method": self.command,
                "path": self.path,
                "body": body.decode(errors="replace"),
                "status": status,
                "api_version": self.headers.get("X-ApiVersion"),
                "user_agent": self.headers.get("User-Agent"),
            }
        )
        text = f'<?xml version="1.0" encoding="UTF-8"?>{answer}' if answer else ""
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        self.write(status, text.encode(), headers)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request  # noqa: N815 - http.server's

    def answer(self, body: bytes) -> tuple[int, str]:
        """Return status and XML for a request."""
        gateway = self.server.service.gateway
        found = re.fullmatch(rf"/merchants/{MERCHANT}/([^?]+)(?:\?.*)?", self.path)
        if self.headers.get("Authorization") != AUTHORIZATION:
            return 401, ""
        if found is None:
            return 404, ""
        try:
            with gateway.lock:
                result = gateway.route(self.command, found[1].rstrip("/"), read_xml(body))
                return 201 if self.command == "POST" else 200, written(result)
        except NotFound:
            return 404, ""
        except Refused as refusal:
            return 422, written(refusal.body)


def written(result: Row | SearchPage | None) -> str:
    """Return a result as XML."""
    if isinstance(result, SearchPage):
        name = result.name.replace("_", "-")
        rows = "".join(to_xml(result.row_name, row) for row in result.rows)
        return f'<{name} type="collection">{rows}</{name}>'
    return "".join(to_xml(name, value) for name, value in (result or {}).items())


def control(service: BraintreeServer, asked: str, body: bytes) -> tuple[int, bytes]:
    """Do what the control plane is asked for; return status and the requests so far."""
    match asked:
        case "reset":
            service.reset()
        case "plans":
            service.gateway.set_plans(json.loads(body))
        case "clock":
            service.gateway.clock.set(json.loads(body)["at"])
        case "requests":
            pass
        case _:
            return 404, b'{"error": "The control plane has no such thing."}'
    return 200, json.dumps(service.requests).encode()


@contextlib.contextmanager
def start_braintree_server(*, port: int = 0, log: Path | None = None) -> Iterator[BraintreeServer]:
    """Run a gateway in threads of this process, until the block is left."""
    server = BraintreeServer(port=port, log=log)
    try:
        yield server
    finally:
        server.close()


def main() -> None:
    """Run the gateway until it is interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=12500)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    with start_braintree_server(port=given.port, log=given.log) as server:
        stay(server.url)


if __name__ == "__main__":
    main()
