"""What stands beside the lines of an invoice: purchase order, notes, metadata, and when a draft becomes final."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Locked
from billing.rules.periods import local_date, start_of_day
from invoicing.actions.draft import lock_invoice
from invoicing.models import Invoice, InvoiceType
from invoicing.rules.states import InvoiceStatus

TEXTS = {"purchase_order": 255, "notes": 5000}
MOST_KEYS = 50


@transaction.atomic
def update_invoice(invoice: Invoice, values: Mapping[str, Any], *, by: Actor, at: datetime) -> Invoice:
    """Change the given ones of `purchase_order`, `notes`, `metadata` (replaced whole) and `finalize_on` (the day on
    which a subscription's draft becomes final by itself; None: it waits for somebody). Nothing is written when
    nothing differs.

    What is printed stays once the invoice is issued: another value is Locked (invoice_issued). Raises FieldErrors
    naming the field.
    """
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    changed = {name: value.strip() for name, value in values.items() if name in TEXTS}
    changed |= {name: value for name, value in values.items() if name == "metadata"}
    if "finalize_on" in values:
        changed["finalize_at"] = finalize_at(invoice, values["finalize_on"], at)
    faults = [
        (name, f"Use at most {most:,} characters.")
        for name, most in TEXTS.items()
        if len(changed.get(name, "")) > most
    ]
    if len(changed.get("metadata", {})) > MOST_KEYS:
        faults.append(("metadata", f"Use at most {MOST_KEYS} keys."))
    if faults:
        raise FieldErrors(faults)
    before = audit.snapshot(invoice, changed)
    for name, value in changed.items():
        setattr(invoice, name, value)
    changes = audit.differences(before, invoice)
    if not changes:
        return invoice
    if invoice.status != InvoiceStatus.DRAFT.value and (printed := sorted(changes.keys() - {"metadata"})):
        field = {"finalize_at": "finalize_on"}.get(printed[0], printed[0])
        raise Locked("It is printed on the invoice, which is issued.", code="invoice_issued", field=field)
    invoice.save(update_fields=[*changes, "updated_at"])
    audit.record(
        invoice.organization, "invoice.updated", invoice, by=by, at=at, customer=customer, changes=changes
    )
    return invoice


def finalize_at(invoice: Invoice, day: date | None, at: datetime) -> datetime | None:
    """The beginning of a day in the invoice's zone; a day that has begun is refused."""
    if invoice.type != InvoiceType.SUBSCRIPTION.value:
        raise Conflict("Only a subscription's draft becomes final by itself.", code="not_by_itself")
    if day is None:
        return None
    moment = start_of_day(day, invoice.timezone)
    if moment != invoice.finalize_at and day <= local_date(at, invoice.timezone):
        raise FieldErrors([("finalize_on", "Choose a day after today.")])
    return moment
