"""Billable metrics: list, one metric, and its drawer."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.actions.metrics import create_metric, delete_metric, update_metric
from billing.forms.metric import MetricForm
from billing.models import AuditEntry, Metric
from billing.queries.catalog_use import has_events, metric_use, waiting_events
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.activity import timeline_items
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest

COLUMNS = {"name": "name", "aggregation": "aggregation", "plans": "plans_count", "created": "created_at"}


@require_safe
@access("catalog.view")
def metrics(request: StaffRequest) -> HttpResponse:
    """All metrics, searched by name and code."""
    priced = Q(charges__deleted_at=None, charges__plan__deleted_at=None)
    rows = Metric.objects.of(request.organization).kept()
    rows = rows.annotate(plans_count=Count("charges__plan", filter=priced, distinct=True))
    term = request.GET.get("q", "").strip()[:100]
    if term:
        rows = rows.filter(Q(name__icontains=term) | Q(code__icontains=term))
    rows, sort = sorted_by(request, rows, COLUMNS, "name")
    context = {
        "page": page_of(request, rows),
        "sort": sort,
        "q": term,
        "can_edit": may(request.member, "catalog.edit"),
    }
    return render_page(request, "billing/metrics/list.html", context, partials=("metric-table",))


@require_safe
@access("catalog.view")
def metric(request: StaffRequest, id: UUID) -> HttpResponse:
    """One metric: what it measures, the plans that price it, how to send an event."""
    row = Metric.objects.of(request.organization).kept().get_or_404(pk=id)
    trail = AuditEntry.objects.of(request.organization).filter(subject_id=row.pk)[:10]
    context = {
        "metric": row,
        "use": metric_use(row),
        "waiting": waiting_events(row),
        "curl": curl_example(request, row),
        "timeline": timeline_items(trail, request.organization.timezone),
        "can_edit": may(request.member, "catalog.edit"),
    }
    return render_page(request, "billing/metrics/detail.html", context)


def curl_example(request: StaffRequest, row: Metric) -> str:
    """A call that sends one event of this metric; the key and the subscription are to be filled in."""
    sample = {"sum": "12.5", "max": "42", "latest": "7", "weighted_sum": "3", "unique_count": '"user_123"'}
    fields = {"transactionId": "evt-0001", "subscriptionId": "YOUR_SUBSCRIPTION", "code": row.code}
    parts = [f'"{name}": {json.dumps(value)}' for name, value in fields.items()]
    if row.field_name:
        parts.append(f'"properties": {{{json.dumps(row.field_name)}: {sample[row.aggregation]}}}')
    body = "{" + ",\n       ".join(parts) + "}"
    quoted = body.replace("'", "'\\''")
    return (
        f"curl {request.build_absolute_uri('/api/events')} \\\n"
        '  -H "Authorization: Bearer $TARN_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{quoted}'"
    )


@access("catalog.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add a metric"."""
    form = MetricForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        try:
            row = create_metric(
                request.organization, **form.cleaned_data, by=request.actor, at=now(request.organization)
            )
            return done(request, reverse("metric", args=[row.public_id]), f"{row.name} created.")
        except BillingError as error:
            add_error(form, error)
    return drawer(request, form, title="Add a billable metric", submit="Create metric", busy="Creating…")


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of an existing metric."""
    row = Metric.objects.of(request.organization).kept().get_or_404(pk=id)
    locked = has_events(row)
    form = MetricForm(request.POST or None, organization=request.organization, metric=row, locked=locked)
    if request.method == "POST" and form.is_valid():
        try:
            update_metric(row, form.cleaned_data, by=request.actor, at=now(request.organization))
            return done(request, reverse("metric", args=[row.public_id]), "Metric saved.")
        except BillingError as error:
            add_error(form, error)
    return drawer(
        request, form, row, title=f"Edit {row.name}", submit="Save changes", busy="Saving…", locked=locked
    )


def drawer(request: StaffRequest, form: MetricForm, row: Metric | None = None, **words: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    cancel = reverse("metric", args=[row.public_id]) if row else reverse("metrics")
    context = {"form": form, "metric": row, "cancel": cancel, "action": request.path} | words
    status = 422 if form.is_bound else 200
    return render_page(request, "billing/metrics/form.html", context, partials=("drawer",), status=status)


@access("catalog.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """What deleting would do, and doing it."""
    row = Metric.objects.of(request.organization).kept().get_or_404(pk=id)
    refusal = ""
    if request.method == "POST":
        try:
            delete_metric(row, by=request.actor, at=now(request.organization))
            return done(request, reverse("metrics"), f"{row.name} deleted.")
        except BillingError as error:
            refusal = str(error)
    context = {
        "metric": row,
        "use": metric_use(row),
        "refusal": refusal,
        "cancel": reverse("metric", args=[row.public_id]),
    }
    status = 422 if refusal else 200
    return render_page(request, "billing/metrics/delete.html", context, partials=("dialog",), status=status)
