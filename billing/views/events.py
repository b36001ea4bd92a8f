"""`/developers/events` and `/developers/quarantine`: what has been sent, and what waits to be matched."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.actions.clock import now
from billing.actions.usage import match_quarantined
from billing.models import Event, LateEvent, Metric, QuarantinedEvent
from billing.queries.attachment import Attachment, reference_of
from billing.queries.events import EventFilter, count_events, find_events
from billing.rules.events import MAX_TEXT
from billing.rules.ids import decode
from billing.rules.periods import start_of_day
from billing.web.access import access, may
from billing.web.csv_files import csv_answer
from billing.web.htmx import done, render_page, wants_partial
from billing.web.paging import address, day_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs

PER_PAGE = 50
CSV_COLUMNS = (
    *("transaction_id", "metric", "external_subscription_id", "value", "timestamp", "received_at"),
    *("late", "properties"),
)
LATE = {"open": "Came too late, to be decided", "all": "Came too late, all"}
REASONS = {
    "unknown_subscription": "No subscription has this external ID.",
    "unknown_metric": "No billable metric has this code.",
    "outside_subscription": "The subscription was not running at that time.",
    "unreadable_value": "The metric's field has too many digits to be counted.",
    "uncomputable_value": "The metric's expression cannot be computed for it.",
    "": "It can be matched now.",
}


def wanted(request: StaffRequest, *, quarantined: bool = False) -> EventFilter:
    """The filters of the address; days are those of the organization's time zone, the last one included."""
    given = {name: request.GET.get(name, "").strip()[:MAX_TEXT] for name in ("q", "subscription", "code")}
    zone = request.organization.timezone
    first, last = day_of(request.GET.get("from", "")), day_of(request.GET.get("to", ""))
    return EventFilter(
        given["subscription"],
        given["code"],
        given["q"],
        start=start_of_day(first, zone) if first else None,
        end=start_of_day(last + timedelta(days=1), zone) if last else None,
        quarantined=quarantined,
        late=late if (late := request.GET.get("late", "")) in LATE and not quarantined else "",
    )


def listing(request: StaffRequest, filters: EventFilter) -> dict[str, Any]:
    """One page by cursor: no page is slower than another, however many events there are."""
    before = request.GET.get("before", "")
    rows = list(find_events(request.organization, filters, before=before)[: PER_PAGE + 1])
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    query = request.GET
    return {
        "rows": rows,
        "filters": filters,
        "days": {name: query.get(name, "") if day_of(query.get(name, "")) else "" for name in ("from", "to")},
        "filtered": filters != EventFilter(quarantined=filters.quarantined),
        "older_url": address(query, "live", "seen", before=rows[-1].public_id) if more else "",
        "newest_url": address(query, "before") if before else "",
        "total": count_events(request.organization, filters),
    }


@access("events.view")
@require_safe
def events(request: StaffRequest) -> HttpResponse:
    """Events that count, last received first; by transaction ID, subscription, metric and day.

    With `?live=1` the page asks again every two seconds; `?seen=` names what it shows, and as long as nothing has
    come since then the answer is empty.
    """
    waiting = QuarantinedEvent.objects.of(request.organization).count()
    live = request.GET.get("live") == "1" and "before" not in request.GET
    newest = Event.objects.of(request.organization).order_by("-pk").first() if live else None
    mark = f"{newest.public_id if newest else 'none'}.{waiting}"
    seen = request.GET.get("seen", "")
    if live and seen == mark and wants_partial(request):
        return HttpResponse(status=204)
    query = request.GET
    context = listing(request, wanted(request)) | {
        "live": live,
        "live_url": address(query, "seen", "before", live="1"),
        "still_url": address(query, "seen", "live"),
        "poll_url": address(query, "before", live="1", seen=mark),
        "seen": decode(Event.PREFIX, seen.partition(".")[0]) if live else None,
        "metrics": Metric.objects.of(request.organization).order_by("name").only("name", "code"),
        "waiting": waiting,
        "late_choices": LATE,
        "csv_url": f"{reverse('events-csv')}{address(query, 'live', 'seen', 'before')}",
        "tab_items": developer_tabs(request, "events"),
    }
    return render_page(request, "billing/events/list.html", context, partials=("event-table",))


