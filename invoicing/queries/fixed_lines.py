"""The lines of fixed charges: in advance when a period begins or units are added, in arrears when it is over.

A window of kind `fixed` bills what is paid in advance: it begins with its period, or with a change of units inside
it, and then bills only what the change adds. What is paid in arrears goes with the usage window that closes a period.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from billing.models import FixedCharge, Subscription
from billing.queries.fixed_charges import units_events
from billing.queries.pauses import pauses_of
from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.fixed_charges import (
    added_units,
    most_units,
    paid_before_minor,
    units_at,
    units_from,
    units_prorated,
)
from billing.rules.money import ZERO
from billing.rules.pauses import charged_parts, paused_days
from billing.rules.periods import Period, days_in, local_date, start_of_day
from billing.rules.proration import Share, share
from billing.rules.windows import Schedule
from invoicing.models import InvoiceLine
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line, LineFacts, fixed_line
from invoicing.rules.states import InvoiceStatus

_MICROSECOND = timedelta(microseconds=1)


def lines_in_advance(
    subscription: Subscription, window: Period, schedule: Schedule, *, currency: str, rates: Rates
) -> list[Line]:
    """What a window of kind `fixed` asks for."""
    rows = [row for row in rates.fixed(subscription, window.start) if row.pay_in_advance]
    events = units_events(subscription, rows)
    full = schedule.fixed_period_at(window.start)
    begins = max(full.start, schedule.started_at)
    days = share(window, full, schedule.tz)
    charged = days.days - paused_days(window, pauses_of(subscription), schedule.tz)
    if days.days and charged <= 0:
        return []
    lines = []
    for row in rows:
        units = units_from(events[row.pk], window.start)
        left = Share(charged, days.of) if row.prorated else None
        paid = 0
        if window.start > begins:
            before = most_units(events[row.pk], begins, window.start)
            units, counted = max(units - before, ZERO), added_units(units, before, left)
        else:
            counted = added_units(units, ZERO, left)
            if row.prorated and begins == schedule.started_at:
                paid = paid_before(subscription, row, begins, schedule.tz)
        facts = facts_of(subscription, row, window, currency, rates)
        priced = price(row.charge_model, row.properties, Usage(counted, full_units=units))
        line = fixed_line(facts, priced, units, paid)
        if not line.empty:
            lines.append(line)
    return lines


def lines_in_arrears(
    subscription: Subscription, window: Period, schedule: Schedule, *, currency: str, rates: Rates
) -> list[Line]:
    """What the fixed charges in arrears cost for a period that is over: `window` is its part that was lived."""
    rows = [row for row in rates.fixed(subscription, window.start) if not row.pay_in_advance]
    events = units_events(subscription, rows)
    full = schedule.fixed_period_at(window.start)
    charged = charged_parts(window, pauses_of(subscription), schedule.tz)
    lines = []
    for row in rows if charged else ():
        units = counted = units_at(events[row.pk], window.end)
        if row.prorated:
            whole = days_in(full, schedule.tz)
            counted = sum(
                (units_prorated(events[row.pk], part, whole, schedule.tz) for part in charged), ZERO
            )
        facts = facts_of(subscription, row, window, currency, rates)
        priced = price(row.charge_model, row.properties, Usage(counted, full_units=units))
        line = fixed_line(facts, priced, units)
        if not line.empty:
            lines.append(line)
    return lines


def facts_of(
    subscription: Subscription, row: FixedCharge, window: Period, currency: str, rates: Rates
) -> LineFacts:
    """What the line is about."""
    return LineFacts(
        description=row.invoice_name,
        currency=currency,
        taxes=rates.of_fixed(row, subscription.customer_id, rates.book(subscription, window.start)[0].taxes),
        period=window,
        subscription_id=str(subscription.pk),
        plan_id=str(row.plan_id),
        add_on_id=str(row.add_on_id),
        fixed_charge_id=str(row.pk),
    )


def paid_before(subscription: Subscription, row: FixedCharge, begins: datetime, tz: str) -> int:
    """What the subscription that this one takes over from had paid for the days from then on."""
    day = start_of_day(local_date(begins, tz), tz)
    lines: Any = InvoiceLine.objects.filter(
        kind="fixed_charge",
        add_on=row.add_on_id,
        fixed_charge__pay_in_advance=True,
        subscription__customer=subscription.customer_id,
        subscription__external_id=subscription.external_id,
        subscription__terminated_at__gte=day,
        subscription__terminated_at__lte=begins,
        period_start__lt=begins,
        period_end__gt=day,
    ).exclude(invoice__status=InvoiceStatus.VOIDED.value)
    total = 0
    for line in lines.exclude(subscription=subscription):
        covered = days_in(Period(line.period_start, line.period_end), tz)
        left = days_in(Period(max(day, line.period_start), line.period_end), tz)
        total += paid_before_minor(line.amount_minor, covered, left)
    return total
