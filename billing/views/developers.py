"""`/developers`: how to reach the API, with commands that work as they stand."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.models import Metric, Subscription
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
    context = {
        "base_url": request.build_absolute_uri("/").rstrip("/"),
        "metric": metric,
        "subscription": subscription,
        "sandbox_key": "sk_test_…" if request.organization.sandbox else "sk_live_…",
        "may_keys": may(request.member, "api_keys.edit"),
        "tab_items": developer_tabs(request, "developers"),
    }
    return render_page(request, "billing/developers/index.html", context)
