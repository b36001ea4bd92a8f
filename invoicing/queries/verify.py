"""Whether an issued invoice is as it was when it became final."""

from __future__ import annotations

from invoicing.models import Invoice, InvoiceSeal
from invoicing.queries.frozen import frozen_parts
from invoicing.rules.seal import Checked, check


def checked(invoice: Invoice) -> Checked | None:
    """Its seal held against its rows of now; None for one that was issued before seals were kept."""
    kept = InvoiceSeal.objects.filter(invoice=invoice).first()
    return None if kept is None else check(kept.sha256, kept.parts, frozen_parts(invoice))
