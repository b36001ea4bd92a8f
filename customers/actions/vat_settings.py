"""The organization's settings of VAT checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.models import Organization
from billing.orm.actor import Actor

FIELDS = ("vat_validation_enabled", "vat_maintenance_from", "vat_maintenance_to", "vat_override_days")


@transaction.atomic
def change_vat_settings(
    organization: Organization, values: Mapping[str, Any], *, by: Actor, at: datetime
) -> Organization:
    """Change the given ones of FIELDS. Checks that wait stay: they are asked about once that is wanted again."""
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    before = audit.snapshot(organization, FIELDS)
    for name in FIELDS:
        if name in values:
            setattr(organization, name, values[name])
    changes = audit.differences(before, organization)
    if changes:
        organization.full_clean()
        organization.save()
        audit.record(organization, "organization.updated", organization, by=by, at=at, changes=changes)
    return organization
