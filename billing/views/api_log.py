"""`/developers/api-log`: which calls wanted to change something, and what became of them."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import ApiCall, ApiKey
from billing.rules.ids import decode
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.paging import address, day_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs

PER_PAGE = 50
METHODS = ("POST", "PATCH", "PUT", "DELETE")
OUTCOMES = {"done": ("Done", 200, 399), "refused": ("Refused", 400, 499), "failed": ("Failed", 500, 599)}


@access("api_keys.view")
@require_safe
def api_log(request: StaffRequest) -> HttpResponse:
    """Newest first, by cursor; `?q=` (part of an address, or a request id), `?method=`, `?outcome=`, `?key=`,
    `?from=` and `?to=` (days) narrow it.
    """
    chosen = {
        name: request.GET.get(name, "").strip() for name in ("q", "method", "outcome", "key", "from", "to")
    }
    calls = narrowed(ApiCall.objects.of(request.organization), chosen)
    before = decode(ApiCall.PREFIX, request.GET.get("before", ""))
    if before:
        calls = calls.filter(pk__lt=before)
    rows = list(calls.defer("request_body", "response_body")[: PER_PAGE + 1])
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    context = {
        "rows": [{"call": row, "tone": tone(row.status)} for row in rows],
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "methods": METHODS,
        "outcomes": [(name, words[0]) for name, words in OUTCOMES.items()],
        "keys": ApiKey.objects.of(request.organization).order_by("name", "pk").only("name", "last4"),
        "older_url": address(request.GET, before=rows[-1].public_id) if more else "",
        "newest_url": address(request.GET, "before") if before else "",
        "tab_items": developer_tabs(request, "api-log"),
    }
    return render_page(request, "billing/api_log/list.html", context, partials=("call-table",))


def narrowed(rows: Any, chosen: dict[str, str]) -> Any:
    """The rows that the filters leave; a filter that makes no sense is left out."""
    if text := chosen["q"].replace("\x00", ""):
        rows = rows.filter(Q(request_id=text) | Q(path__icontains=text))
    if chosen["method"] in METHODS:
        rows = rows.filter(method=chosen["method"])
    if chosen["outcome"] in OUTCOMES:
        _, least, most = OUTCOMES[chosen["outcome"]]
        rows = rows.filter(status__gte=least, status__lte=most)
    if key := decode(ApiKey.PREFIX, chosen["key"]):
        rows = rows.filter(api_key_id=key)
    if start := day_of(chosen["from"]):
        rows = rows.filter(created_at__gte=midnight(start))
    if end := day_of(chosen["to"]):
        rows = rows.filter(created_at__lt=midnight(end + timedelta(days=1)))
    return rows


def midnight(day: date) -> datetime:
    """The first moment of a day in the organization's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def tone(status: int) -> str:
    """The colour of a status."""
    if status < 400:
        return "success"
    return "warning" if status < 500 else "danger"


@access("api_keys.view")
@require_safe
def api_call(request: StaffRequest, id: UUID) -> HttpResponse:
    """One call with what was sent and answered, in a drawer."""
    call = ApiCall.objects.of(request.organization).select_related("api_key").get_or_404(pk=id)
    context = {
        "call": call,
        "tone": tone(call.status),
        "sent": spread(call.request_body),
        "answered": spread(call.response_body),
        "back_url": reverse("api-log"),
    }
    return render_page(request, "billing/api_log/detail.html", context, partials=("drawer",))


def spread(body: str) -> str:
    """JSON over several lines; a remark in brackets stays as it is."""
    try:
        value = json.loads(body)
        return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace").decode()
    except ValueError:
        return body
