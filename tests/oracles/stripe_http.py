"""The HTTP side of the contract server: requests, headers and the control plane."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.oracles.http_listener import ConnectionDropped, HttpListener, QuietHandler

if TYPE_CHECKING:
    from email.message import Message

    from tests.oracles.stripe_server import ContractServer


class StripeHandler(QuietHandler):
    """Read a request, let the service answer it, and write the answer."""

    server: HttpListener[ContractServer]

    def handle_request(self) -> None:
        body = self.read_body()
        url = urlsplit(self.path)
        service = self.server.service
        if url.path.startswith("/_control/"):
            status, answer = control(service, self.command, url.path, body, self.headers)
            self.write_json(status, answer, {})
            return
        try:
            given = service.serve(self.command, url.path, url.query, body, self.headers)
        except ConnectionDropped:
            self.reset_connection()
        else:
            self.write_json(given.status, given.body, given.headers)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_request  # noqa: N815 - http.server's

    def write_json(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        text = isinstance(answer, str)
        usual = {
            "Server": "nginx",
            "Date": self.server.service.clock.http_date(),
            "Content-Type": "text/html" if text else "application/json",
        }
        data = answer if text else json.dumps(answer)
        self.write(status, data.encode(), {**usual, **headers})


def control(
    service: ContractServer, method: str, path: str, body: bytes, headers: Message
) -> tuple[int, Any]:
    """Do what the control plane is asked for; return status and answer."""
    try:
        asked = json.loads(body) if body else {}
        match method, path.removeprefix("/_control/"):
            case "GET", "requests":
                return 200, [request.as_json() for request in service.requests]
            case "GET", "objects":
                return 200, service.objects()
            case "POST", "reset":
                service.reset()
            case "POST", "answer":
                service.queue_fault(asked)
            case "POST", "object":
                for obj in asked if isinstance(asked, list) else [asked]:
                    service.prime(obj, account=headers.get("Stripe-Account"))
            case "POST", "clock":
                service.clock.set(asked["at"], ticking=bool(asked.get("ticking")))
            case _:
                return 404, {"error": f"The control plane has no {method} {path}."}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return 400, {"error": f"{type(error).__name__}: {error}"}
    return 200, {"ok": True}
