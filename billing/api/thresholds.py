"""/api/plans/{id}/thresholds."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from django.http import HttpRequest
from ninja import Field

from billing.actions.clock import now
from billing.actions.thresholds import ThresholdTerms, set_plan_thresholds
from billing.api.lookups import by_id_or_code
from billing.api.plans import router
from billing.models import Plan
from billing.queries.payloads_alerts import threshold_payload
from billing.queries.shapes import PlanThresholdsOut
from billing.rules.amounts import exact_minor
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object


class PlanThresholdIn(ApiSchema):
    """An amount of usage in major units of the plan's currency, without tax."""

    amount: Decimal = Field(gt=0)
    name: str = Field("", max_length=100)
    recurring: bool = False


class PlanThresholdsIn(ApiSchema):
    """All thresholds of the plan, whatever it has now."""

    thresholds: list[PlanThresholdIn] = Field(max_length=20)


@router.get("/{ref}/thresholds")
def list_thresholds(request: HttpRequest, ref: str) -> Object[PlanThresholdsOut]:
    """The amounts of lifetime usage at which a subscription of the plan is billed before its period ends."""
    return envelope(plan_thresholds(by_id_or_code(request, Plan, ref)))


@router.put("/{ref}/thresholds")
def put_thresholds(request: HttpRequest, ref: str, body: PlanThresholdsIn) -> Object[PlanThresholdsOut]:
    """Replace the plan's thresholds. Subscriptions with thresholds of their own keep those."""
    staff = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    terms = [
        ThresholdTerms(exact_minor(row.amount, plan.currency, field="thresholds"), row.name, row.recurring)
        for row in body.thresholds
    ]
    plan = set_plan_thresholds(plan, terms, by=staff.actor, at=now(staff.organization))
    return envelope(plan_thresholds(plan))


def plan_thresholds(plan: Plan) -> PlanThresholdsOut:
    """The plan's own, in order; the recurring one last."""
    return {
        "planId": plan.public_id,
        "thresholds": [threshold_payload(item, plan.currency) for item in plan.thresholds.all()],
    }
