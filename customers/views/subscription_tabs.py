"""The tabs of a subscription's page besides Overview."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import AuditEntry, Subscription
from billing.queries.own_terms import own_differences
from billing.queries.usage import charges_of
from billing.queries.versions import terms_of, version_of
from billing.rules.price_versions import is_own
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.paging import page_of, sorted_by
from billing.web.price_words import difference_rows
from billing.web.pricing import shown_charge
from billing.web.requests import StaffRequest
from customers.queries.units import units_of
from customers.queries.watching import watched
from customers.views.activity import trail_context
from customers.views.find import subscription_or_404
from customers.views.subscription_frame import subscription_frame
from customers.views.usage import usage_answer
from invoicing.models import Invoice
from invoicing.queries.listing import INVOICE_SORTS, listed


@require_safe
@access("subscriptions.view")
def plan(request: StaffRequest, id: UUID) -> HttpResponse:
    """The prices that this very subscription pays: in its currency, in the version that counts for it."""
    row = subscription_or_404(request, id)
    at = now(request.organization)
    context = (
        subscription_frame(request, row, "plan")
        | {
            "terms": terms_of(row, at),
            "charges": [shown_charge(charge, row.currency) for charge in charges_of(row, at)],
            "units": units_of(row, at),
        }
        | own_context(row, at)
    )
    return render_page(request, "customers/subscriptions/plan.html", context)


def own_context(row: Subscription, at: datetime) -> dict[str, Any]:
    """What own_card.html needs: `own_rows`, and `own_from` or `own_until` where that is still to come."""
    coming = row.price_since if row.price_since and row.price_since > at else None
    if row.has_own_terms:
        return {"own_rows": difference_rows(own_differences(row), row.currency), "own_from": coming}
    return {"own_until": coming if coming and is_own(version_of(row, row.plan, at)) else None}


@require_safe
@access("usage.view")
def usage(request: StaffRequest, id: UUID) -> HttpResponse:
    """What it has used in its running period, by charge and by day."""
    row = subscription_or_404(request, id)
    frame = subscription_frame(request, row, "usage")
    base = f"{reverse('subscription-usage', args=[row])}?"
    return usage_answer(request, row if row.started_at else None, base, lambda: frame)


@require_safe
@access("subscriptions.view")
def thresholds(request: StaffRequest, id: UUID) -> HttpResponse:
    """Amounts of usage that are billed before the period ends, and where its usage stands."""
    row = subscription_or_404(request, id)
    context = subscription_frame(request, row, "thresholds")
    context |= {"watched": watched(row, now(request.organization))}
    return render_page(request, "customers/subscriptions/thresholds_tab.html", context)


@require_safe
@access("subscriptions.view")
def alerts(request: StaffRequest, id: UUID) -> HttpResponse:
    """What tells when usage crosses a step."""
    row = subscription_or_404(request, id)
    context = subscription_frame(request, row, "alerts")
    context |= {"alerts": row.alerts.filter(deleted_at=None).select_related("metric").order_by("pk")}
    return render_page(request, "customers/subscriptions/alerts_tab.html", context)


@require_safe
@access("invoices.view")
def invoices(request: StaffRequest, id: UUID) -> HttpResponse:
    """The invoices that have something of it, also together with others."""
    row = subscription_or_404(request, id)
    today = timezone.localtime(now(request.organization)).date()
    found = Invoice.objects.of(request.organization).about(row)
    rows, _ = sorted_by(request, found.exclude(status="closed"), INVOICE_SORTS, "-issued")
    page = page_of(request, rows.select_related("customer"))
    context = subscription_frame(request, row, "invoices")
    context |= {"page": page, "rows": listed(page.object_list, today)}
    return render_page(
        request, "customers/subscriptions/invoices_tab.html", context, partials=("invoice-table",)
    )


@require_safe
@access("audit.view")
def activity(request: StaffRequest, id: UUID) -> HttpResponse:
    """Who did what to it, and when."""
    row = subscription_or_404(request, id)
    frame = subscription_frame(request, row, "activity")
    trail = AuditEntry.objects.of(request.organization).filter(subject_id=row.pk)
    context = trail_context(request, trail, row.customer, frame["tz"])
    return render_page(request, "customers/activity.html", frame | context, partials=("activity-table",))
