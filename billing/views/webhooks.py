"""`/developers/webhooks`: endpoints are added, changed, tried, paused, given another secret and removed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings as installed
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.actions.webhook_endpoints import (
    create_endpoint,
    delete_endpoint,
    rotate_secret,
    send_test,
    update_endpoint,
)
from billing.forms.webhooks import SecretForm, WebhookForm, initial_of
from billing.models import WebhookDelivery, WebhookEndpoint
from billing.queries.webhooks import Health, health
from billing.rules.errors import BillingError, Conflict
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import back_url, changed, done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs

STATUS_ACTS = {
    "paused": ("Pause", "is paused. What happens meanwhile is kept for it."),
    "active": ("Resume", "is active. What waits is sent now."),
}


def found(request: StaffRequest, id: UUID) -> WebhookEndpoint:
    """The organization's endpoint; else 404."""
    rows = WebhookEndpoint.objects.of(request.organization).kept().select_related("organization")
    row: WebhookEndpoint = rows.get_or_404(pk=id)
    return row


@access("webhooks.view")
@require_safe
def webhooks(request: StaffRequest) -> HttpResponse:
    """All endpoints with how they do."""
    rows = list(WebhookEndpoint.objects.of(request.organization).kept().order_by("-created_at", "-pk"))
    known = health(rows, timezone.now())
    context = {
        "rows": [{"endpoint": row, "health": known.get(row.pk, Health())} for row in rows],
        "may_edit": may(request.member, "webhooks.edit"),
        "tab_items": developer_tabs(request, "webhooks"),
    }
    return render_page(request, "billing/webhooks/list.html", context, partials=("webhook-table",))


@access("webhooks.edit")
@never_cache
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    """Add one. The answer to the POST is the only place where the secret stands."""
    form = WebhookForm(request.POST or None)
    template = "billing/webhooks/add.html"
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if not first:
                    raise Conflict("It was added already; its secret cannot be shown again.", code="repeated")
                row, secret = create_endpoint(
                    request.organization,
                    form.cleaned_data["url"],
                    form.events(),
                    description=form.cleaned_data["description"],
                    by=request.actor,
                    at=now(request.organization),
                )
        except BillingError as error:
            add_error(form, error, {"events": "scope"})
        else:
            context = {"endpoint": row, "secret": secret}
            return changed(render_page(request, template, context, partials=("drawer",)), "webhook-changed")
    status = 422 if form.errors else 200
    return render_page(request, template, {"form": form}, partials=("drawer",), status=status)


@access("webhooks.edit")
@require_http_methods(["GET", "POST"])
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Change address, description or events."""
    row = found(request, id)
    form = WebhookForm(request.POST or None, initial=initial_of(row.url, row.description, row.events))
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("url", "description")}
        try:
            update_endpoint(
                row, values | {"events": form.events()}, by=request.actor, at=now(request.organization)
            )
        except BillingError as error:
            add_error(form, error, {"events": "scope"})
        else:
            page = reverse("webhook-settings", args=[row.public_id])
            return done(request, page, "Webhook changed.", events=("webhook-changed",))
    status = 422 if form.errors else 200
    context = {"form": form, "endpoint": row}
    return render_page(request, "billing/webhooks/edit.html", context, partials=("drawer",), status=status)


@access("webhooks.view")
@require_safe
def settings(request: StaffRequest, id: UUID) -> HttpResponse:
    """What is set, and what became of it."""
    row = found(request, id)
    context = frame(request, row, "settings")
    return render_page(request, "billing/webhooks/settings.html", context, partials=("webhook-settings",))


def frame(request: StaffRequest, row: WebhookEndpoint, active: str) -> dict[str, Any]:
    """What both pages of an endpoint show."""
    known = health([row], timezone.now())[row.pk]
    return {
        "endpoint": row,
        "health": known,
        "may_edit": may(request.member, "webhooks.edit"),
        "days_kept": installed.WEBHOOK_DAYS_KEPT,
        "previous_counts": bool(row.previous_until and row.previous_until > timezone.now()),
        "page_tabs": [
            {
                "label": "Deliveries",
                "url": reverse("webhook", args=[row.public_id]),
                "active": active == "deliveries",
            },
            {
                "label": "Settings",
                "url": reverse("webhook-settings", args=[row.public_id]),
                "active": active == "settings",
            },
        ],
    }


@access("webhooks.edit")
@require_http_methods(["GET", "POST"])
def status(request: StaffRequest, id: UUID) -> HttpResponse:
    """Pause an active one, take up one that is not, after saying what follows."""
    row = found(request, id)
    wanted = "paused" if row.status == "active" else "active"
    word, text = STATUS_ACTS[wanted]
    if request.method == "POST":
        if request.POST.get("status", wanted) == wanted:  # a second click finds it done
            update_endpoint(row, {"status": wanted}, by=request.actor, at=now(request.organization))
        page = reverse("webhook", args=[row.public_id])
        return done(request, page, f"The webhook {text}", kind="success")
    context = {
        "endpoint": row,
        "wanted": wanted,
        "word": word,
        "days_kept": installed.WEBHOOK_DAYS_KEPT,
        "waiting": WebhookDelivery.objects.waiting().filter(endpoint=row).count(),
        "given_up": WebhookDelivery.objects.filter(endpoint=row, state="failed").exists(),
    }
    return render_page(request, "billing/webhooks/status.html", context, partials=("dialog",))


@access("webhooks.edit")
@require_http_methods(["GET", "POST"])
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Remove it, after saying what will not be sent any more."""
    row = found(request, id)
    if request.method == "POST":
        delete_endpoint(row, by=request.actor, at=now(request.organization))
        return done(request, reverse("webhooks"), "The webhook was removed.")
    context = {
        "endpoint": row,
        "waiting": WebhookDelivery.objects.waiting().filter(endpoint=row).count(),
        "health": health([row], timezone.now())[row.pk],
    }
    return render_page(request, "billing/webhooks/delete.html", context, partials=("dialog",))


@access("webhooks.edit")
@never_cache
@require_http_methods(["GET", "POST"])
def rotate(request: StaffRequest, id: UUID) -> HttpResponse:
    """Another secret, shown once."""
    row = found(request, id)
    form = SecretForm(request.POST or None)
    template = "billing/webhooks/rotate.html"
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if not first:
                    raise Conflict("It was replaced already and cannot be shown again.", code="repeated")
                row, secret = rotate_secret(
                    row,
                    overlap_hours=form.cleaned_data["overlap"],
                    by=request.actor,
                    at=now(request.organization),
                )
        except BillingError as error:
            add_error(form, error)
        else:
            context = {"endpoint": row, "secret": secret}
            return changed(render_page(request, template, context, partials=("drawer",)), "webhook-changed")
    context = {"form": form, "endpoint": row}
    code = 422 if form.errors else 200
    return render_page(request, template, context, partials=("drawer",), status=code)


@access("webhooks.edit")
@require_POST
def test(request: StaffRequest, id: UUID) -> HttpResponse:
    """Send an event that says of itself that it is a test."""
    row = found(request, id)
    page = reverse("webhook", args=[row.public_id])
    try:
        send_test(row, by=request.actor, at=now(request.organization))
    except Conflict as error:
        return done(request, back_url(request, page), str(error), kind="error")
    return done(request, page, "A test event is on its way.")
