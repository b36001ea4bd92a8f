"""Invoices that a change of type put in question: the hint on the Information tab, marking, taking that back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.rules.ids import decode
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.forms.reviews import ReviewForm
from customers.models import Customer
from customers.queries.classification import local_day
from customers.views.frame import find_customer
from invoicing.actions.reviews import mark_reviewed, undo_review
from invoicing.models import InvoiceReview

CHANGED = ("reviews-changed",)


def review_context(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    """What `customers/classification/review.html` shows: reviews that wait, those that were done, and the addresses
    for whoever may act. One query.
    """
    today = local_day(customer, now(request.organization))
    found = list(InvoiceReview.objects.of(request.organization).of_customer(customer).current(today))
    can = bool(found) and may(request.member, "credit_notes.edit") and not customer.deleting_at
    return {
        "reviews_waiting": [row for row in found if row.reviewed_at is None],
        "reviews_done": [row for row in found if row.reviewed_at],
        "review_url": reverse("customer-reviews", args=[customer]) if can else "",
        "review_undo_url": reverse("customer-reviews-undo", args=[customer]) if can else "",
    }


@require_http_methods(["GET", "POST"])
@access("credit_notes.edit")
def reviews(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog "Mark as reviewed"; `?invoice=` ticks that one alone."""
    customer, at = find_customer(request, id), now(request.organization)
    today = local_day(customer, at)
    waiting = list(
        InvoiceReview.objects.of(request.organization).of_customer(customer).current(today).waiting()
    )
    data = request.POST if request.method == "POST" else None
    form = ReviewForm(data, waiting=waiting, chosen=request.GET.getlist("invoice"))
    if form.is_bound and form.is_valid():
        try:
            marked = mark_reviewed(customer, **form.cleaned_data, today=today, by=request.actor, at=at)
        except BillingError as error:
            add_error(form, error)
        else:
            return done(request, page_of(customer), said(marked), events=CHANGED, undo_url=undo_url(marked))
    context = {"customer": customer, "form": form, "waiting": waiting, "action_url": request.path}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "customers/classification/reviewed.html", context, partials=("dialog",), status=status
    )


@require_POST
@access("credit_notes.edit")
def undo(request: StaffRequest, id: UUID) -> HttpResponse:
    """Taking it back: `batch`, what was marked together, or `invoice`."""
    customer = find_customer(request, id)
    asked = request.GET.get("batch", "")
    undo_review(
        customer,
        batch=decode("batch", asked) if asked else None,
        invoices=[key for text in request.POST.getlist("invoice") if (key := decode("inv", text))],
        by=request.actor,
        at=now(request.organization),
    )
    return done(request, page_of(customer), "To be reviewed again.", events=CHANGED)


def page_of(customer: Customer) -> str:
    """Where the hint stands."""
    return reverse("customer-information", args=[customer])


def said(marked: list[InvoiceReview]) -> str:
    """What happened, in words."""
    if not marked:
        return "Somebody else has reviewed this already."
    return f"{marked[0]} reviewed." if len(marked) == 1 else f"{len(marked)} invoices reviewed."


def undo_url(marked: list[InvoiceReview]) -> str:
    """The address that takes back what was marked together."""
    if not marked:
        return ""
    undo = reverse("customer-reviews-undo", args=[marked[0].invoice.customer_id])
    return f"{undo}?batch={marked[0].batch}"
