"""An account at Stripe of any size, whose pages are rendered beforehand: served by a process of its own.

It answers as fast as Python can, so that what is measured is what reads the pages and not what writes them.
"""

from __future__ import annotations

import http.server
import json
import multiprocessing
import re
import socketserver
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.processors.stripe.stripe_bodies import (
    START,
    invoice,
    item,
    line,
    listed,
    sample,
    subscription,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

PAGE = 100
#: The lists that the account has, and how their ids begin.
LISTS = {"customers": "cus_", "subscriptions": "sub_", "invoices": "in_"}


def bodies(number: int) -> dict[str, Json]:
    """Return a customer with its subscription and paid invoice, the higher its number the older."""
    id, made = f"{number:07d}", START - number
    price = {**item()["price"], "id": "price_pro", "product": "prod_pro"}
    parent = {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": f"sub_{id}"},
    }
    of = {"customer": f"cus_{id}"}
    who = sample("customer", id=f"cus_{id}", created=made)
    del who["customer"]
    return {
        "customers": {
            **who,
            "name": f"Owner {number}",
            "email": f"owner{number}@host.example",
            "metadata": {"accrue_owner": f"Organization:{number}"},
        },
        "subscriptions": subscription(
            id=f"sub_{id}", created=made, items=listed(item(f"si_{id}", price=price)), **of
        ),
        "invoices": invoice(
            id=f"in_{id}",
            created=made,
            status="paid",
            lines=listed(line(id=f"il_{id}")),
            payments=listed(),
            parent=parent,
            **of,
        ),
    }


def rendered(customers: int) -> dict[str, list[bytes]]:
    """Return the pages of each list, the newest first as Stripe has them."""
    pages: dict[str, list[bytes]] = {name: [] for name in LISTS}
    for first in range(1, customers + 1, PAGE):
        numbers = range(first, min(first + PAGE, customers + 1))
        rows = [bodies(number) for number in numbers]
        for name, made in pages.items():
            body = {**listed(*(row[name] for row in rows)), "url": f"/v1/{name}"}
            body["has_more"] = numbers[-1] < customers
            made.append(json.dumps(body).encode())
    return pages


def _number(id: str) -> int:
    return int(re.sub(r"\D", "", id))


class _Handler(http.server.BaseHTTPRequestHandler):
    """Gives the page after an id, or an object; of any other list it says that it's empty."""

    protocol_version = "HTTP/1.1"
    pages: dict[str, list[bytes]]

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        asked = urllib.parse.parse_qs(url.query)
        kind, _, id = url.path.removeprefix("/v1/").partition("/")
        made = self.pages.get(kind) if not id else None
        body = json.dumps(bodies(_number(id))[kind] if id else listed()).encode()
        if made is not None:
            body = made[_number(asked.get("starting_after", ["0"])[0]) // PAGE]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    disable_nagle_algorithm = True


def _serve(customers: int, told: Any) -> None:
    _Handler.pages = rendered(customers)
    _Handler.disable_nagle_algorithm = True
    _Handler.wbufsize = -1
    server = _Server(("127.0.0.1", 0), _Handler)
    told.put(server.server_port)
    server.serve_forever()


@contextmanager
def served_account(customers: int) -> Iterator[str]:
    """Serve an account of so many customers; give where its API is."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    server = context.Process(target=_serve, args=(customers, told), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{told.get(timeout=600)}"
    finally:
        server.terminate()
        server.join()
