"""Erasing the personal data of deleted customers: where they are found, the preview, the request, the progress."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page, wants_partial
from billing.web.paging import page_of, tidy
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from customers.actions.erase import check_deleted, request_erasure
from customers.forms.erasing import ErasureForm
from customers.models import Customer
from customers.queries.erasing import deleted_customers, erasing_job, erasure_preview, state_of


def find(request: StaffRequest, id: UUID) -> Customer:
    """A customer of the organization, also one that is deleted or erased; else 404."""
    rows = Customer.objects.of(request.organization).select_related("organization", "merged_into")
    return cast(Customer, rows.get_or_404(pk=id))


@require_safe
@access("customers.erase")
def privacy(request: StaffRequest) -> HttpResponse:
    """Settings, Privacy: the deleted customers, the latest first."""
    term = request.GET.get("q", "").strip()[:100]
    context = {
        "page": page_of(request, deleted_customers(request.organization, term)),
        "q": term,
        "tab_items": settings_tabs(request, "privacy"),
    }
    response = render_page(request, "customers/erasing/list.html", context, partials=("deleted-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@access("customers.erase")
def erase(request: StaffRequest, id: UUID) -> HttpResponse:
    """Show what goes and what stays; on POST start it and go to the progress page."""
    customer = find(request, id)
    url = reverse("customer-erasure", args=[customer])
    if request.method != "POST" and state_of(customer, erasing_job(customer)) in {"erased", "running"}:
        return done(request, url)
    form = ErasureForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            at = now(request.organization)
            request_erasure(customer, reason=data["reason"], confirm=data["confirm"], by=request.actor, at=at)
            return done(request, url)
        except BillingError as error:
            add_error(form, error)
    context = {
        "customer": customer,
        "hindrance": hindrance(customer),
        "preview": erasure_preview(customer),
        "form": form,
    }
    status = 422 if form.errors else 200
    return render_page(request, "customers/erasing/dialog.html", context, partials=("dialog",), status=status)


def hindrance(customer: Customer) -> str:
    """Why it cannot be done; nothing when it can."""
    try:
        check_deleted(customer)
    except BillingError as error:
        return str(error)
    return ""


@require_safe
@access("customers.erase")
def erasure(request: StaffRequest, id: UUID) -> HttpResponse:
    """The progress, and what was erased and what stays: the page polls itself until it is done."""
    customer = find(request, id)
    job = erasing_job(customer)
    state = state_of(customer, job)
    context = {
        "customer": customer,
        "job": job,
        "state": state,
        "running": state == "running",
        "done_count": sum(step["state"] == "done" for step in job.steps) if job else 0,
        "preview": None if state == "running" else erasure_preview(customer),
    }
    response = render_page(
        request, "customers/erasing/progress.html", context, partials=("erasure-progress",)
    )
    if wants_partial(request) and state == "erased":
        response["HX-Refresh"] = "true"  # the heading that was asked for before still says who it was
    return response
