"""The demo's API keys, and the last calls of its systems as the log keeps them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import orjson

from billing.actions.api_keys import issue_key, rotate_key
from billing.models import ApiCall, ApiKey, Organization
from billing.models.api_call import write_call
from billing.orm.actor import Actor
from billing.rules.masking import masked
from billing.web.api import plain_number
from customers.models import Customer
from customers.queries.payloads import payload_of

KEYS: tuple[tuple[str, list[str], int | None], ...] = (
    ("Shop", ["customers:write", "subscriptions:write", "wallets:write", "events:write"], 600),
    ("Accounting", ["*:read"], None),
    ("Old importer", [], None),
)


def make_calls(organization: Organization, customers: list[Customer], by: Actor, at: datetime) -> None:
    """Three keys, one of them rotated, and what the shop's key was used for in the last hours."""
    keys: dict[str, ApiKey] = {}
    for name, scopes, limit in KEYS:
        keys[name], _ = issue_key(organization, name, scopes=scopes, rate_limit=limit, by=by, at=at)
    rotate_key(keys["Old importer"], overlap=timedelta(days=7), by=by, at=at)
    ApiKey.objects.filter(pk=keys["Shop"].pk).update(last_used_at=at)
    for number, customer in enumerate(reversed(customers)):
        fields = {"externalId": customer.external_id, "name": customer.name, "email": customer.email}
        minutes = 40 * (len(customers) - number)
        sent = fields | {"currency": customer.currency, "metadata": {"apiToken": "shop-internal"}}
        answer = {"data": payload_of(customer)}
        note(
            keys["Shop"], "POST", "/api/customers", sent, 201, answer, number, at - timedelta(minutes=minutes)
        )
        if number % 3 == 1:
            body = error("duplicate_email", f"Another customer has the e-mail {customer.email}.", "email")
            later = at - timedelta(minutes=minutes - 1)
            note(
                keys["Shop"], "POST", "/api/customers", fields | {"externalId": ""}, 409, body, number, later
            )
        if number % 3 == 2:
            bill = {"customerId": customer.public_id, "items": [{"description": "Setup", "unitAmount": 90}]}
            body = error("scope_missing", "This key lacks the scope invoices:write.")
            later = at - timedelta(minutes=minutes - 2)
            note(keys["Shop"], "POST", "/api/invoices", bill, 403, body, number, later)


def error(code: str, message: str, field: str = "") -> dict[str, Any]:
    """An error as the API answers it."""
    errors = [{"field": field, "message": message}] if field else []
    return {
        "message": message,
        "error": {"code": code, "message": message, "errors": errors, "requestId": ""},
    }


def note(
    key: ApiKey, method: str, path: str, sent: Any, status: int, answer: Any, number: int, at: datetime
) -> None:
    """One row of the log, with the time at which the call came."""
    plain = json.loads(orjson.dumps(answer, default=plain_number))
    call = ApiCall(
        organization_id=key.organization_id,
        method=method,
        path=path,
        status=status,
        code=plain.get("error", {}).get("code", ""),
        request_id=f"demo-{number:04d}-{status}",
        api_key_id=key.pk,
        key_label=f"{key.name} …{key.last4}",
        address="203.0.113.7",
        duration_ms=9 + 7 * number % 23,
        request_body=json.dumps(masked(sent)) if sent else "",
        response_body=json.dumps(masked(plain)),
    )
    write_call(call)
    ApiCall.objects.filter(pk=call.pk).update(created_at=at)
