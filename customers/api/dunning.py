"""/api/customers/{id}/dunning: which campaign a customer has, what runs, stopping and resuming it."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja import Field

from billing.actions.clock import now
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.api.lookup import present_customer
from customers.api.router import router
from customers.models import Customer
from invoicing.actions.dunning_campaigns import choose_campaign, resume_dunning, stop_dunning
from invoicing.models import DunningCampaign
from invoicing.queries.dunning import assigned, case_payload, standings
from invoicing.queries.shapes_collecting import ChasedOut


class StopIn(ApiSchema):
    """Why the customer is not to be chased."""

    reason: str = Field("", max_length=500)


class ChoiceIn(ApiSchema):
    """Another campaign by id or code; null: that of the billing entity."""

    campaign_id: str | None


def answer(request: HttpRequest, customer: Customer) -> Object[ChasedOut]:
    """The campaign in force, whether it is stopped, and the chases that run."""
    staff = cast(ApiRequest, request)
    known = assigned(staff.organization, customer)
    choice = known.choices.get(customer.pk)
    campaign = known.campaign_of(customer.pk, customer.billing_entity_id)
    rows = standings(staff.organization, now(staff.organization), customer)
    return envelope(
        {
            "campaignId": campaign.public_id if campaign else None,
            "campaignCode": campaign.code if campaign else None,
            "own": bool(choice and choice.campaign_id),
            "stoppedAt": choice.stopped_at if choice else None,
            "stopReason": choice.reason if choice else "",
            "cases": [case_payload(row.case, row.overdue_minor) for row in rows if row.case],
        }
    )


@router.get("/{id}/dunning")
def customer_dunning(request: HttpRequest, id: str) -> Object[ChasedOut]:
    """How a customer is chased."""
    return answer(request, present_customer(request, id))


@router.patch("/{id}/dunning")
def choose_dunning(request: HttpRequest, id: str, body: ChoiceIn) -> Object[ChasedOut]:
    """Give it a campaign of its own, or the billing entity's again."""
    staff = cast(ApiRequest, request)
    customer, campaign = present_customer(request, id), None
    if body.campaign_id is not None:
        rows = DunningCampaign.objects.of(staff.organization).kept()
        key = decode("dcmp", body.campaign_id)
        found = rows.filter(pk=key) if key else rows.filter(code__iexact=body.campaign_id)
        campaign = found.first()
        if campaign is None:
            raise Invalid("There is no such campaign.", code="unknown", field="campaign_id")
    choose_campaign(customer, campaign, by=staff.actor, at=now(staff.organization))
    return answer(request, customer)


@router.post("/{id}/dunning/stop")
def stop(request: HttpRequest, id: str, body: StopIn | None = None) -> Object[ChasedOut]:
    """Do not chase it until it is resumed. Doing it twice changes nothing."""
    staff = cast(ApiRequest, request)
    customer = present_customer(request, id)
    reason = body.reason if body else ""
    stop_dunning(customer, reason=reason, by=staff.actor, at=now(staff.organization))
    return answer(request, customer)


@router.post("/{id}/dunning/resume")
def resume(request: HttpRequest, id: str) -> Object[ChasedOut]:
    """Chase it again."""
    staff = cast(ApiRequest, request)
    customer = present_customer(request, id)
    resume_dunning(customer, by=staff.actor, at=now(staff.organization))
    return answer(request, customer)
