"""The button "Undo" of the message after a customer was changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.models import AuditEntry
from billing.web.access import access
from billing.web.htmx import back_url, done
from billing.web.requests import StaffRequest
from customers.actions.undo import last_change, take_back
from customers.models import Customer
from customers.views.frame import find_customer, opened_from


def undo_url(request: StaffRequest, before: Customer, customer: Customer, at: datetime) -> str:
    """Where a POST takes back what was changed at this moment; empty when nothing was, or it cannot go back.
    `before`: the row as it was read before the change.
    """
    if customer.updated_at == before.updated_at:
        return ""  # a sandbox's clock may stand still, so that the moment alone does not say it
    entry = last_change(customer, by=request.actor, at=at)
    return reverse("customer-change-undo", args=[customer, entry]) if entry else ""


@require_POST
@access("customers.edit")
def undo(request: StaffRequest, id: UUID, entry_id: UUID) -> HttpResponse:
    """The values before stand again, and the page shows them."""
    customer = find_customer(request, id)
    entry = AuditEntry.objects.of(request.organization).filter(subject_id=customer.pk).get_or_404(pk=entry_id)
    take_back(customer, entry, by=request.actor, at=now(request.organization))
    own = reverse("customer", args=[customer])
    page = opened_from(request, customer) if request.htmx else back_url(request, own)
    return done(request, page, "The change was taken back.", kind="info")
