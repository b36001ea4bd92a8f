"""What came after an invoice was final, on the Usage tab of its period."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.actions.late_usage import leave_unbilled
from billing.rules.ids import decode
from billing.web.access import access, may
from billing.web.htmx import done
from billing.web.requests import StaffRequest
from customers.views.find import subscription_or_404
from invoicing.models import InvoicedPeriod
from invoicing.queries.late import late_usage


def late_context(request: StaffRequest, period: Any) -> dict[str, Any]:
    """`late` for the template: None where nothing came late. `period`: one of `past_periods`."""
    if period is None or not period.late_count:
        return {"late": None}
    query = f"?late=all&subscription={period.subscription.public_id}"
    return {
        "late": late_usage(period),
        "late_events_url": reverse("events") + query if may(request.member, "events.view") else "",
        "may_leave": bool(period.late_open) and may(request.member, "subscriptions.edit"),
    }


@require_POST
@access("subscriptions.edit")
def leave(request: StaffRequest, id: UUID) -> HttpResponse:
    """The late events of an invoiced period stay unbilled."""
    row = subscription_or_404(request, id)
    key = decode(InvoicedPeriod.PREFIX, request.POST.get("period", ""))
    period = InvoicedPeriod.objects.filter(subscription=row, kind="usage", pk=key).first() if key else None
    if period is None:
        raise Http404("No such period.")
    left = leave_unbilled(row, period.start, period.end, by=request.actor, at=now(request.organization))
    text = f"{left:,} late event{'' if left == 1 else 's'} stay{'s' if left == 1 else ''} unbilled."
    page = reverse("subscription-usage", args=[row]) + f"?period={period.public_id}"
    return done(
        request, page, text if left else "Nothing waits any more.", kind="success" if left else "info"
    )
