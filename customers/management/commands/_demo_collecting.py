"""Money of the demo that was collected otherwise: over several invoices, on account, given up."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, F, Sum

from billing.models import Organization
from billing.orm.actor import Actor
from customers.models import Customer
from invoicing.actions.remittances import receive
from invoicing.actions.write_offs import write_off
from invoicing.models import Invoice


def make_collected(organization: Organization, by: Actor, at: datetime) -> None:
    """A transfer over two invoices of which something stays on account, and the rest of another given up."""
    present = Invoice.objects.of(organization).filter(currency="EUR", customer__deleted_at=None)
    unpaid = present.unpaid().exclude(dispute="open")
    due = Sum(F("total_minor") - F("paid_minor"))
    debts = unpaid.order_by().values("customer").annotate(n=Count("pk"), due=due)
    debtor = debts.filter(n=2).order_by("-due", "customer").first()
    if debtor is None:
        return
    payer = Customer.objects.get(pk=debtor["customer"])
    came = debtor["due"] + 25000
    receive(
        payer,
        currency="EUR",
        amount_minor=came,
        keep_rest=True,
        reference="SEPA 2291 0047",
        key="demo",
        by=by,
        at=at,
    )
    lost = unpaid.overdue(at.date()).exclude(customer=payer).order_by("-total_minor", "number").first()
    if lost is not None:
        reason = "They closed their business, nothing is to be had."
        write_off(lost, kind="bad_debt", reason=reason, key="demo", by=by, at=at)
