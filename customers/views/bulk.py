"""Acts on many customers: choose, look at a dry run, confirm, watch, undo."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.models import Job
from billing.rules.csv_cells import cell
from billing.rules.errors import BillingError
from billing.rules.ids import decode
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.saved_lists import essence
from customers.actions.bulk import TASK, start_run, stored, undo_run
from customers.forms.bulk import BulkForm
from customers.models import BulkRun, Customer
from customers.queries.bulk import described, forecast, outcomes
from customers.rules.bulk import ACTS, MOST, UNDO
from customers.views.listing import SAVED, listing, url_if_any

MERGE = "merge"
OUTCOMES = ("changed", "skipped", "failed", "waiting")


def selected(request: StaffRequest, data: QueryDict) -> QuerySet[Any]:
    """The customers that were ticked, or all that the list's filters let through."""
    if data.get("all"):
        return listing(request.organization, QueryDict(data.get("query", ""))).found.rows
    keys = [decode(Customer.PREFIX, text) for text in data.getlist("id")[:1000]]
    return Customer.objects.of(request.organization).kept().filter(pk__in=[key for key in keys if key])


@access("customers.edit")
def prepare(request: StaffRequest) -> HttpResponse:
    """What to do with the selection; with `preview` the dry run, and a POST starts it."""
    data = request.POST if request.method == "POST" else request.GET
    rows = selected(request, data)
    back = reverse("customers") + (f"?{data['query']}" if data.get("query") else "")
    if data.get("act") == MERGE:
        return to_merge(request, rows, back)
    act = ACTS.get(data.get("act", ""))
    if act is None or not (data.get("all") or data.getlist("id")):
        return done(
            request, back, "Select customers first, then choose what to do with them.", kind="warning"
        )
    asked = "preview" in data or request.method == "POST"
    form = BulkForm(data if asked else None, act=act, organization=request.organization)
    found = None
    if asked and form.is_valid():
        if request.method == "POST":
            try:
                run = start_run(
                    request.organization,
                    rows,
                    act.key,
                    plain(form.value()),
                    query=essence(QueryDict(data.get("query", "")), SAVED.several),
                    token=form.token,
                    by=request.actor,
                    at=now(request.organization),
                )
                return done(request, reverse("bulk-run", args=[run.pk]))
            except BillingError as error:
                add_error(form, error)
        found = forecast(rows, act.key, form.value())
    context = {
        "act": act,
        "form": form,
        "forecast": found,
        "most": MOST,
        "kept": [(name, value) for name in ("all", "query", "act") if (value := data.get(name))],
        "ids": data.getlist("id") if not data.get("all") else [],
        "given": [(act.needs, value) for value in data.getlist(act.needs)] if found and act.needs else [],
        "once": form.fields["once"].initial,
        "back_url": back,
    }
    return render_page(request, "customers/bulk/prepare.html", context, status=422 if form.errors else 200)


def plain(value: Any) -> Any:
    """An act's value as JSON holds it."""
    return [str(key) for key in value] if isinstance(value, list) else stored(value)


def to_merge(request: StaffRequest, rows: QuerySet[Any], back: str) -> HttpResponse:
    """The page that merges two customers; it takes exactly two."""
    pair = list(rows.order_by("created_at")[:3])
    address = url_if_any("customer-merge-pair")
    if len(pair) != 2 or not address:
        return done(request, back, "Select exactly two customers to merge them.", kind="warning")
    ids = ",".join(row.public_id for row in pair)
    return done(request, f"{address}?{urlencode({'customers': ids}, safe=',')}")


@access("customers.view")
def run(request: StaffRequest, id: UUID) -> HttpResponse:
    """The receipt of a run: progress while it goes on, then what came of each customer."""
    found = BulkRun.objects.of(request.organization).select_related("undone_by", "undoes").get_or_404(pk=id)
    job = Job.objects.of(request.organization).filter(subject_id=found.pk, task=TASK).first()
    running = job is not None and job.state in {"queued", "running"}
    counts = outcomes(found)
    only = request.GET.get("outcome", "")
    rows = found.rows.select_related("customer")
    if only in OUTCOMES:
        rows = rows.filter(outcome=only)
    url = reverse("bulk-run", args=[found.pk])
    tabs = [{"label": "All", "url": url, "active": only not in OUTCOMES, "count": found.total}]
    tabs += [
        {
            "label": name.capitalize(),
            "url": f"{url}?outcome={name}",
            "active": only == name,
            "count": counts[name],
        }
        for name in OUTCOMES
        if counts.get(name)
    ]
    ended = found.total - counts.get("waiting", 0)
    sets = found.act in ACTS and ACTS[found.act].column
    undoable = sets and counts.get("changed") and not running and not found.undone_by
    context = {
        "run": found,
        "title": described(found),
        "job": job,
        "running": running,
        "counts": [(name, counts.get(name, 0)) for name in OUTCOMES[:3]],
        "ended": ended,
        "page": page_of(request, rows),
        "tab_items": tabs if len(tabs) > 2 else [],
        "undo_url": reverse("bulk-run-undo", args=[found.pk])
        if undoable and may(request.member, "customers.edit")
        else "",
        "origin": getattr(found, "undoes", None) if found.act == UNDO else None,
    }
    return render_page(request, "customers/bulk/run.html", context, partials=("bulk-progress",))


@access("customers.edit")
def undo(request: StaffRequest, id: UUID) -> HttpResponse:
    """Ask, then start a run that takes back what this one changed."""
    found = BulkRun.objects.of(request.organization).get_or_404(pk=id)
    page = reverse("bulk-run", args=[found.pk])
    if request.method == "POST":
        try:
            started = undo_run(found, by=request.actor, at=now(request.organization))
        except BillingError as error:
            return done(request, page, str(error), kind="error")
        return done(request, reverse("bulk-run", args=[started.pk]))
    changed = outcomes(found).get("changed", 0)
    context = {"run": found, "title": described(found), "changed": changed, "cancel_url": page}
    return render_page(request, "customers/bulk/undo.html", context, partials=("dialog",))


@access("customers.view")
def receipt(request: StaffRequest, id: UUID) -> HttpResponse:
    """What came of each customer of a run, as CSV."""
    found = BulkRun.objects.of(request.organization).get_or_404(pk=id)
    response = StreamingHttpResponse(receipt_lines(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="bulk-{found.created_at:%Y-%m-%d}.csv"'
    return response  # type: ignore[return-value]


def receipt_lines(found: BulkRun) -> Iterator[str]:
    """The lines of the file, read a thousand at a time."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(["customer_id", "external_id", "name", "outcome", "note"])
    for row in found.rows.select_related("customer").order_by("pk").iterator(1000):
        customer = row.customer
        texts = (customer.external_id, customer.display_name, row.outcome, row.note)
        writer.writerow([customer.public_id, *map(cell, texts)])
        if out.tell() > 30_000:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()
