"""Dunning campaigns: made, changed, turned on and off; which billing entity and which customer has which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from billing.actions import audit
from billing.actions.locks import lock_customer
from billing.models import BillingEntity, Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from invoicing.models import DunningCampaign, DunningCase, DunningChoice, DunningDefault
from invoicing.models.dunning import escalation_rows
from invoicing.rules.addresses import addresses
from invoicing.rules.dunning import Terms, check_terms

WRITTEN = (
    *("name", "code", "description", "active", "thresholds", "first_day", "days_between", "max_attempts"),
    *("escalation", "bcc"),
)


@dataclass(frozen=True)
class CampaignTerms:
    """What a campaign is: its words, the rule's terms, and who gets a copy. `defaults`: the billing entities whose
    customers have it; None leaves them.
    """

    name: str
    code: str
    terms: Terms
    description: str = ""
    bcc: Sequence[str] = ()
    active: bool = False
    defaults: Collection[BillingEntity] | None = None


@transaction.atomic
def create_campaign(
    organization: Organization, given: CampaignTerms, *, by: Actor, at: datetime
) -> DunningCampaign:
    """A new campaign. Raises FieldErrors for terms that make none, Invalid for a code that is used (field code) and
    what is no address (field bcc).
    """
    row = DunningCampaign(organization=organization)
    write(row, given)
    audit.record(organization, "dunning_campaign.created", row, by=by, at=at)
    set_defaults(row, given.defaults, by=by, at=at)
    return row


@transaction.atomic
def update_campaign(
    campaign: DunningCampaign, given: CampaignTerms, *, by: Actor, at: datetime
) -> DunningCampaign:
    """Other terms. Chases that run go on by them; turned off, they end with the next round."""
    row = lock_campaign(campaign)
    before = audit.snapshot(row, WRITTEN)
    write(row, given)
    changes = audit.differences(before, row)
    if changes:
        audit.record(row.organization, "dunning_campaign.updated", row, by=by, at=at, changes=changes)
        rethink(row)
    set_defaults(row, given.defaults, by=by, at=at)
    return row


@transaction.atomic
def switch_campaign(campaign: DunningCampaign, active: bool, *, by: Actor, at: datetime) -> DunningCampaign:
    """Turn it on or off. Doing it twice changes nothing."""
    row = lock_campaign(campaign)
    if row.active == active:
        return row
    row.active = active
    row.save(update_fields=["active", "updated_at"])
    changes = {"active": (not active, active)}
    if active:
        audit.record(row.organization, "dunning_campaign.activated", row, by=by, at=at, changes=changes)
    else:
        audit.record(row.organization, "dunning_campaign.deactivated", row, by=by, at=at, changes=changes)
    rethink(row)
    return row


@transaction.atomic
def delete_campaign(campaign: DunningCampaign, *, by: Actor, at: datetime) -> None:
    """Give it up: nobody is chased by it any more. What it did stays."""
    row = lock_campaign(campaign)
    DunningDefault.objects.filter(campaign=row).delete()
    DunningChoice.objects.filter(campaign=row).update(campaign=None)
    row.active, row.deleted_at = False, at
    row.save(update_fields=["active", "deleted_at", "updated_at"])
    audit.record(row.organization, "dunning_campaign.deleted", row, by=by, at=at)


def lock_campaign(campaign: DunningCampaign) -> DunningCampaign:
    """The row as it is now. Raises Conflict for one that was deleted."""
    rows = DunningCampaign.objects.locked(no_key=True)  # the round goes on with chases that refer to it
    row: DunningCampaign = rows.get(pk=campaign.pk)
    if row.deleted_at:
        raise Conflict("This campaign was deleted.", code="campaign_deleted")
    return row


def write(row: DunningCampaign, given: CampaignTerms) -> None:
    """Check the terms and save them."""
    check_terms(given.terms)
    code = given.code.strip()
    if not given.name.strip():
        raise Invalid("Give it a name.", code="required", field="name")
    if not code:
        raise Invalid("Give it a code.", code="required", field="code")
    taken = (
        DunningCampaign.objects.of(row.organization_id).kept().filter(code__iexact=code).exclude(pk=row.pk)
    )
    if taken.exists():
        raise Invalid("This code is used already.", code="code_taken", field="code")
    row.name, row.code, row.description = given.name.strip(), code, given.description.strip()
    row.active = given.active
    row.thresholds = dict(given.terms.thresholds)
    row.first_day, row.days_between = given.terms.first_day, given.terms.days_between
    row.max_attempts = given.terms.max_attempts
    row.escalation = escalation_rows(sorted(given.terms.escalation, key=lambda step: step.day))
    row.bcc = addresses(given.bcc, "bcc")
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:  # the same code at the same moment
        raise Invalid("This code is used already.", code="code_taken", field="code") from error


def rethink(row: DunningCampaign) -> None:
    """The next round asks anew when each chase goes on."""
    DunningCase.objects.filter(campaign=row).running().update(next_at=None)


def set_defaults(
    campaign: DunningCampaign, entities: Collection[BillingEntity] | None, *, by: Actor, at: datetime
) -> None:
    """These billing entities, and no others, have the campaign; each has one at most."""
    if entities is None:
        return
    wanted = {entity.pk: entity for entity in entities}
    known = DunningDefault.objects.of(campaign.organization_id).select_for_update(of=("self",))
    rows = {row.billing_entity_id: row for row in known.select_related("campaign", "billing_entity")}
    for key, row in rows.items():
        if row.campaign_id == campaign.pk and key not in wanted:
            row.delete()
            note_default(row.billing_entity, row.campaign, None, by=by, at=at)
    for key, entity in wanted.items():
        old = rows.get(key)
        if old is not None and old.campaign_id == campaign.pk:
            continue
        DunningDefault.objects.update_or_create(
            billing_entity=entity,
            defaults={"organization_id": campaign.organization_id, "campaign": campaign},
        )
        note_default(entity, old.campaign if old else None, campaign, by=by, at=at)


def note_default(
    entity: BillingEntity,
    old: DunningCampaign | None,
    new: DunningCampaign | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Write down that a billing entity's customers have another campaign."""
    changes = {"dunning_campaign": (old and old.name, new and new.name)}
    audit.record(entity.organization, "billing_entity.updated", entity, by=by, at=at, changes=changes)


