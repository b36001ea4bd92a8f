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
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.expression_trial import read_sample, sample_properties, try_expression
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
    values: dict[str, Any] = {
        "sum": 12.5,
        "max": 42,
        "latest": 7,
        "weighted_sum": 3,
        "unique_count": "user_123",
    }
    fields = {"transactionId": "evt-0001", "subscriptionId": "YOUR_SUBSCRIPTION", "code": row.code}
    parts = [f'"{name}": {json.dumps(value)}' for name, value in fields.items()]
    if row.measures:
        carried = sample_properties(row.field_name, row.expression, values[row.aggregation])
        parts.append(f'"properties": {json.dumps(carried, ensure_ascii=False)}')
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
    words: dict[str, Any] = {"title": "Add a billable metric", "submit": "Create metric", "busy": "Creating…"}
    if tried := tried_of(request):
        form = MetricForm(organization=request.organization, initial=request.POST.dict())
        return drawer(request, form, tried=tried, **words)
    form = MetricForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        try:
            row = create_metric(
                request.organization, **form.columns(), by=request.actor, at=now(request.organization)
            )
            return done(request, reverse("metric", args=[row.public_id]), f"{row.name} created.")
        except BillingError as error:
            tell(form, error)
    return drawer(request, form, **words)


def tell(form: MetricForm, error: BillingError) -> None:
    """Errors of the action at their fields and rows."""
    pairs = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
    if rest := form.tell_rows(pairs):
        add_error(form, FieldErrors(rest))


def tried_of(request: StaffRequest) -> dict[str, str]:
    """What "Try it" gives for the expression and the sample that were typed: a `value` or a `problem`."""
    if request.POST.get("do") != "try":
        return {}
    given = {name: request.POST.get(name, "") for name in ("expression", "sample", "code")}
    try:
        at = now(request.organization)
        sample = read_sample(given["sample"])
        return {"value": try_expression(given["expression"], sample, code=given["code"], at=at)}
    except BillingError as error:
        field, text = error.errors[0] if isinstance(error, FieldErrors) else (error.field or "", str(error))
        where = "The expression" if field == "expression" else "The sample event"
        return {"problem": f"{where}: {text[:1].lower()}{text[1:]}"}


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of an existing metric."""
    row = Metric.objects.of(request.organization).kept().get_or_404(pk=id)
    locked = has_events(row)
    options: dict[str, Any] = {"organization": request.organization, "metric": row, "locked": locked}
    words: dict[str, Any] = {"title": f"Edit {row.name}", "submit": "Save changes", "busy": "Saving…"}
    if tried := tried_of(request):
        form = MetricForm(initial=request.POST.dict(), **options)
        return drawer(request, form, row, tried=tried, locked=locked, **words)
    form = MetricForm(request.POST or None, **options)
    if request.method == "POST" and form.is_valid():
        try:
            update_metric(row, form.columns(), by=request.actor, at=now(request.organization))
            return done(request, reverse("metric", args=[row.public_id]), "Metric saved.")
        except BillingError as error:
            tell(form, error)
    return drawer(request, form, row, locked=locked, **words)


def drawer(request: StaffRequest, form: MetricForm, row: Metric | None = None, **words: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    cancel = reverse("metric", args=[row.public_id]) if row else reverse("metrics")
    context = {"form": form, "metric": row, "cancel": cancel, "action": request.path} | words
    context["filters_open"] = bool(
        form.filter_rows.initial or form.filter_rows.is_bound or form.errors.get("filters")
    )
    context["computes"] = form["expression"].value() or words.get("tried") or form.errors.get("expression")
    partials, status = ("drawer", "expression-tried"), 422 if form.is_bound else 200
    return render_page(request, "billing/metrics/form.html", context, partials=partials, status=status)


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
