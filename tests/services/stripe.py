"""Stripe's customer API as its reference describes it, on a port of this machine.

It checks the key, reads forms, keeps answers by idempotency key, and can be told to fail: `stripe.next(...)` puts
faults before the coming requests, `stripe.log` is what it was asked. Search may lag behind (`stripe.search_lags`).
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.services.stripe_money import Money

KEY = "sk_test_of_the_tests"
ID = re.compile(r"/v1/customers/([^/]+)")


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    key: str
    status: int = 0


@dataclass
class FakeStripe:
    """The account's customers and what happened to it."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    faults: list[Any] = field(default_factory=list)
    kept: dict[str, tuple[str, int, Any]] = field(default_factory=dict)
    search_lags: bool = False
    has_search: bool = True
    secret: str = KEY
    before: Any = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    number: int = 0
    money: Money = field(default_factory=Money)

    def next(self, *faults: Any) -> None:
        """What the next requests meet: a status, "drop" (done but no answer), "garbage", a float of seconds to be
        slow, or None for nothing.
        """
        self.faults.extend(faults)

    def writes(self) -> list[Asked]:
        """The requests that may change something."""
        return [asked for asked in self.log if asked.method != "GET"]

    def asked(self, method: str, path: str = "") -> list[Asked]:
        """Requests of a method, on a path."""
        return [one for one in self.log if one.method == method and (not path or one.path == path)]

    def live(self) -> dict[str, dict[str, Any]]:
        """The customers that are not deleted."""
        return {id: row for id, row in self.customers.items() if not row.get("deleted")}

    def only(self) -> dict[str, Any]:
        """The one customer."""
        [row] = self.live().values()
        return row

    def add(self, **form: str) -> str:
        """A customer that somebody made in Stripe itself."""
        with self.lock:
            return str(self.create(form)[1]["id"])

    def create(self, form: dict[str, str]) -> tuple[int, Any]:
        self.number += 1
        row = {"id": f"cus_{self.number:014d}", "object": "customer", "created": self.number}
        row |= {"name": None, "email": None, "phone": None, "address": None, "metadata": {}}
        self.customers[row["id"]] = row
        return self.update(row, form)

    def update(self, row: dict[str, Any], form: dict[str, str]) -> tuple[int, Any]:
        for name in form:
            if not re.fullmatch(r"name|email|phone|address\[\w+\]|metadata\[\w+\]", name):
                return 400, error("parameter_unknown", f"Received unknown parameter: {name}", name)
        if "@" not in form.get("email", "@"):
            return 400, error("email_invalid", f"Invalid email address: {form['email']}", "email")
        if len(form.get("phone", "")) > 20:
            return 400, error(None, "Invalid string: must be at most 20 characters", "phone")
        for name in ("name", "email", "phone"):
            if name in form:
                row[name] = form[name] or None
        address = {name[8:-1]: value or None for name, value in form.items() if name.startswith("address[")}
        if address:
            row["address"] = address if any(address.values()) else None
        for name, value in form.items():
            if name.startswith("metadata["):
                row["metadata"] |= {name[9:-1]: value}
                row["metadata"] = {key: word for key, word in row["metadata"].items() if word}
        return 200, row

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        """What Stripe would say, idempotency included."""
        if asked.key:
            body = json.dumps(sorted(asked.form.items()))
            if asked.key in self.kept:
                first, status, found = self.kept[asked.key]
                if first != body:
                    text = "Keys for idempotent requests can only be used with the same parameters."
                    return 400, {"error": {"type": "idempotency_error", "message": text}}, {}
                return status, found, {"Idempotent-Replayed": "true"}
            status, found = self.perform(asked)
            if status != 400:  # what fails validation is not kept
                self.kept[asked.key] = (body, status, json.loads(json.dumps(found)))
            return status, found, {}
        status, found = self.perform(asked)
        return status, found, {}

    def perform(self, asked: Asked) -> tuple[int, Any]:
        about_money = self.money.handle(asked.method, asked.path, asked.query, asked.form)
        if about_money is not None:
            return about_money
        if asked.path == "/v1/customers" and asked.method == "POST":
            return self.create(asked.form)
        if asked.path == "/v1/customers":
            return 200, self.page(asked.query)
        if asked.path == "/v1/customers/search":
            return self.search(asked.query["query"])
        found = ID.fullmatch(asked.path)
        row = self.customers.get(unquote(found[1])) if found else None
        if row is None or (row.get("deleted") and asked.method != "GET"):
            return 404, error("resource_missing", f"No such customer: '{asked.path.split('/')[-1]}'", "id")
        if asked.method == "DELETE":
            self.customers[row["id"]] = {"id": row["id"], "object": "customer", "deleted": True}
            return 200, self.customers[row["id"]]
        return self.update(row, asked.form) if asked.method == "POST" else (200, row)

    def page(self, query: dict[str, str]) -> dict[str, Any]:
        rows = sorted(self.live().values(), key=lambda row: -row["created"])
        if "email" in query:
            rows = [row for row in rows if row["email"] == query["email"]]
        if "starting_after" in query:
            rows = [
                row for row in rows if row["created"] < self.customers[query["starting_after"]]["created"]
            ]
        limit = int(query.get("limit", 10))
        return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": "/v1/customers"}

    def search(self, query: str) -> tuple[int, Any]:
        if not self.has_search:
            return 400, error(None, "Search is not available in your country.", "query")
        asked = re.fullmatch(r"metadata\['(\w+)'\]:'([^']*)'", query)
        if asked is None:
            return 400, error(None, "The query could not be read.", "query")
        rows = [row for row in self.live().values() if row["metadata"].get(asked[1]) == asked[2]]
        found = [] if self.search_lags else rows
        return 200, {"object": "search_result", "data": found, "has_more": False}


