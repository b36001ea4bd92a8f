"""That customers have left the product as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.models import AuditEntry, Organization
from billing.orm.actor import Actor


@transaction.atomic
def record_export(
    organization: Organization, query: str, columns: Sequence[str], *, by: Actor, at: datetime
) -> AuditEntry:
    """Writes who took which part of the list, with which columns."""
    changes = {"filters": (None, query or "none"), "columns": (None, ", ".join(columns))}
    return audit.record(organization, "customers.exported", organization, by=by, at=at, changes=changes)
