"""Which stretch of a subscription's usage is looked at, and what it is compared with.

Laws. The running period is compared with the one before up to the same point: its first ten days with the first ten
of the last one. An invoiced period is compared with the whole one before, both as they were billed; days of one's own
choice with as many days right before them. Where nothing was measured before, there is no comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from billing.models import Charge, Subscription
from billing.queries.schedules import customer_zone
from billing.queries.usage import UsageReport, charge_usage
from billing.queries.usage_pricing import ChargeUsage
from billing.rules.errors import Invalid
from billing.rules.periods import local_date, start_of_day
from customers.rules.ageing import change_percent
from invoicing.models import InvoicedPeriod, InvoiceLine
from invoicing.rules.states import InvoiceStatus

LONGEST = timedelta(days=367)


@dataclass(frozen=True)
class Span:
    """[start, end); `before` is the stretch it is compared with; `period` is set when it was invoiced, and `earlier`
    when the one before was, too.
    """

    start: datetime
    end: datetime
    before: tuple[datetime, datetime] | None = None
    period: InvoicedPeriod | None = None
    earlier: InvoicedPeriod | None = None
    own: bool = False

    @property
    def running(self) -> bool:
        """The period that no invoice bills yet."""
        return self.period is None and not self.own


@dataclass(frozen=True)
class Row:
    """A charge in a span. `before_minor` and `before_units` are None without a comparison; `share` in percent of all
    charges (None when all are free).
    """

    item: ChargeUsage
    amount_minor: int
    before_minor: int | None
    before_units: Decimal | None
    share: Decimal | None

    @property
    def percent(self) -> Decimal | None:
        """The change of the amount."""
        return None if self.before_minor is None else change_percent(self.amount_minor, self.before_minor)


def running_span(window: tuple[datetime, datetime], at: datetime, periods: Sequence[InvoicedPeriod]) -> Span:
    """The running period. `periods`: the invoiced ones, the newest first."""
    start, end = window
    if not periods:
        return Span(start, end)
    last = periods[0]
    until = min(last.start + (min(at, end) - start), last.end)
    return Span(start, end, (last.start, until) if until > last.start else None)


def invoiced_span(key: UUID, periods: Sequence[InvoicedPeriod]) -> Span | None:
    """An invoiced period by its id, beside the one before."""
    for period, earlier in zip(periods, [*periods[1:], None], strict=True):
        if period.pk == key:
            before = (earlier.start, earlier.end) if earlier else None
            return Span(period.start, period.end, before, period, earlier)
    return None


def own_span(subscription: Subscription, first: date, last: date, at: datetime) -> Span:
    """Days of one's own choice, both included, in the customer's timezone. Invalid when they make no sense."""
    tz = customer_zone(subscription.customer)
    begun = subscription.started_at or subscription.subscription_at
    if last < first:
        raise Invalid("The last day is before the first.", field="to")
    if first > local_date(at, tz):
        raise Invalid("These days are still to come.", field="from")
    if last < local_date(begun, tz):
        raise Invalid("The subscription had not started.", field="to")
    start = max(start_of_day(first, tz), begun)
    end = start_of_day(last + timedelta(days=1), tz)
    if end - start > LONGEST:
        raise Invalid("Choose at most a year.", field="to")
    length = min(end, at) - start
    before = (start - length, start) if length > timedelta(0) and start - length >= begun else None
    return Span(start, end, before, own=True)


def rows_of(
    subscription: Subscription, report: UsageReport, span: Span, charges: list[Charge]
) -> tuple[list[Row], int | None]:
    """Each charge with its comparison and share, and what all cost before; an invoiced one as it was billed."""
    before: dict[Any, ChargeUsage] = {}
    if span.before:
        before = {item.charge.pk: item for item in charge_usage(subscription, *span.before, charges)}
    billed = billed_of(span.period) if span.period else {}
    earlier = billed_of(span.earlier) if span.earlier else {}
    # What is billed in advance stands on many invoices: its fees tell what it came to.
    minor_before = {
        key: earlier.get(key, 0) if span.earlier and not item.charge.pay_in_advance else item.amount_minor
        for key, item in before.items()
    }
    amounts = [
        billed.get(item.charge.pk, 0) if span.period and not item.charge.pay_in_advance else item.amount_minor
        for item in report.charges
    ]
    total = sum(amounts)
    rows = [
        Row(
            item,
            amount,
            minor_before.get(item.charge.pk),
            before[item.charge.pk].units if before else None,
            Decimal(amount * 100) / total if total else None,
        )
        for item, amount in zip(report.charges, amounts, strict=True)
    ]
    return rows, sum(minor_before.values()) if before else None


def billed_of(period: InvoicedPeriod) -> dict[Any, int]:
    """{charge id: what the invoice of a period asks for}, in minor units."""
    rows = InvoiceLine.objects.filter(
        invoice=period.invoice_id,
        subscription=period.subscription_id,
        kind="charge",
        period_start=period.start,
    )
    return dict(rows.values_list("charge").annotate(total=Sum("amount_minor")).order_by())


def lifetime_minor(subscription: Subscription, running_minor: int) -> int:
    """All usage since the start: what was invoiced and not voided, and the running period so far. No query when the
    first came with the subscription (`billed_usage`).
    """
    if "billed_minor" in vars(subscription):
        return running_minor + int(vars(subscription)["billed_minor"] or 0)
    rows = billed_lines().filter(subscription=subscription)
    return running_minor + int(rows.aggregate(total=Sum("amount_minor"))["total"] or 0)


def billed_lines() -> QuerySet[InvoiceLine]:
    """Lines of usage on invoices that are not voided."""
    return InvoiceLine.objects.filter(~Q(invoice__status=InvoiceStatus.VOIDED.value), kind="charge")


def billed_usage() -> Subquery:
    """What was billed since the start, as a column of the subscriptions' query: `billed_minor`."""
    mine = billed_lines().filter(subscription=OuterRef("pk")).order_by().values("subscription")
    return Subquery(mine.annotate(total=Sum("amount_minor")).values("total"))