def error(code: str | None, message: str, param: str) -> dict[str, Any]:
    """Stripe's error object."""
    return {"error": {"type": "invalid_request_error", "code": code, "message": message, "param": param}}


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of it."""

    protocol_version = "HTTP/1.1"
    server: StripeServer

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def do_DELETE(self) -> None:
        self.serve()

    def serve(self) -> None:
        stripe = self.server.stripe
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = Asked(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            dict(parse_qsl(body, keep_blank_values=True)),
            self.headers.get("Idempotency-Key", ""),
        )
        with stripe.lock:
            fault = stripe.faults.pop(0) if stripe.faults else None
            before, stripe.before = stripe.before, None
            stripe.log.append(asked)
        if before is not None:
            before()
        if isinstance(fault, float):
            time.sleep(fault)
        with stripe.lock:
            self.reply(stripe, asked, body, fault)

    def reply(self, stripe: FakeStripe, asked: Asked, body: str, fault: Any) -> None:
        if self.headers.get("Authorization") != f"Bearer {stripe.secret}":
            asked.status = 401
            return self.say(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key."}})
        if not self.headers.get("Stripe-Version"):
            return self.say(400, error(None, "Send a Stripe-Version.", ""))
        kind = self.headers.get("Content-Type", "application/x-www-form-urlencoded")
        if body and kind != "application/x-www-form-urlencoded":
            return self.say(400, error(None, "Send a form.", ""))
        if fault == "garbage":
            return self.say(200, None, raw=b"<html>not JSON</html>")
        if isinstance(fault, int):
            return self.fail(stripe, asked, fault)
        status, found, headers = stripe.answer(asked)
        asked.status = status
        if fault == "drop":
            self.close_connection = True
            return None
        return self.say(status, found, headers)

    def fail(self, stripe: FakeStripe, asked: Asked, status: int) -> None:
        """An injected status; Stripe keeps a 500 under its key, not a 429."""
        asked.status = status
        found = {"error": {"type": "api_error", "message": f"Injected {status}."}}
        if status == 500 and asked.key:
            stripe.kept[asked.key] = (json.dumps(sorted(asked.form.items())), status, found)
        self.say(status, found, {"Retry-After": "120"} if status == 429 else {})

    def say(self, status: int, found: Any, headers: dict[str, str] | None = None, raw: bytes = b"") -> None:
        content = raw or json.dumps(found).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


class StripeServer(ThreadingHTTPServer):
    """The port, and the account behind it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stripe = FakeStripe()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def base(self) -> str:
        """For the setting STRIPE_API_BASE."""
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        """Close the port."""
        self.shutdown()
        self.server_close()
