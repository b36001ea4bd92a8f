"""That customers have left the product as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.exports import Content, Lines, register
from billing.models import AuditEntry, Organization
from billing.orm.actor import Actor
from billing.rules.periods import local_date
from customers.models import Customer
from customers.queries.custom_fields import custom_fields
from customers.queries.export import export_rows, header
from customers.rules.list_columns import own_column, with_own


@transaction.atomic
def record_export(
    organization: Organization, query: str, columns: Sequence[str], *, by: Actor, at: datetime
) -> AuditEntry:
    """Writes who took which part of the list, with which columns."""
    changes = {"filters": (None, query or "none"), "columns": (None, ", ".join(columns))}
    return audit.record(organization, "customers.exported", organization, by=by, at=at, changes=changes)


def customer_lines(organization: Organization, rows: Any, at: datetime) -> Lines:
    """All columns of the list, own fields too."""
    fields = custom_fields(organization)
    columns = with_own([own_column(field.code, field.name, field.kind) for field in fields])
    today = local_date(at, organization.timezone)
    return header(columns), export_rows(organization, rows, columns, fields, today)


register(Content("customers", "customers.exported", Customer.objects.of, customer_lines))
