"""What the pages of a plan share: finding it, and its tabs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse

from billing.models import Plan
from billing.queries.catalog_use import plan_use
from billing.web.access import may
from billing.web.requests import StaffRequest


def find_plan(request: StaffRequest, id: UUID) -> Plan:
    """The organization's plan that is not deleted; else 404."""
    return Plan.objects.of(request.organization).kept().get_or_404(pk=id)


def frame(request: StaffRequest, plan: Plan, active: str) -> dict[str, Any]:
    """The plan with its tabs."""
    use = plan_use(plan)
    items = (
        ("Overview", "plan", None),
        ("Subscriptions", "plan-subscriptions", use.ever),
        ("Versions", "plan-versions", plan.price_version),
        ("Activity", "plan-activity", None),
    )
    return {
        "plan": plan,
        "use": use,
        "can_edit": may(request.member, "catalog.edit"),
        "tab_items": [
            {"label": label, "url": reverse(name, args=[plan.public_id]), "active": name == active}
            | ({} if count is None else {"count": count})
            for label, name, count in items
        ],
    }
