"""Stripe's customers: form-encoded requests, JSON answers, idempotency keys.

Source: Stripe's API reference (customers, errors, idempotent requests, search). A key keeps the first answer for a
day, failures included, and marks a repeat with `Idempotent-Replayed`; a key with another body is an
`idempotency_error`. The search lags by up to a minute, the list by e-mail does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from billing.clients.http import Answer, Unreachable, fetch
from invoicing.clients.providers.base import Declined, Gone, KeySpent, Page, Refused, Unavailable
from invoicing.rules.providers import ADDRESS, CUSTOMER_ID, FACTS, METADATA

VERSION = "2024-06-20"
PAGE_SIZE = 100
MOST_WITH_ONE_EMAIL = 20


class Stripe:
    """The customers of a Stripe account. `timeout` bounds each call."""

    def __init__(self, secret_key: str, *, base: str, timeout: float) -> None:
        self.secret_key = secret_key
        self.base = base.rstrip("/")
        self.timeout = timeout

    def check(self) -> str:
        """Reads one customer: the least that synchronisation needs."""
        answer = self.call("GET", "/v1/customers?limit=1")
        rows = answer.get("data")
        if answer.get("object") != "list" or not isinstance(rows, list):
            raise Refused("The answer is not one of Stripe's. Is the address right?")
        mode = "live" if self.secret_key.split("_")[1:2] == ["live"] else "test"
        return f"The key works, in {mode} mode."

    def create_customer(self, facts: Mapping[str, str], key: str) -> str:
        """The new `cus_…`."""
        given = {name: value for name, value in facts.items() if value}
        return identity(self.call("POST", "/v1/customers", form(given, given), key=key))

    def update_customer(self, id: str, changes: Mapping[str, str], facts: Mapping[str, str]) -> None:
        """An empty text removes the value there."""
        self.call("POST", path_of(id), form(changes, facts))

    def delete_customer(self, id: str) -> None:
        """For good: Stripe ends what the customer has there."""
        self.call("DELETE", path_of(id))

    def fetch_customer(self, id: str) -> Mapping[str, str] | None:
        """A deleted customer is still answered, with `deleted`."""
        try:
            found = self.call("GET", path_of(id))
        except Gone:
            return None
        return None if found.get("deleted") else read(found)

    def find_customer(self, facts: Mapping[str, str]) -> str:
        """By our id in the metadata; and among those with the e-mail, where the search is behind or not to be had."""
        ours = facts[CUSTOMER_ID]
        question = urlencode({"query": f"metadata['{CUSTOMER_ID}']:'{ours}'", "limit": 1})
        try:
            found = rows_of(self.call("GET", f"/v1/customers/search?{question}"))
        except (Refused, Gone):  # accounts in some countries have no search
            found = []
        if not found and facts.get("email"):
            listed = urlencode({"email": facts["email"], "limit": MOST_WITH_ONE_EMAIL})
            found = rows_of(self.call("GET", f"/v1/customers?{listed}"))
        return next((identity(row) for row in found if read(row)[CUSTOMER_ID] == ours), "")

    def list_customers(self, after: str = "") -> Page:
        """Newest first, a hundred at a time."""
        query = {"limit": PAGE_SIZE} | ({"starting_after": after} if after else {})
        answer = self.call("GET", f"/v1/customers?{urlencode(query)}")
        rows = rows_of(answer)
        more = bool(answer.get("has_more")) and bool(rows)
        return Page({identity(row): read(row) for row in rows}, identity(rows[-1]) if more else "")

    def call(self, method: str, path: str, data: Mapping[str, str] | None = None, key: str = "") -> Any:
        """The answer's object, or what its status means."""
        headers = {"Authorization": f"Bearer {self.secret_key}", "Stripe-Version": VERSION}
        if key:
            headers["Idempotency-Key"] = key
        try:
            answer = fetch(method, self.base + path, data=data, headers=headers, timeout=self.timeout)
        except Unreachable as error:
            if error.forbidden:
                raise Refused(error.reason) from error
            raise Unavailable(error.reason, undone=error.unsent) from error
        found = body_of(answer)
        if answer.status >= 300:
            raise failure(answer, found, keyed=bool(key))
        if not isinstance(found, dict):
            raise Unavailable("Stripe's answer could not be read.")
        return found


def failure(answer: Answer, found: Any, *, keyed: bool) -> Exception:
    """What a status of 300 and more means."""
    error = found.get("error") if isinstance(found, dict) else None
    error = error if isinstance(error, dict) else {}
    text = str(error.get("message") or f"Stripe answered {answer.status}.")[:400]
    if error.get("type") == "idempotency_error":
        return KeySpent(text)
    if answer.status == 429 or answer.status == 409 or answer.status >= 500:
        if keyed and answer.headers.get("idempotent-replayed", "").lower() == "true":
            return KeySpent(text)
        wait = seconds(answer.headers.get("retry-after", ""))
        return Unavailable(text, wait=wait, undone=answer.status == 429)
    if answer.status == 402:
        return Declined(text, code=str(error.get("code") or ""))
    if answer.status == 401:
        return Refused("Stripe does not accept the secret key.")
    if answer.status == 403:
        return Refused(f"The secret key may not do this. {text}")
    if answer.status == 404:
        return Gone(text)
    if answer.status < 400:
        return Refused("Stripe answered with a redirect. Is the address right?")
    param = error.get("param")
    return Refused(f"{text} ({param})" if isinstance(param, str) and param not in text else text)


def form(changes: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Facts as Stripe's parameters. An address is told whole when a part of it changes."""
    told = {name: value for name, value in changes.items() if name in {"name", "email", "phone"}}
    told |= {f"metadata[{name}]": changes[name] for name in METADATA if name in changes}
    if any(name in changes for name in ADDRESS):
        told |= {f"address[{name}]": facts[name] for name in ADDRESS if name in facts}
    return told


def read(row: Mapping[str, Any]) -> dict[str, str]:
    """Stripe's customer as facts."""
    address, metadata = (table(row.get(name)) for name in ("address", "metadata"))
    parts = {"name": row.get("name"), "email": row.get("email"), "phone": row.get("phone")}
    parts |= {name: address.get(name) for name in ADDRESS} | {name: metadata.get(name) for name in METADATA}
    return {name: str(parts[name] or "") for name in FACTS}


def table(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def rows_of(answer: Any) -> list[dict[str, Any]]:
    """The customers of a list."""
    rows = answer.get("data")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def identity(row: Any) -> str:
    """The id of an object; without one the answer is of no use."""
    found = row.get("id")
    if not isinstance(found, str) or not found:
        raise Unavailable("Stripe's answer could not be read.")
    return found


def path_of(id: str) -> str:
    """The address of a customer."""
    return f"/v1/customers/{quote(id, safe='')}"


def body_of(answer: Answer) -> Any:
    """The JSON, or None."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def seconds(text: str) -> float:
    """Of Retry-After; a date counts as nothing."""
    return float(text) if text.strip().isdigit() else 0.0
