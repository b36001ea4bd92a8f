"""Progressive invoices of a period, and what a subscription has used in its life."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from billing.models import Subscription, UsageThreshold
from billing.queries.usage import running_window
from billing.rules.thresholds import LifetimeUsage, Thresholds
from invoicing.models import CreditNote, InvoiceLine, InvoiceType
from invoicing.rules.progressive import Billed, asked_for
from invoicing.rules.states import InvoiceStatus

COUNTED = (InvoiceStatus.DRAFT.value, InvoiceStatus.FINALIZED.value)
_MICROSECOND = timedelta(microseconds=1)


def billed_progressively(subscription: Subscription, start: datetime, end: datetime) -> list[Billed]:
    """What progressive invoices have asked for of the usage in a window that begins at `start`, the oldest first."""
    rows = InvoiceLine.objects.filter(
        subscription=subscription,
        invoice__type=InvoiceType.PROGRESSIVE.value,
        invoice__status=InvoiceStatus.FINALIZED.value,
        period_start=start,
        period_end__lte=end,
    )
    lines = list(rows.select_related("invoice").order_by("invoice__finalized_at", "invoice_id", "position"))
    credited = credited_lines({line.invoice_id for line in lines})
    return [
        Billed(
            str(line.pk),
            line.invoice.number,
            str(line.charge_id),
            asked_for(line.amount_minor - line.progressive_minor, line.coupon_minor, credited[str(line.pk)]),
        )
        for line in lines
    ]


def credited_lines(invoice_ids: set[Any]) -> Counter[str]:
    """{line id: what credit notes have taken back of it, after coupons and before tax}."""
    taken: Counter[str] = Counter()
    if invoice_ids:
        for note in CreditNote.objects.filter(invoice__in=invoice_ids).exclude(status="voided"):
            for item in note.items:
                taken[item["line"]] += item["amount_minor"]
    return taken


def thresholds_of(subscription: Subscription) -> list[UsageThreshold]:
    """The subscription's own thresholds, else its plan's; none when progressive billing is off for it."""
    if not subscription.progressive_billing:
        return []
    own = list(subscription.thresholds.all())
    return own or plan_thresholds(subscription)


def plan_thresholds(subscription: Subscription) -> list[UsageThreshold]:
    """Those of the plan: amounts in its own currency, which say nothing about another."""
    if subscription.currency != subscription.plan.currency:
        return []
    return list(subscription.plan.thresholds.all())


def as_rule(rows: list[UsageThreshold]) -> Thresholds:
    """The thresholds as the rule sees them."""
    recurring = [row.amount_minor for row in rows if row.recurring]
    fixed = tuple(row.amount_minor for row in rows if not row.recurring)
    return Thresholds(fixed, recurring[0] if recurring else None)


def window_so_far(subscription: Subscription, at: datetime) -> tuple[datetime, datetime]:
    """The running usage window up to and with `at`, never beyond its period."""
    start, end = running_window(subscription, at)
    return start, max(start, min(at + _MICROSECOND, end))


def lifetime_usage(subscription: Subscription, current: int, billed: list[Billed]) -> LifetimeUsage:
    """All that the subscription has used and pays afterwards: `current` of the running period, `billed` of that by
    progressive invoices.
    Successors and predecessors of the same external ID count as one.
    """
    lines = InvoiceLine.objects.filter(
        organization=subscription.organization_id,
        subscription__external_id=subscription.external_id,
        subscription__customer=subscription.customer_id,
        kind="charge",
        invoice__type=InvoiceType.SUBSCRIPTION.value,
        invoice__status__in=COUNTED,
        charge__pay_in_advance=False,
    )
    return LifetimeUsage(
        historical=subscription.historical_usage_minor,
        invoiced=int(lines.aggregate(total=Sum("amount_minor"))["total"] or 0),
        current=current,
        progressive=sum(item.amount_minor for item in billed),
    )