@access("events.view")
@require_safe
def events_csv(request: StaffRequest) -> HttpResponse:
    """All that the filters let through, streamed, last received first."""
    rows = find_events(request.organization, wanted(request))
    today = timezone.localtime(now(request.organization)).date()
    return csv_answer(f"events-{today}", CSV_COLUMNS, map(csv_line, rows.iterator(2000)))


def csv_line(row: Event) -> list[Any]:
    """An event as a line of the file; moments are UTC."""
    return [
        row.transaction_id,
        row.metric.code,
        row.subscription.external_id,
        row.value,
        row.timestamp.astimezone(UTC).isoformat(),
        row.received_at.astimezone(UTC).isoformat(),
        "yes" if row.late else "",  # type: ignore[attr-defined]
        json.dumps(row.properties, ensure_ascii=False),
    ]


@access("events.view")
@require_safe
def event(request: StaffRequest, id: UUID) -> HttpResponse:
    """One event with its content, in a drawer."""
    rows = Event.objects.of(request.organization).select_related("metric", "subscription__customer")
    late = Exists(LateEvent.objects.filter(event_id=OuterRef("pk")))
    row: Any = rows.annotate(late=late).filter(pk=id).first()
    waiting: Any = None
    if row is None:
        waiting = QuarantinedEvent.objects.of(request.organization).filter(pk=id).first()
        if waiting is None:
            raise Http404("No such event.")
    context = {
        "event": row or waiting,
        "counted": row is not None,
        "late": row is not None and row.late,
        "reason": REASONS[current_reasons(request, [waiting])[waiting.pk]] if waiting else "",
        "properties": json.dumps((row or waiting).properties, indent=2, ensure_ascii=False),
        "back_url": reverse("events" if row else "events-quarantine"),
    }
    return render_page(request, "billing/events/detail.html", context, partials=("drawer",))


def current_reasons(request: StaffRequest, rows: list[QuarantinedEvent]) -> dict[UUID, str]:
    """Why each still waits, as things are now: the metric may have come while the subscription has not."""
    references, codes = {reference_of(row) for row in rows}, {row.code for row in rows}
    attachment = Attachment.named(request.organization, references, codes)
    found: dict[UUID, str] = {}
    for row in rows:
        reason = attachment.subscription(reference_of(row), row.timestamp)[3]
        if not reason and row.code not in attachment.metrics:
            reason = "unknown_metric"
        if not reason and row.reason in {"unreadable_value", "uncomputable_value"}:
            reason = row.reason
        found[row.pk] = reason
    return found


@access("events.view")
@require_safe
def quarantine(request: StaffRequest) -> HttpResponse:
    """Events whose subscription or metric is unknown, with the reason that holds now."""
    context = listing(request, wanted(request, quarantined=True))
    reasons = current_reasons(request, context["rows"])
    context["rows"] = [{"event": row, "reason": REASONS[reasons[row.pk]]} for row in context["rows"]]
    context |= {
        "may_match": may(request.member, "events.edit"),
        "tab_items": developer_tabs(request, "events-quarantine"),
    }
    return render_page(request, "billing/events/quarantine.html", context, partials=("event-table",))


@access("events.edit")
@require_POST
def match_again(request: StaffRequest) -> HttpResponse:
    """Match now instead of waiting for the next round."""
    moved = match_quarantined(request.organization, at=now(request.organization))
    text = (
        "Nothing could be matched." if not moved else f"{moved:,} event{'' if moved == 1 else 's'} matched."
    )
    kind = "success" if moved else "info"
    return done(request, reverse("events-quarantine"), text, kind=kind)
