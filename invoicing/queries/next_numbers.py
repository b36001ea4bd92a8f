"""What the next invoice of a billing entity will be called: a preview that takes no number."""

from __future__ import annotations

from datetime import datetime

from billing.models import BillingEntity, Numbering
from billing.rules.periods import local_date
from invoicing.models import Invoice, Sequence
from invoicing.rules.numbering import customer_number, entity_number


def next_number(entity: BillingEntity, at: datetime) -> str:
    """The number if an invoice were issued at that moment. Per customer: that of the first customer's first
    invoice, as an example.
    """
    if entity.numbering == Numbering.PER_CUSTOMER.value:
        return customer_number(entity.number_prefix, 1, 1)
    key = f"invoice:{entity.pk.hex}"
    last = Sequence.objects.filter(organization_id=entity.organization_id, key=key).values_list(
        "last", flat=True
    )
    taken = last.first()
    series = first_number(entity) if taken is None else taken + 1
    return entity_number(entity.number_prefix, local_date(at, entity.timezone), series)


def first_number(entity: BillingEntity) -> int:
    """Where the series of a billing entity begins: after the invoices that it has numbered in another style."""
    return Invoice.objects.filter(billing_entity=entity).exclude(number="").count() + 1
