"""Sockets and threads of the oracles: one listener, and handlers that say nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, TypeVar

Service = TypeVar("Service")

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ConnectionDropped(Exception):
    """The request's connection is to be reset instead of answered."""


class HttpListener(ThreadingHTTPServer, Generic[Service]):
    """Listen on 127.0.0.1, with a thread a connection, and leave nothing behind when closed.

    :param port: 0 picks a free one; :attr:`url` tells it.
    :param service: what the handlers ask for answers, as ``self.server.service``.
    """

    request_queue_size = 128

    def __init__(self, port: int, handler: type[QuietHandler], service: Service) -> None:
        self.service = service
        self._connections: dict[socket.socket, threading.Thread] = {}
        super().__init__(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._loop = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._loop.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        self._connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that went away is no news
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop listening, end every connection and wait for its thread."""
        self.shutdown()
        self._loop.join()
        for connection, thread in list(self._connections.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        self.server_close()


def stay(announcement: str) -> None:
    """Tell where a server is, and wait until the process is interrupted."""
    sys.stdout.write(announcement + "\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


class QuietHandler(BaseHTTPRequestHandler):
    """Keep connections open, write each answer in one piece, and log nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def write(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        """Answer with a status, headers (none but these and the length) and a body."""
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def reset_connection(self) -> None:
        """Drop the connection so that the client sees a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the services keep their own logs."""
