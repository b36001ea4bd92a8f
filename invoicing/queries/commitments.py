"""The minimum commitment of a period: what has been billed for it, and the line for what is missing.

A period is settled with the usage that completes it: in arrears together with its own fee, in advance on the next
invoice, whose new fee does not count. Where usage is billed monthly, that is the last month of the period. The
invoice that is being made is known by its usage window (unique), so a refresh of a draft does not count the draft's
own lines twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from billing.models import Subscription
from billing.queries.pauses import pauses_of
from billing.rules.commitment import TrueUp, counted, true_up
from billing.rules.pauses import paused_days
from billing.rules.periods import Period, local_date, start_of_day
from billing.rules.proration import Share, share
from billing.rules.windows import Schedule
from invoicing.models import InvoicedPeriod, InvoiceLine, InvoiceType
from invoicing.rules.boundaries import ZONES_APART, first_day
from invoicing.rules.lines import Line, LineKind
from invoicing.rules.states import InvoiceStatus

CLOSING = ("usage", "settling")
COUNTED = tuple(kind.value for kind in LineKind if kind not in (LineKind.COMMITMENT, LineKind.CREDIT))


def settled(
    subscription: Subscription,
    promised_minor: int,
    schedule: Schedule,
    usage: Period,
    full: Period,
    made: Iterable[Line],
) -> TrueUp:
    """The commitment of the period `full`, which the window `usage` completes; `promised_minor` is that of a
    whole one, `made` the lines of the invoice so far.
    """
    end = min(usage.end, full.end, schedule.ended_at) if schedule.ended_at else full.end
    if schedule.ended_at and subscription.plan_changed:  # the day of the change belongs to the other plan
        last = min(end, schedule.ended_at)
        end = max(full.start, start_of_day(local_date(last, schedule.tz), schedule.tz))
    own = InvoicedPeriod.objects.filter(subscription=subscription, kind__in=CLOSING, start=usage.start)
    mine = [
        (line.kind.value, line.facts.period, line.amount_minor)
        for line in made
        if line.facts.period and line.facts.subscription_id == str(subscription.pk)
    ]
    billed = [*mine, *billed_lines(subscription, full, not_on=own)]
    total = sum(
        used_part(period, kind, minor, end, schedule.tz)
        for kind, period, minor in billed
        if belongs(period, full, usage.end)
    )
    return true_up(promised_minor, days_of(schedule, full, end, pauses_of(subscription)), total)


def days_of(schedule: Schedule, full: Period, end: datetime, pauses: Iterable[Period] = ()) -> Share:
    """The days of the period that the subscription lasted and was not paused."""
    start = min(max(full.start, first_day(schedule)), end)
    days = share(Period(start, end), full, schedule.tz)
    paused = paused_days(Period(start, end), pauses, schedule.tz)
    return Share(max(0, min(days.days, days.of) - paused), days.of)


def billed_lines(
    subscription: Subscription, full: Period, *, not_on: object = None
) -> list[tuple[str, Period, int]]:
    """(kind, period, minor) of what other invoices ask for around the period; voided ones ask for nothing, and what
    progressive ones have asked for stands whole on the line of the invoice that closes their period.
    """
    rows = InvoiceLine.objects.filter(
        subscription=subscription,
        kind__in=COUNTED,
        period_start__gte=full.start - ZONES_APART,
        period_start__lt=full.end,
        period_end__isnull=False,
    ).exclude(Q(invoice__status=InvoiceStatus.VOIDED.value) | Q(invoice__type=InvoiceType.PROGRESSIVE.value))
    if not_on is not None:
        rows = rows.exclude(invoice__in=not_on.values("invoice"))  # type: ignore[attr-defined]
    found = rows.values_list("kind", "period_start", "period_end", "amount_minor")
    return [(kind, Period(start, end), minor) for kind, start, end, minor in found if start and end]


def belongs(period: Period, full: Period, until: datetime) -> bool:
    """Whether what was billed for `period` is part of the full one. Usage may begin or end beside it by as much as
    a change of the customer's timezone moves a midnight.
    """
    inside = period.start >= full.start or period.end > full.start + ZONES_APART
    return inside and period.start < full.end and period.end <= max(full.end, until)


def used_part(period: Period, kind: str, minor: int, end: datetime, tz: str) -> int:
    """What of a line counts: of a fee in advance that reaches beyond the end, the days up to it."""
    if kind != LineKind.SUBSCRIPTION.value:
        return minor
    last = start_of_day(local_date(end - timedelta(microseconds=1), tz) + timedelta(days=1), tz)
    if last >= period.end or last <= period.start:
        return minor
    return counted(minor, share(Period(period.start, last), period, tz))
