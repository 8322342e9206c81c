"""Load from a process of its own: four keep-alive connections, requests made beforehand."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.servers import SECRET
from tests.recordings import signed

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CLIENTS = 4
BODY_BYTES = 7500
_TICKS = os.sysconf("SC_CLK_TCK")


def subscription_event(number: int, customer: int, created: int) -> bytes:
    """Return a ``customer.subscription.updated`` of 7.5 kB, different each time."""
    subscription: dict[str, Any] = {
        "id": f"sub_bench{customer:06d}",
        "object": "subscription",
        "customer": f"cus_bench{customer:06d}",
        "status": "active",
        "currency": "usd",
        "collection_method": "charge_automatically",
        "created": 1760000000,
        "start_date": 1760000000,
        "billing_cycle_anchor": 1760000000,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "trial_start": None,
        "trial_end": None,
        "pause_collection": None,
        "default_payment_method": None,
        "latest_invoice": f"in_bench{customer:06d}",
        "livemode": False,
        "metadata": {},
        "items": {
            "object": "list",
            "has_more": False,
            "url": "/v1/subscription_items",
            "data": [
                {
                    "id": f"si_bench{customer:06d}",
                    "object": "subscription_item",
                    "created": 1760000000,
                    "current_period_start": 1760000000,
                    "current_period_end": 1762678400,
                    "metadata": {},
                    "price": {"id": "price_bench", "object": "price", "product": "prod_bench"},
                    "quantity": number % 1000 + 1,
                    "subscription": f"sub_bench{customer:06d}",
                }
            ],
        },
    }
    event = {
        "id": f"evt_bench{number:08d}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": created,
        "type": "customer.subscription.updated",
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": subscription},
    }
    missing = BODY_BYTES - len(json.dumps(event))
    # As real ones are: long because of many values, of which none is very long.
    metadata = subscription["metadata"]
    for index in range(missing // 505):
        metadata[f"label_{index:02d}"] = "x" * 485
    metadata["rest"] = "x" * max(1, BODY_BYTES - len(json.dumps(event)) - 12)
    return json.dumps(event).encode()


@contextmanager
def served(factory: str, port: int, environment: dict[str, str]) -> Iterator[list[int]]:
    """Serve an app by two processes; give their process ids."""
    command = [sys.executable, "-m", "gunicorn", f"tests.bench.servers:{factory}()"]
    command += ["-w", "2", "-k", "gthread", "--threads", str(CLIENTS), "--keep-alive", "60"]
    command += ["-b", f"127.0.0.1:{port}", "--log-level", "error"]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait_for(port)
        yield _children(server.pid)
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[None]:
    """Run one RQ worker of ours."""
    command = [sys.executable, "-m", "flask", "--app", "tests.bench.servers:ours"]
    running = subprocess.Popen(
        [*command, "accrue", "worker"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait(timeout=20)


def post_all(port: int, path: str, bodies: list[bytes]) -> float:
    """Post all bodies over four connections from another process; return the seconds it took."""
    context = multiprocessing.get_context("fork")
    result = context.SimpleQueue()
    now = int(time.time())
    requests = [
        (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: {signed(body, SECRET, now)}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        for body in bodies
    ]
    client = context.Process(target=_client, args=(port, requests, result))
    client.start()
    seconds, error = result.get()
    client.join()
    assert error is None, error
    return float(seconds)


def _client(port: int, requests: list[bytes], result: Any) -> None:
    errors: list[str] = []

    def run(mine: list[bytes]) -> None:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for each in mine:
                    connection.sendall(each)
                    answer = b""
                    while b"\r\n\r\n" not in answer:
                        answer += connection.recv(4096)
                    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        except Exception as error:  # noqa: BLE001 - told to the parent
            errors.append(repr(error))

    threads = [
        threading.Thread(target=run, args=(requests[number::CLIENTS],)) for number in range(CLIENTS)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.put((time.perf_counter() - began, errors[0] if errors else None))


def cpu_seconds(pids: list[int]) -> float:
    """Return how much processor time processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Nothing listens on port {port}.")
