"""Deleting a customer: the preview, the request, the progress."""

from __future__ import annotations

from typing import Any
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

SHOWN = 20


@access("customers.delete")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Show what will happen; on POST start it and go to the progress page."""
    customer = find_customer(request, id)
    at = now(request.organization)
    if customer.deleting_at and request.method == "GET":
        return done(request, reverse("customer-deletion", args=[customer]))
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
            return done(request, reverse("customer-deletion", args=[customer]))
        except BillingError as error:
            add_error(form, error)
    choice = request.POST.get("unpaid_invoices") or request.GET.get("unpaid_invoices")
    outcome = foresee_deletion(
        customer, unpaid_invoices=KEEP if choice == KEEP else VOID, by=request.actor, at=at
    )
    form.explain(preview.unpaid)
    context = {
        "customer": customer,
        "preview": preview,
        "outcome": outcome,
        "lost": [
            (row, outcome.lost.get(row.pk, 0), outcome.billed.get(row.pk, 0))
            for row in preview.wallets_ending(outcome.wallets)
        ],
        "providers": preview.providers,
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
    running = job is not None and job.state in {"queued", "running"}
    context = {
        "customer": customer,
        "job": job,
        "running": running,
        "done_count": sum(step["state"] == "done" for step in job.steps) if job else 0,
    }
    if not running:
        context |= remaining(customer)
    return render_page(request, "customers/delete/progress.html", context, partials=("deletion-progress",))


def remaining(customer: Customer) -> dict[str, Any]:
    """The newest documents that stay, how many there are, and where all of them are."""
    invoices = customer.invoices.exclude(number="").order_by("-issuing_on", "-pk")
    notes = customer.credit_notes.order_by("-issuing_on", "-pk")
    only = f"?customer={customer.public_id}"
    documents, credit_notes = list(invoices[:SHOWN]), list(notes[:SHOWN])
    return {
        "documents": documents,
        "credit_notes": credit_notes,
        "invoice_count": invoices.count() if len(documents) == SHOWN else len(documents),
        "credit_note_count": notes.count() if len(credit_notes) == SHOWN else len(credit_notes),
        "invoices_url": reverse("invoices") + only,
        "credit_notes_url": reverse("credit-notes") + only,
    }
