"""/api/subscriptions/{id}/change-plan, /keep-plan, and PUT /api/subscriptions/{id}."""

from __future__ import annotations

from typing import Literal, cast

from django.http import HttpRequest
from ninja import Field
from pydantic import AliasChoices

from billing.actions.clock import now
from billing.models import Plan
from billing.queries.payloads_subscriptions import subscription_payload
from billing.queries.shapes import OwnSubscriptionOut
from billing.rules.errors import Invalid
from billing.rules.ids import encode
from billing.rules.plan_changes import When
from billing.web.api import ApiRequest, ApiSchema, envelope, named
from billing.web.shapes import Object
from customers.api.effects import effect_payload
from customers.api.subscriptions import SubscriptionChange, answer, find_plan, router, row_of, update
from customers.queries.shapes import ActEffectOut, MovedSubscriptionOut
from invoicing.actions.effects import Effect, effect_of_change
from invoicing.actions.plan_changes import PlanChange, change_plan, keep_plan

PLAN = AliasChoices("planId", "newPlanId", "planCode", "plan_id", "new_plan_id", "plan_code")


class PlanChangeIn(ApiSchema):
    """Another plan, by id or code. `when`: now or at the end of the running period; without it, as much or more a
    year changes now and less waits. `prorate` false: days paid in advance for the old plan are not given back.
    """

    plan_id: str = Field(validation_alias=PLAN)
    when: Literal["now", "period_end"] | None = None
    prorate: bool = True


class PlanPut(SubscriptionChange):
    """The fields of PATCH, and a plan to change to."""

    plan_id: str | None = Field(default=None, validation_alias=PLAN)


def plan_and_when(request: ApiRequest, body: PlanChangeIn) -> tuple[Plan, When | None]:
    """What is asked for."""
    return find_plan(request, body.plan_id), When(body.when) if body.when else None


@router.post("/{id}/change-plan")
def change(request: HttpRequest, id: str, body: PlanChangeIn) -> Object[MovedSubscriptionOut]:
    """Move it to another plan. Now: it ends, and the subscription that follows it, of the same external id, is
    answered; one invoice bills both. At the end of the period: the running one is answered, with `nextPlanId`.
    """
    staff = cast(ApiRequest, request)
    plan, when = plan_and_when(staff, body)
    with named(plan="plan_id"):
        done = change_plan(
            row_of(staff, id),
            plan,
            when=when,
            give_back_unused=body.prorate,
            by=staff.actor,
            at=now(staff.organization),
        )
    return answer_change(staff, id, done)


def answer_change(staff: ApiRequest, id: str, done: PlanChange) -> Object[MovedSubscriptionOut]:
    """The subscription that runs now, and what the change has made."""
    shown = encode("sub", done.subscription.pk) if done.when == When.NOW else id
    found = cast(MovedSubscriptionOut, subscription_payload(row_of(staff, shown)))
    found["planChange"] = {
        "direction": done.direction.value,
        "when": done.when.value,
        "at": done.at,
        "invoiceIds": [encode("inv", row.pk) for row in done.invoices],
        "creditNoteIds": [encode("cn", note.pk) for note in done.given_back.notes],
    }
    return envelope(found)


@router.post("/{id}/change-plan/preview")
def preview(request: HttpRequest, id: str, body: PlanChangeIn) -> Object[ActEffectOut]:
    """The next invoices without and with the change. Nothing is written."""
    staff = cast(ApiRequest, request)
    plan, when = plan_and_when(staff, body)
    with named(plan="plan_id"):
        effect: Effect = effect_of_change(
            row_of(staff, id), plan, when=when, by=staff.actor, at=now(staff.organization)
        )
    return envelope(effect_payload(effect))


@router.post("/{id}/keep-plan")
def keep(request: HttpRequest, id: str) -> Object[OwnSubscriptionOut]:
    """Call off the change of plan that waits. Without one nothing changes."""
    staff = cast(ApiRequest, request)
    keep_plan(row_of(staff, id), by=staff.actor, at=now(staff.organization))
    return answer(staff, id)


@router.put("/{id}")
def put(request: HttpRequest, id: str, body: PlanPut) -> Object[MovedSubscriptionOut]:
    """Change the given fields; with `planCode` (or `planId`) the plan, as much or more a year now, less at the end of
    the period.
    """
    staff = cast(ApiRequest, request)
    given = body.model_dump(exclude_unset=True)
    plan_id = given.pop("plan_id", None)
    if plan_id == "":
        raise Invalid("Send the id or code of a plan.", field="plan_id")
    plan = find_plan(staff, plan_id) if plan_id else None
    if given:
        update(request, id, SubscriptionChange(**given))
    row = row_of(staff, id)
    if plan is None or plan.pk == row.plan_id:
        return {"data": cast(MovedSubscriptionOut, answer(staff, id)["data"])}
    with named(plan="plan_id"):
        done = change_plan(row, plan, by=staff.actor, at=now(staff.organization))
    return answer_change(staff, id, done)
