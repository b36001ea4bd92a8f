"""A server for odd answers: each request gets the next one of a script, and is remembered."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Union
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered. `drop`: the connection is closed instead."""

    status: int = 200
    body: Any = None
    headers: Dict[str, str] = field(default_factory=dict)
    raw: Optional[bytes] = None
    drop: bool = False


Script = Union[Reply, Callable[[Seen], Reply]]
CUSTOMER = {"data": {"id": "cust_1", "name": "Ann", "email": "ann@x.example", "totalSpent": 0}}


class Server:
    """Answers what `replies` says, one after another; after the last one, that again."""

    def __init__(self) -> None:
        self.seen: List[Seen] = []
        self.replies: List[Script] = [Reply(200, CUSTOMER)]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                request = Seen(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(size),
                )
                reply = outer.next(request)
                if reply.drop:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                content = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
                content = b"" if reply.status == 204 else content
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                """A client that has gone, or that was dropped, is no news."""

        self.lock = threading.Lock()
        self.httpd = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()
        self.url = "http://127.0.0.1:{}".format(self.httpd.server_address[1])

    def next(self, request: Seen) -> Reply:
        """Remember the request, and choose its answer."""
        with self.lock:
            self.seen.append(request)
            script = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return script(request) if callable(script) else script

    def stop(self) -> None:
        """Close the port."""
        self.httpd.shutdown()
        self.httpd.server_close()
