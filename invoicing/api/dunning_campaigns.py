"""/api/dunning-campaigns: how customers who do not pay are chased."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Literal, cast
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router

from billing.actions.clock import now
from billing.models import BillingEntity
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import CATALOGUE_SORTS, ListQuery, listed
from billing.web.shapes import Listing, Object
from invoicing.actions.dunning_campaigns import (
    CampaignTerms,
    create_campaign,
    delete_campaign,
    update_campaign,
)
from invoicing.models import DunningCampaign
from invoicing.queries.dunning_preview import campaigns_of, foreseen
from invoicing.queries.payloads_dunning import campaign_payload, foreseen_payload
from invoicing.queries.shapes_collecting import DunningCampaignOut, DunningPreviewOut
from invoicing.rules.amounts import minor_of
from invoicing.rules.dunning import Step, StepKind, Terms

router = Router(tags=["Dunning"])


class DunningThresholdIn(ApiSchema):
    """From which overdue sum on, in major units."""

    currency: str
    amount: Decimal


class DunningStepIn(ApiSchema):
    """What else happens, `day` days after the chase began."""

    day: int
    kind: Literal["charge", "pause", "terminate"]


class CampaignChanges(ApiSchema):
    """What PATCH takes. `billingEntityIds`: whose customers have it; others keep theirs."""

    name: str | None = Field(None, max_length=100)
    code: str | None = Field(None, max_length=100)
    description: str | None = Field(None, max_length=500)
    active: bool | None = None
    thresholds: list[DunningThresholdIn] | None = None
    first_day: int | None = None
    days_between: int | None = None
    max_attempts: int | None = None
    steps: list[DunningStepIn] | None = None
    bcc: list[str] | None = None
    billing_entity_ids: list[str] | None = None


class CampaignIn(CampaignChanges):
    """What POST takes."""

    name: str = Field(max_length=100)
    code: str = Field(max_length=100)
    thresholds: list[DunningThresholdIn]


def rows_of(request: HttpRequest) -> Any:
    """The organization's campaigns."""
    return campaigns_of(cast(ApiRequest, request).organization)


def find(request: HttpRequest, ref: str) -> DunningCampaign:
    """By id or code; 404 otherwise."""
    key = decode("dcmp", ref)
    found = rows_of(request).filter(pk=key).first() if key else None
    return cast(DunningCampaign, found or rows_of(request).get_or_404(code__iexact=ref))


def terms_of(body: CampaignChanges, known: DunningCampaign | None) -> Terms:
    """The rule's terms: what was sent, else what is there."""
    old = known.terms if known else Terms({})
    thresholds = dict(old.thresholds)
    if body.thresholds is not None:
        thresholds = {}
        for index, row in enumerate(body.thresholds):
            currency = row.currency.strip().upper()
            if currency in thresholds:
                raise Invalid("Name each currency once.", field=f"thresholds[{index}].currency")
            thresholds[currency] = minor_of(row.amount, currency, f"thresholds[{index}].amount")
    steps = (
        old.escalation if body.steps is None else [Step(row.day, StepKind(row.kind)) for row in body.steps]
    )

    def own(value: int | None, usual: int) -> int:
        return usual if value is None else value

    return Terms(
        thresholds,
        days_between=own(body.days_between, old.days_between),
        max_attempts=own(body.max_attempts, old.max_attempts),
        first_day=own(body.first_day, old.first_day),
        escalation=tuple(steps),
    )


def entities_of(request: HttpRequest, ids: list[str] | None) -> list[BillingEntity] | None:
    """The billing entities that were named."""
    if ids is None:
        return None
    kept = BillingEntity.objects.of(cast(ApiRequest, request).organization).kept()
    keys = [decode("ent", text) for text in ids]
    found = kept.in_bulk([key for key in keys if key])
    faults = [
        (f"billing_entity_ids[{index}]", "There is no such billing entity.")
        for index, key in enumerate(keys)
        if key not in found
    ]
    if faults:
        raise FieldErrors(faults)
    return [found[cast(UUID, key)] for key in keys]


def given(request: HttpRequest, body: CampaignChanges, known: DunningCampaign | None) -> CampaignTerms:
    """All terms: what was sent, else what is there."""
    blank = known or DunningCampaign()
    return CampaignTerms(
        blank.name if body.name is None else body.name,
        blank.code if body.code is None else body.code,
        terms_of(body, known),
        description=blank.description if body.description is None else body.description,
        bcc=blank.bcc if body.bcc is None else body.bcc,
        active=blank.active if body.active is None else body.active,
        defaults=entities_of(request, body.billing_entity_ids),
    )


class CampaignsQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = CATALOGUE_SORTS
    USUAL: ClassVar = "asc"


@router.get("")
def list_campaigns(request: HttpRequest, filters: Query[CampaignsQuery]) -> Listing[DunningCampaignOut]:
    """By name."""
    return listed(request, rows_of(request), campaign_payload, filters)


@router.post("", response={201: dict[str, Any]})
def create(request: HttpRequest, body: CampaignIn) -> tuple[int, Object[DunningCampaignOut]]:
    """A new campaign. It chases nobody until it is `active`; `…/preview` says whom it would."""
    staff = cast(ApiRequest, request)
    at = now(staff.organization)
    row = create_campaign(staff.organization, given(request, body, None), by=staff.actor, at=at)
    return 201, envelope(campaign_payload(rows_of(request).get(pk=row.pk)))


@router.get("/{ref}")
def get_campaign(request: HttpRequest, ref: str) -> Object[DunningCampaignOut]:
    """By id or code."""
    return envelope(campaign_payload(find(request, ref)))


@router.patch("/{ref}")
def patch_campaign(request: HttpRequest, ref: str, body: CampaignChanges) -> Object[DunningCampaignOut]:
    """Other terms; chases that run go on by them."""
    staff = cast(ApiRequest, request)
    row = find(request, ref)
    update_campaign(row, given(request, body, row), by=staff.actor, at=now(staff.organization))
    return envelope(campaign_payload(rows_of(request).get(pk=row.pk)))


@router.delete("/{ref}", response={204: None})
def delete(request: HttpRequest, ref: str) -> tuple[int, None]:
    """Give it up; its chases end with the next round."""
    staff = cast(ApiRequest, request)
    delete_campaign(find(request, ref), by=staff.actor, at=now(staff.organization))
    return 204, None


@router.get("/{ref}/preview")
def preview(request: HttpRequest, ref: str) -> Object[DunningPreviewOut]:
    """Whom it would chase now, for how much, and what would happen on which day if nobody paid."""
    staff = cast(ApiRequest, request)
    row = find(request, ref)
    entities = {item.billing_entity_id for item in row.defaults.all()}
    at = now(staff.organization)
    found = foreseen(staff.organization, at, row.terms, campaign=row, entities=entities)
    return envelope(foreseen_payload(found))
