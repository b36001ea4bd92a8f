"""The REST service of VIES on a port of this machine: its messages, its faults, and the numbers of its test service.

`vies.log` is what it was asked. `vies.answers[number]` decides about a number with its prefix: True, False, a fault,
or "garbage", "html", "other" (another number), a float of seconds to be slow. The test service's numbers (100 valid,
200 invalid, 201 to 601 faults) answer under any country. Numbers that nobody decided about are valid.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEST_NUMBERS: dict[str, Any] = {
    "100": True,
    "200": False,
    "201": "INVALID_INPUT",
    "202": "INVALID_REQUESTER_INFO",
    "300": "SERVICE_UNAVAILABLE",
    "301": "MS_UNAVAILABLE",
    "302": "TIMEOUT",
    "400": "VAT_BLOCKED",
    "401": "IP_BLOCKED",
    "500": "GLOBAL_MAX_CONCURRENT_REQ",
    "501": "GLOBAL_MAX_CONCURRENT_REQ_TIME",
    "600": "MS_MAX_CONCURRENT_REQ",
    "601": "MS_MAX_CONCURRENT_REQ_TIME",
}
STATUS = {
    "INVALID_INPUT": 400,
    "INVALID_REQUESTER_INFO": 400,
    "MS_UNAVAILABLE": 500,
}  # the others come with 200


@dataclass
class FakeVies:
    """What it knows and what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    refuses_requester: bool = False
    url: str = ""

    @property
    def numbers(self) -> list[str]:
        """The numbers that it was asked about, in order."""
        return [body["countryCode"] + body["vatNumber"] for body in self.log]

    def answer(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and body."""
        self.log.append(body)
        code, number = body["countryCode"], body["vatNumber"]
        found = self.answers.get(code + number, TEST_NUMBERS.get(number, True))
        if self.refuses_requester and body.get("requesterNumber"):
            found = "INVALID_REQUESTER_INFO"
        if isinstance(found, float):
            time.sleep(found)
            found = True
        if found == "garbage":
            return 200, b'{"valid": "perhaps'
        if found == "html":
            return 200, b"<html><body>Maintenance</body></html>"
        if found == "other":
            number, found = "999999999", True
        if isinstance(found, str):
            return STATUS.get(found, 200), {"actionSucceed": False, "errorWrappers": [{"error": found}]}
        return 200, {
            "countryCode": code,
            "vatNumber": number,
            "requestDate": "2026-03-15T12:00:00.000Z",
            "valid": found,
            "requestIdentifier": "WAPIAAAAYtest" if body.get("requesterNumber") and found else "",
            "name": "Globex SARL" if found else "---",
            "address": "1 RUE DE LA PAIX\n75002 PARIS" if found else "---",
        }


@contextmanager
def serving(vies: FakeVies) -> Iterator[FakeVies]:
    """The service at `vies.url` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, found = (404, b"") if self.path != "/check-vat-number" else vies.answer(body)
            raw = found if isinstance(found, bytes) else json.dumps(found).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except OSError:
                pass  # the client did not wait

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    vies.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield vies
    finally:
        server.shutdown()
        server.server_close()