@transaction.atomic
def choose_campaign(
    customer: Any, campaign: DunningCampaign | None, *, by: Actor, at: datetime
) -> DunningChoice:
    """A customer's own campaign; None: that of its billing entity. Raises Conflict for one that was deleted."""
    customer, row = choice_of(customer)
    campaign = campaign and lock_campaign(campaign)
    if row.campaign_id == (campaign.pk if campaign else None):
        return row
    changes = {"dunning_campaign": (row.campaign and row.campaign.name, campaign and campaign.name)}
    row.campaign = campaign
    if row.stopped_at is None:  # else it says who has stopped it
        row.by_label = by.label[:200]
    row.save()
    audit.record(
        customer.organization, "customer.updated", customer, by=by, at=at, customer=customer, changes=changes
    )
    return row


@transaction.atomic
def stop_dunning(customer: Any, *, reason: str = "", by: Actor, at: datetime) -> DunningChoice:
    """Do not chase this customer until somebody says so. Doing it twice changes nothing."""
    customer, row = choice_of(customer)
    if row.stopped_at is not None:
        return row
    row.stopped_at, row.reason, row.by_label = at, reason.strip()[:500], by.label[:200]
    row.save()
    DunningCase.objects.filter(customer=customer).running().update(next_at=None)
    audit.record(
        customer.organization,
        "customer.dunning_stopped",
        customer,
        by=by,
        at=at,
        customer=customer,
        reason=row.reason,
    )
    return row


@transaction.atomic
def resume_dunning(customer: Any, *, by: Actor, at: datetime) -> DunningChoice:
    """Chase it again: what was due meanwhile follows at the next nine o'clock. Doing it twice changes nothing."""
    customer, row = choice_of(customer)
    if row.stopped_at is None:
        return row
    row.stopped_at, row.reason, row.by_label = None, "", by.label[:200]
    row.save()
    audit.record(customer.organization, "customer.dunning_resumed", customer, by=by, at=at, customer=customer)
    return row


def choice_of(customer: Any) -> tuple[Any, DunningChoice]:
    """The locked customer with what it has chosen, which may not be saved yet."""
    customer = lock_customer(customer.pk)
    found = DunningChoice.objects.filter(customer=customer).select_related("campaign").first()
    return customer, found or DunningChoice(organization=customer.organization, customer=customer)
