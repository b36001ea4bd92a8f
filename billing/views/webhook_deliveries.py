"""What was sent to an endpoint, try by try, what it said, and sending it again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.actions.webhook_replays import MOST_AT_ONCE, replay, replay_failed
from billing.models import WebhookDelivery
from billing.orm.exact_json import pretty
from billing.queries.webhooks import STATES, deliveries_of, event_before, in_state, state_of
from billing.rules.errors import Conflict
from billing.rules.json_changes import MISSING, changes
from billing.views.webhooks import found, frame
from billing.web.access import access, may
from billing.web.htmx import back_url, done, render_page
from billing.web.paging import address, page_of
from billing.web.requests import StaffRequest


@access("webhooks.view")
@require_safe
def deliveries(request: StaffRequest, id: UUID) -> HttpResponse:
    """An endpoint's page: its deliveries, newest first; by state and event."""
    endpoint = found(request, id)
    rows = deliveries_of(endpoint)
    chosen, name = request.GET.get("state", ""), request.GET.get("event", "")
    names = list(rows.order_by("name").values_list("name", flat=True).distinct())
    if chosen in STATES:
        rows = in_state(rows, chosen)
    if name in names:
        rows = rows.filter(name=name)
    page = page_of(request, rows)
    tabs = [{"label": "All", "url": address(request.GET, "state", "page"), "active": chosen not in STATES}]
    tabs += [
        {
            "label": state.capitalize(),
            "url": address(request.GET, "page", state=state),
            "active": state == chosen,
        }
        for state in STATES
    ]
    context = frame(request, endpoint, "deliveries") | {
        "page": page,
        "rows": [{"delivery": row, "state": state_of(row), "last": last_of(row)} for row in page],
        "state_tabs": tabs,
        "state": chosen,
        "name": name,
        "names": names,
        "filtered": chosen in STATES or name in names,
        "failed": WebhookDelivery.objects.filter(endpoint=endpoint, state="failed").count(),
    }
    return render_page(request, "billing/webhooks/deliveries.html", context, partials=("delivery-table",))


def last_of(row: WebhookDelivery) -> Any:
    """The latest try, or None."""
    tries = list(row.attempts.all())
    return tries[-1] if tries else None


@access("webhooks.view")
@require_safe
def delivery(request: StaffRequest, id: UUID) -> HttpResponse:
    """One delivery in a drawer: tries, what was said, and how that differs from the event before."""
    row = one(request, id)
    before = event_before(row.event)
    context = {
        "delivery": row,
        "endpoint": row.endpoint,
        "state": state_of(row),
        "attempts": list(row.attempts.order_by("-at", "-id")),
        "payload": pretty(row.event.data),
        "before": before,
        "differences": [
            shown(*change)
            for change in (changes(before.data, row.event.data) if before else [])
            if change[0] != "updatedAt"  # it always differs
        ],
        "headers": headers_of(row),
        "may_replay": may(request.member, "webhooks.edit") and row.endpoint.deleted_at is None,
        "back_url": reverse("webhook", args=[row.endpoint.public_id]),
    }
    return render_page(request, "billing/webhooks/delivery.html", context, partials=("drawer",))


def headers_of(row: WebhookDelivery) -> list[tuple[str, str]]:
    """What goes along with each try, in words where it differs from one to the next."""
    moment, signed = "the try's moment in Unix seconds", "made anew for each try"
    return [
        ("Content-Type", "application/json"),
        ("webhook-id", row.public_id),
        ("webhook-timestamp", moment),
        ("webhook-signature", f"v1,… {signed}"),
        ("Tarn-Event", row.name),
        ("Tarn-Delivery", row.public_id),
        ("Tarn-Timestamp", moment),
        ("Tarn-Signature", f"v1=… {signed}"),
    ]


def shown(path: str, before: Any, after: Any) -> dict[str, str]:
    """A difference in words; nothing is a dash."""
    return {"path": path, "before": text_of(before), "after": text_of(after)}


def text_of(value: Any) -> str:
    """A leaf as JSON writes it, text without quotes."""
    if value is MISSING:
        return "–"
    return value if isinstance(value, str) else pretty(value)


def one(request: StaffRequest, id: UUID) -> WebhookDelivery:
    """The organization's delivery to an endpoint that is still there; else 404."""
    rows = WebhookDelivery.objects.of(request.organization).filter(endpoint__deleted_at=None)
    row: WebhookDelivery = rows.select_related("event", "endpoint__organization").get_or_404(pk=id)
    return row


@access("webhooks.edit")
@require_POST
def replay_one(request: StaffRequest, id: UUID) -> HttpResponse:
    """Send it again."""
    row = one(request, id)
    page = reverse("webhook", args=[row.endpoint.public_id])
    try:
        replay(row, by=request.actor, at=now(request.organization))
    except Conflict as error:
        return done(request, back_url(request, page), str(error), kind="error")
    return done(request, page, "It is sent again.", events=("delivery-changed",))


@access("webhooks.edit")
@require_http_methods(["GET", "POST"])
def replay_all(request: StaffRequest, id: UUID) -> HttpResponse:
    """Send all failed ones again, after saying how many."""
    endpoint = found(request, id)
    page = reverse("webhook", args=[endpoint.public_id])
    if request.method == "POST":
        try:
            count = replay_failed(endpoint, by=request.actor, at=now(request.organization))
        except Conflict as error:
            return done(request, page, str(error), kind="error")
        return done(request, page, f"{count:,} deliveries are sent again.", events=("delivery-changed",))
    failed = WebhookDelivery.objects.filter(endpoint=endpoint, state="failed").order_by("number")
    context = {
        "endpoint": endpoint,
        "count": min(failed.count(), MOST_AT_ONCE),
        "first": failed.first(),
        "last": failed.last(),
    }
    return render_page(request, "billing/webhooks/replay.html", context, partials=("dialog",))
