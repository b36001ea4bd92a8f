"""`/developers`: how to reach the API, with commands that work as they stand."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.models import Metric, Subscription
from billing.rules.expression_trial import sample_properties
from billing.web.access import access, may
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs


@access("events.view")
@require_safe
def developers(request: StaffRequest) -> HttpResponse:
    """The quick start, with this organization's own metric and subscription in the examples."""
    metric = Metric.objects.of(request.organization).kept().order_by("created_at").first()
    subscription = Subscription.objects.of(request.organization).live().order_by("-created_at").first()
    base_url = request.build_absolute_uri("/").rstrip("/")
    context = {
        "base_url": base_url,
        "commands": commands(base_url, metric, subscription),
        "key_start": "sk_test_…" if request.organization.sandbox else "sk_live_…",
        "subscription": subscription,
        "may_keys": may(request.member, "api_keys.edit"),
        "tab_items": developer_tabs(request, "developers"),
    }
    return render_page(request, "billing/developers/index.html", context)


HEAD = """  -H "Authorization: Bearer $TARN_KEY" \\
  -H "Content-Type: application/json" \\
"""


def commands(base_url: str, metric: Metric | None, subscription: Subscription | None) -> dict[str, str]:
    """Shell commands to copy. What comes from the database goes through JSON and shell quoting, so that a quote
    in an external ID cannot end the string.
    """
    customer = {"externalId": "acme-1", "name": "Acme Inc.", "email": "billing@acme.example"}
    event: dict[str, Any] = {
        "transactionId": "TRANSACTION",
        "subscriptionId": subscription.external_id if subscription else "sub-1",
        "code": metric.code if metric else "api_calls",
    }
    if metric is not None and metric.measures:
        event["properties"] = sample_properties(metric.field_name, metric.expression)
    body = quoted(event).replace("TRANSACTION", "'$(date +%s%N)'", 1)
    return {
        "customer": f"curl {base_url}/api/customers \\\n{HEAD}  -d {quoted(customer)}",
        "event": f"curl {base_url}/api/events \\\n{HEAD}  -d {body}",
        "invoices": f'curl "{base_url}/api/invoices?limit=5" -H "Authorization: Bearer $TARN_KEY"',
    }


def quoted(value: dict[str, Any]) -> str:
    """JSON in single quotes for a POSIX shell."""
    return "'" + json.dumps(value, ensure_ascii=False).replace("'", "'\\''") + "'"
