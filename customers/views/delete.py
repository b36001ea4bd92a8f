"""Deleting a customer: the preview, the request, the progress."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.models import Job
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.delete import KEEP, VOID, request_deletion
from customers.actions.foresee import foresee_deletion
from customers.forms.deletion import DeletionForm
from customers.models import Customer
from customers.queries.deletion import deletion_preview
from customers.views.frame import find_customer


@access("customers.delete")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Show what will happen; on POST start it and go to the progress page."""
    customer = find_customer(request, id)
    at = now(request.organization)
    if customer.deleting_at and request.method == "GET":
        return done(request, reverse("customer-deletion", args=[customer.pk]))
    preview = deletion_preview(customer, at)
    asked = {"unpaid_invoices": request.GET.get("unpaid_invoices", VOID)}
    form = DeletionForm(request.POST if request.method == "POST" else None, initial=asked)
    if request.method == "POST" and form.is_valid():
        try:
            request_deletion(
                customer,
                unpaid_invoices=form.cleaned_data["unpaid_invoices"],
                confirmation=form.cleaned_data["confirmation"],
                money_involved=preview.money_involved,
                by=request.actor,
                at=at,
            )
            return done(request, reverse("customer-deletion", args=[customer.pk]))
        except BillingError as error:
            add_error(form, error)
    choice = request.POST.get("unpaid_invoices") or request.GET.get("unpaid_invoices")
    outcome = foresee_deletion(
        customer, unpaid_invoices=KEEP if choice == KEEP else VOID, by=request.actor, at=at
    )
    context = {
        "customer": customer,
        "preview": preview,
        "outcome": outcome,
        "lost": [(row, outcome.lost.get(row.pk, 0)) for row in preview.wallets],
        "form": form,
    }
    status = 422 if form.errors else 200
    return render_page(request, "customers/delete/dialog.html", context, partials=("dialog",), status=status)


@access("customers.view")
def deletion(request: StaffRequest, id: UUID) -> HttpResponse:
    """The progress of a deletion, also after it is done: the page polls itself until then."""
    customer = Customer.objects.of(request.organization).get_or_404(pk=id)
    job = (
        Job.objects.of(request.organization)
        .filter(subject_id=customer.pk, task="customers.delete")
        .order_by("-created_at")
        .first()
    )
    context = {
        "customer": customer,
        "job": job,
        "running": job is not None and job.state in {"queued", "running"},
        "documents": customer.invoices.exclude(number="").order_by("-issuing_on")[:20],
        "credit_notes": customer.credit_notes.order_by("-issuing_on")[:20],
    }
    return render_page(request, "customers/delete/progress.html", context, partials=("deletion-progress",))
