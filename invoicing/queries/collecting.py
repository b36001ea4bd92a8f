"""What can be collected: a customer's unpaid invoices, and the money that is on account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Sum, When

from invoicing.models import Invoice, Refund, Remittance
from invoicing.models.invoice import InvoiceQuerySet
from invoicing.models.remittance import GONE
from invoicing.rules.states import DisputeState


def unpaid_of(customer: Any, currency: str) -> InvoiceQuerySet:
    """The customer's unpaid invoices in a currency, in the order in which money pays them: by due day, those
    without one last, then as they were issued. What the customer contests comes after all others: money pays what
    nobody argues about first.
    """
    rows: InvoiceQuerySet = Invoice.objects.filter(customer=customer, currency=currency).unpaid()
    contested = Case(When(dispute=DisputeState.OPEN.value, then=1), default=0)
    return rows.order_by(contested, F("due_on").asc(nulls_last=True), "issuing_on", "pk")


def due_of(customer: Any, currency: str) -> list[tuple[UUID, int]]:
    """(invoice, what is due of it) in that order. One query."""
    due = F("total_minor") - F("paid_minor")
    return list(unpaid_of(customer, currency).annotate(due=due).values_list("pk", "due"))


def currencies_due(customer: Any) -> list[str]:
    """In which currencies something is due. One query."""
    rows = Invoice.objects.filter(customer=customer).unpaid()
    return list(rows.order_by("currency").values_list("currency", flat=True).distinct())


def on_account(organization: Any, customer: Any = None) -> list[Remittance]:
    """Transfers of which something is left, the oldest first, with their customers; at most a hundred. One query.
    `refund_failed`: a provider would not send something of it back.
    """
    failed = Refund.objects.filter(remittance=OuterRef("pk"), status="failed")
    rows = Remittance.objects.of(organization).with_rest().select_related("customer")
    rows = rows.annotate(refund_failed=Exists(failed))
    if customer is not None:
        rows = rows.filter(customer=customer)
    return list(rows.order_by("paid_at", "pk")[:100])


def account_sums(customer: Any) -> list[tuple[str, int]]:
    """What is on account of a customer by currency, without those of which nothing is. One query."""
    left = Sum(F("amount_minor") - GONE)
    rows = Remittance.objects.filter(customer=customer).with_rest().order_by("currency").values("currency")
    return [(row["currency"], int(row["minor"])) for row in rows.annotate(minor=left)]
