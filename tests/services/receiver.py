"""An application that receives webhooks: it keeps what it is sent, fails when told to, is slow, and restarts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request, and the status that it was answered with (0: none)."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0

    @property
    def said(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.body)
        return found


Answer = Callable[[Received], int]


@dataclass
class Receiver:
    """Answers with what `answer` says, after `slow` seconds; `log` has all that came, in the order of the answers."""

    answer: Answer = lambda _: 200
    slow: float = 0.0
    log: list[Received] = field(default_factory=list)
    port: int = 0
    body: bytes = b"thanks"
    headers: dict[str, str] = field(default_factory=dict)

    def start(self) -> Receiver:
        """Listen, after a stop on the same port."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.take(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """Senders that hang up are no news."""

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        size = int(handler.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        came = Received(handler.path, headers, handler.rfile.read(size))
        time.sleep(self.slow)
        status = self.answer(came)
        self.log.append(Received(came.path, came.headers, came.body, status))
        if not status:
            return  # hang up
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body)

    def stop(self) -> None:
        """Listen no more; what is on its way is still answered."""
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}/in"

    @property
    def taken(self) -> list[Received]:
        """What it has answered well."""
        return [one for one in self.log if 200 <= one.status < 300]
