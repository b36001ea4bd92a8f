"""`/developers/activity`: who did what and when, with the values before and after."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import AuditEntry
from billing.web.access import access
from billing.web.activity import details
from billing.web.htmx import render_page
from billing.web.paging import address, day_of, page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs
from billing.web.trail_words import title, tone

PER_PAGE = 50
CHOICES_FROM = 5000  # the filters offer what the latest entries name, not a scan of the whole trail


@access("audit.view")
@require_safe
def audit(request: StaffRequest) -> HttpResponse:
    """The log, newest first; `?action=`, `?actor=`, `?from=`, `?to=` (days) and `?subject=` narrow it."""
    rows: QuerySet[Any] = AuditEntry.objects.of(request.organization)
    chosen = {
        name: request.GET.get(name, "").strip() for name in ("action", "actor", "from", "to", "subject")
    }
    rows = narrowed(rows, chosen)
    page = page_of(request, rows, PER_PAGE)
    for entry in page.object_list:
        entry.title, entry.tone, entry.details = title(entry.action), tone(entry.action), details(entry)
    latest = AuditEntry.objects.of(request.organization).values_list("action", "actor_label")[:CHOICES_FROM]
    actions, actors = (sorted(set(column)) for column in zip(*latest, strict=True)) if latest else ([], [])
    context = {
        "page": page,
        "chosen": chosen,
        "actions": [(name, title(name)) for name in actions],
        "actors": actors,
        "chip_items": chips(request.GET, chosen),
        "tab_items": developer_tabs(request, "audit"),
        "clear_url": reverse("audit"),
    }
    return render_page(request, "billing/audit/list.html", context, partials=("audit-table",))


def narrowed(rows: QuerySet[Any], chosen: dict[str, str]) -> QuerySet[Any]:
    """The rows that the filters leave; a filter that makes no sense is left out."""
    if chosen["action"]:
        rows = rows.filter(action=chosen["action"])
    if chosen["actor"]:
        rows = rows.filter(actor_label=chosen["actor"])
    if start := day_of(chosen["from"]):
        rows = rows.filter(at__gte=midnight(start))
    if end := day_of(chosen["to"]):
        rows = rows.filter(at__lt=midnight(end + timedelta(days=1)))
    if chosen["subject"]:
        try:
            rows = rows.filter(subject_id=UUID(chosen["subject"].rpartition("_")[2]))
        except ValueError:
            rows = rows.none()
    return rows


def midnight(day: date) -> datetime:
    """The first moment of a day in the organization's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def chips(query: QueryDict, chosen: dict[str, str]) -> list[dict[str, str]]:
    """The filters in force, each with the address without it."""
    labels = {"action": "Action", "actor": "Who", "from": "From", "to": "Until", "subject": "Object"}
    items = []
    for name, value in chosen.items():
        if not value:
            continue
        shown = title(value) if name == "action" else value
        items.append({"label": labels[name], "value": shown, "remove_url": address(query, name, "page")})
    return items
