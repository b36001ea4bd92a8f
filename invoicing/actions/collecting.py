"""Having invoices charged to saved payment methods: what asks a worker to, and never charges itself.

For whoever wants an invoice collected again (a reminder's next step, a button):

    ask_to_charge(invoice, key="dunning:2")      # in a transaction; a worker charges after the commit

`key` is unique for the invoice: asked twice, it is charged once. A customer without saved methods is left alone. What
comes of it stands in the invoice's attempts; a charge that fails sends the customer a payment link by itself.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from billing.actions import later
from billing.actions.clock import clocks
from billing.models import Job
from billing.rules.periods import local_date
from invoicing.models import Invoice, PaymentAttempt, PaymentMethod
from invoicing.queries.payment_methods import has_methods

CHARGE = "invoicing.charge"
FIRST = "auto:1"  # the key of the charge that nobody asks for
MOST_KEY = 100
MOST_AT_ONCE = 500
AGAIN = timedelta(days=1)


def ask_to_charge(invoice: Invoice, *, key: str) -> Job | None:
    """Have a worker charge what is due with the customer's saved methods. None: there is nothing saved."""
    if not has_methods(invoice.customer_id):
        return None
    return later.enqueue(
        invoice.organization,
        CHARGE,
        key=f"charge:{invoice.pk}:{key[:MOST_KEY]}",
        label=f"Charge of {invoice.number}",
        subject_id=invoice.pk,
        args=[key[:MOST_KEY]],
    )


def collect_issued(invoice: Invoice, customer: Any) -> None:
    """An invoice that is issued now, of a customer who wants it charged."""
    if customer.collect_automatically and invoice.total_minor:
        ask_to_charge(invoice, key=FIRST)


def collect_due(at: datetime) -> int:
    """Beat: invoices whose day has come and that were never charged: issued before the customer had left a card, or
    wanted this. One for which nothing could be charged has its turn again a day later. Returns how many there were.
    """
    return sum(collect(where, moment) for where, moment in clocks(at))


def collect(where: Q, at: datetime) -> int:
    """Those of some organizations, at their moment."""
    tried = PaymentAttempt.objects.filter(invoice=OuterRef("pk"), method__isnull=False)
    saved = PaymentMethod.objects.filter(customer=OuterRef("customer")).saved()
    rows = Invoice.objects.unpaid().filter(
        where,
        Exists(saved),
        ~Exists(tried),
        customer__collect_automatically=True,
        customer__deleted_at=None,
        customer__deleting_at=None,
        due_on__lte=latest_day(at),
    )
    asked = Job.objects.filter(task=CHARGE, subject_id=OuterRef("pk"), created_at__gt=timezone.now() - AGAIN)
    rows = rows.exclude(Exists(asked)).exclude(dispute="open").select_related("organization")
    found = [
        row
        for row in rows.order_by("due_on", "pk")[:MOST_AT_ONCE]
        if row.due_on and row.due_on <= local_date(at, row.timezone)
    ]
    for row in found:
        ask_to_charge(row, key=FIRST)
    return len(found)


def latest_day(at: datetime) -> date:
    """The latest day that it is anywhere."""
    return local_date(at, "Pacific/Kiritimati")
