"""Which unpaid invoices are to be called to mind now."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from billing.models import BillingEntity
from billing.rules.periods import local_date
from invoicing.models import Invoice, Mail
from invoicing.rules.reminders import CATCH_UP_DAYS, reminder_due
from invoicing.rules.states import DisputeState


def key_of(invoice: Invoice, days: int) -> str:
    """What makes a reminder happen once."""
    return f"reminder:{invoice.pk}:{days}"


def invoices_to_remind(entity: BillingEntity, at: datetime) -> list[tuple[Invoice, int]]:
    """(invoice, days after its due date) of those whose reminder has come and was not written yet."""
    if not entity.reminder_days:
        return []
    # Wherever the customer is, the day is one of these.
    due = Q()
    for days in entity.reminder_days:
        last = at.date() + timedelta(days=1 - days)
        due |= Q(due_on__gte=last - timedelta(days=CATCH_UP_DAYS + 2), due_on__lte=last)
    rows = Invoice.objects.of(entity.organization_id).filter(due, billing_entity=entity).unpaid()
    rows = rows.exclude(dispute=DisputeState.OPEN.value).select_related("customer")
    found = []
    for invoice in rows:
        assert invoice.due_on is not None and invoice.finalized_at is not None  # noqa: S101 - asked for so
        zone = invoice.timezone or "UTC"
        come = reminder_due(
            entity.reminder_days,
            due_on=invoice.due_on,
            issued_on=max(invoice.issuing_on, local_date(invoice.finalized_at, zone)),
            local=at.astimezone(ZoneInfo(zone)),
        )
        if come is not None:
            found.append((invoice, come))
    known = set(
        Mail.objects.of(entity.organization_id)
        .filter(key__in=[key_of(invoice, days) for invoice, days in found])
        .values_list("key", flat=True)
    )
    return [(invoice, days) for invoice, days in found if key_of(invoice, days) not in known]
