"""The organization as the API answers it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from billing.models import BillingEntity, Organization
from billing.models.organization import SyncStrategy
from billing.rules.ids import encode
from billing.rules.words import Words


class OrganizationOut(TypedDict):
    """The organization that the key belongs to."""

    id: str
    name: str
    defaultCurrency: str
    timezone: str
    sandbox: bool
    now: datetime
    defaultBillingEntityId: str | None
    vatValidationEnabled: bool
    vatOverrideDays: int
    providerSyncStrategy: Annotated[str, Words(*SyncStrategy.values)]
    requireTwoFactor: bool
    createdAt: datetime
    updatedAt: datetime


def organization_payload(row: Organization, at: datetime) -> OrganizationOut:
    """The organization; `now` is its clock, which a sandbox moves. One query."""
    entity = BillingEntity.objects.of(row).filter(is_default=True).values_list("pk", flat=True).first()
    return {
        "id": row.public_id,
        "name": row.name,
        "defaultCurrency": row.default_currency,
        "timezone": row.timezone,
        "sandbox": row.sandbox,
        "now": at,
        "defaultBillingEntityId": encode("ent", entity) if entity else None,
        "vatValidationEnabled": row.vat_validation_enabled,
        "vatOverrideDays": row.vat_override_days,
        "providerSyncStrategy": row.provider_sync_strategy,
        "requireTwoFactor": row.require_two_factor,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }
