"""That invoices or credit notes have left the product as a file."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.models import AuditEntry, Organization
from billing.orm.actor import Actor

ACTS = {"invoices": "invoices.exported", "credit_notes": "credit_notes.exported"}


@transaction.atomic
def record_export(
    organization: Organization, noun: str, query: str, content: str, *, by: Actor, at: datetime
) -> AuditEntry:
    """Writes who took which part of a list (`noun`: invoices, credit_notes), and what of it."""
    changes = {"filters": (None, query or "none"), "content": (None, content)}
    return audit.record(organization, ACTS[noun], organization, by=by, at=at, changes=changes)
