"""The events of plans, told by every action that changes one."""

from __future__ import annotations

from datetime import datetime

from billing.actions.webhooks import emit
from billing.models import Plan
from billing.queries.payloads_catalog import full_plans, plan_payload


def tell(plan: Plan, name: str, *, at: datetime) -> None:
    """`plan.created`, `.updated` or `.deleted` with the plan as it is now."""
    found = full_plans(Plan.objects.filter(pk=plan.pk)).get()
    emit(plan.organization, name, plan, plan_payload(found), at=at)
