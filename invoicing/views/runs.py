"""Acts on many invoices: look at what would happen, confirm, watch, run again what failed, fetch the archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.models import Job
from billing.rules.errors import BillingError
from billing.rules.money import from_minor
from billing.web.access import access, may
from billing.web.csv_files import csv_answer
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.saved_lists import essence
from invoicing.actions.runs import run_failed_again, start_run
from invoicing.forms.bulk import RunForm
from invoicing.models import InvoiceRun
from invoicing.queries.runs import described, forecast, outcomes
from invoicing.rules.bulk import ACTS, ARCHIVE, KEPT_HOURS
from invoicing.views.frame import today_of
from invoicing.views.selecting import chosen_invoices, kept_selection, state_of, ticked

OUTCOMES = {"done": "Done", "skipped": "Left out", "failed": "Failed"}
RECEIPT = ("invoice_id", "number", "customer", "currency", "total", "outcome", "note")


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def prepare(request: StaffRequest) -> HttpResponse:
    """Finalise, send, ask for, void or pack the selection: a GET shows what would happen, a POST starts it."""
    data = request.POST if request.method == "POST" else request.GET
    act, query = ACTS.get(data.get("act", "")), state_of(data)
    back = f"{reverse('invoices')}?{essence(query)}"
    if act is None or not (data.get("all") or ticked(data)):
        text = "Select invoices first, then choose what to do with them."
        return done(request, back, text, kind="warning")
    rows = chosen_invoices(request, data)
    form = RunForm(data if request.method == "POST" else None)
    again = bool(data.get("again"))
    if request.method == "POST" and form.is_valid():
        try:
            started = start_run(
                request.organization,
                rows,
                act.key,
                seen=form.cleaned_data["seen"],
                reason=form.cleaned_data["reason"].strip(),
                again=again,
                query="" if ticked(data) else essence(query),
                token=form.token,
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, reverse("invoice-run", args=[started]))
        except BillingError as error:
            add_error(form, error)
    context = {
        "act": act,
        "form": form,
        "forecast": forecast(rows, act.key, on=today_of(request), again=again),
        "again": again,
        "kept": [*kept_selection(data), ("act", act.key)],
        "once": form.fields["once"].initial if not form.is_bound else form["once"].value(),
        "back_url": back,
        "hours": KEPT_HOURS,
    }
    return render_page(request, "invoicing/runs/prepare.html", context, status=422 if form.errors else 200)


def find_run(request: StaffRequest, id: UUID) -> InvoiceRun:
    """A run of the organization; else 404."""
    return cast(InvoiceRun, InvoiceRun.objects.of(request.organization).get_or_404(pk=id))


@require_safe
@access("invoices.view")
def runs(request: StaffRequest) -> HttpResponse:
    """What was done with many invoices at once, newest first."""
    page = page_of(request, InvoiceRun.objects.of(request.organization))
    rows = [{"run": run, "title": described(run)} for run in page.object_list]
    return render_page(request, "invoicing/runs/list.html", {"page": page, "rows": rows})


@require_safe
@access("invoices.view")
def run(request: StaffRequest, id: UUID) -> HttpResponse:
    """Progress while it goes on, then what came of each invoice."""
    found = find_run(request, id)
    job = Job.objects.of(request.organization).filter(subject_id=found.pk).order_by("-created_at").first()
    running = job is not None and job.state in {"queued", "running"}
    counts = outcomes(found)
    only = request.GET.get("outcome", "")
    rows = found.rows.select_related("invoice")
    if only in OUTCOMES:
        rows = rows.filter(outcome=only)
    url = reverse("invoice-run", args=[found])
    tabs = [{"label": "All", "url": url, "active": only not in OUTCOMES, "count": found.total}]
    tabs += [
        {
            "label": label,
            "url": f"{url}?outcome={name}",
            "active": only == name,
            "count": counts[name],
        }
        for name, label in OUTCOMES.items()
        if counts.get(name)
    ]
    edit = may(request.member, "invoices.edit")
    context = {
        "run": found,
        "act": ACTS[found.act],
        "title": described(found),
        "job": job,
        "running": running,
        "counts": [(label, counts.get(name, 0)) for name, label in OUTCOMES.items()],
        "failed": counts.get("failed", 0),
        "ended": found.total - counts.get("waiting", 0),
        "page": page_of(request, rows),
        "tab_items": tabs if len(tabs) > 2 else [],
        "again_url": reverse("invoice-run-again", args=[found])
        if counts.get("failed") and not running and edit
        else "",
        "file_url": reverse("invoice-run-file", args=[found]) if found.file else "",
        "expired": found.act == ARCHIVE.key and bool(found.file_expires_at) and not found.file,
    }
    return render_page(request, "invoicing/runs/run.html", context, partials=("run-progress",))


@require_POST
@access("invoices.edit")
def again(request: StaffRequest, id: UUID) -> HttpResponse:
    """The invoices that failed are tried again; an archive is packed again."""
    found = find_run(request, id)
    page = reverse("invoice-run", args=[found])
    try:
        run_failed_again(found, by=request.actor, at=now(request.organization))
    except BillingError as error:
        return done(request, page, str(error), kind="error")
    return done(request, page)


@require_safe
@access("invoices.view")
def file(request: StaffRequest, id: UUID) -> HttpResponse:
    """The archive, for members of the organization who may see invoices, as long as it is kept."""
    found = find_run(request, id)
    page = reverse("invoice-run", args=[found])
    over = found.file_expires_at is not None and found.file_expires_at <= timezone.now()
    if not found.file or over:
        return done(request, page, "This file is not there any more. Pack it again.", kind="warning")
    name = f"invoices-{found.created_at:%Y-%m-%d}.zip"
    try:
        content = found.file.open("rb")
    except FileNotFoundError:
        return done(request, page, "The file is missing in the storage. Pack it again.", kind="error")
    response = FileResponse(content, as_attachment=True, filename=name, content_type="application/zip")
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return cast(HttpResponse, response)


@require_safe
@access("invoices.view")
def receipt(request: StaffRequest, id: UUID) -> HttpResponse:
    """What came of each invoice of a run, as CSV."""
    found = find_run(request, id)
    return csv_answer(f"{found.act}-{found.created_at:%Y-%m-%d}", RECEIPT, receipt_lines(found))


def receipt_lines(found: InvoiceRun) -> Iterator[list[Any]]:
    """A line for each row."""
    for row in found.rows.select_related("invoice").order_by("pk").iterator(1000):
        invoice = row.invoice
        known = (
            [
                invoice.public_id,
                invoice.number or row.label,
                invoice.customer_name,
                invoice.currency,
                from_minor(invoice.total_minor, invoice.currency),
            ]
            if invoice
            else ["", row.label, "", "", None]
        )
        yield [*known, row.outcome, row.note]
