"""From rows to facts: the windows of subscriptions become priced lines.

Preview, draft, refresh and finalising all call `window_lines`, so they cannot disagree. A window is what an
`InvoicedPeriod` row says: `usage` prices every charge for the events in [start, end); `fee` is the plan's
price for [start, end), in arrears or in advance. `closing` on a usage window: it completes its period, so
minimum spends are settled; on a fee window: the subscription ended inside it, so only its days are charged.
Fixed charges in arrears go with the usage that completes a period; where only one of the two is billed monthly they
have windows of their own (`arrears`). `settling`: the subscription ended between two months of its period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from billing.models import Charge, Subscription
from billing.orm.compiled import Compiled
from billing.queries.pauses import pauses_of
from billing.queries.schedules import schedule_of
from billing.queries.usage import charge_usage
from billing.queries.usage_carried import stays_in_use
from billing.queries.usage_pricing import ChargeUsage, PartUsage
from billing.rules.charges.base import Usage
from billing.rules.pauses import paused_days
from billing.rules.periods import BillingTime, Period
from billing.rules.proration import Share, SubscriptionFeeFacts, share, subscription_fee
from billing.rules.windows import Schedule
from invoicing.models import InvoicedPeriod, InvoiceLine
from invoicing.queries.advance_lines import gathered_lines, renewal_lines
from invoicing.queries.commitments import settled
from invoicing.queries.fixed_lines import lines_in_advance, lines_in_arrears
from invoicing.queries.line_edits import added_lines, edited, edited_usage, edits_of
from invoicing.queries.plan_changes import closed_step, days_until, goes_on, has_ended, own_end
from invoicing.queries.progressive import billed_progressively
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import NO_EDITS, Edits
from invoicing.rules.boundaries import first_day
from invoicing.rules.lines import (
    Line,
    LineFacts,
    charge_line,
    commitment_line,
    subscription_line,
    true_up_line,
)
from invoicing.rules.progressive import take_off
from invoicing.rules.states import InvoiceStatus

USAGE, FEE, FIXED, ADVANCE, ARREARS, SETTLING = "usage", "fee", "fixed", "advance", "arrears", "settling"
ORDER = {FEE: 0, FIXED: 1, ADVANCE: 2, USAGE: 3, ARREARS: 4, SETTLING: 5}


@dataclass(frozen=True)
class Window:
    """What one subscription is billed for: `kind` as above, [start, end) UTC instants. `edits`: what was changed by
    hand on the draft that bills it.
    """

    subscription: Subscription
    kind: str
    start: datetime
    end: datetime
    closing: bool = False
    edits: Edits = field(default=NO_EDITS, compare=False, repr=False)

    @property
    def period(self) -> Period:
        """Start and end as a period."""
        return Period(self.start, self.end)


def windows_of(invoice: Any, rates: Rates | None = None, edits: Edits | None = None) -> list[Window]:
    """The windows that an invoice bills, in the order in which they were put on it. `rates`: knows the plans.
    `edits`: others than those that were made.
    """
    edits = edits_of(invoice) if edits is None else edits
    if rates:
        found = list(PERIODS.rows(invoice.pk))
        subscriptions = {row.pk: row for row in SUBSCRIPTIONS.rows(invoice.pk)}
        for row in found:
            row.subscription = subscriptions[row.subscription_id]
            row.subscription.plan = rates.plan(row.subscription.plan_id)
    else:
        found = list(periods_of(invoice.pk).select_related("subscription__plan"))
    return [Window(row.subscription, row.kind, row.start, row.end, row.closing, edits) for row in found]


def periods_of(invoice_id: UUID) -> QuerySet[InvoicedPeriod]:
    """What an invoice bills, in the order in which it was put on it."""
    return InvoicedPeriod.objects.filter(invoice_id=invoice_id).order_by("pk")


PERIODS = Compiled(periods_of, UUID)
SUBSCRIPTIONS = Compiled(
    lambda key: Subscription.objects.filter(pk__in=periods_of(key).order_by().values("subscription_id")), UUID
)


def window_lines(windows: Sequence[Window], *, tz: str, currency: str, rates: Rates) -> list[Line]:
    """The lines of an invoice: per subscription the fee, fixed charges and usage in advance, usage (what was billed
    event by event last), fixed charges in arrears, then what its minimum commitment lacks; what was added by hand
    comes last, and what is empty is left out.
    """
    lines: list[Line] = []

    def put(window: Window, made: Sequence[Line]) -> None:
        lines.extend(edited(window.edits, made, window.subscription, rates))

    ordered = sorted(windows, key=lambda w: (str(w.subscription.pk), ORDER[w.kind], w.start))
    for _, group in groupby(ordered, key=lambda w: w.subscription.pk):
        mine, made = list(group), len(lines)
        for window in mine:
            if window.kind == FEE:
                put(window, fee_lines(window, tz=tz, currency=currency, rates=rates))
            elif window.kind == FIXED:
                put(window, fixed_lines(window, tz=tz, currency=currency, rates=rates))
            elif window.kind == ADVANCE:
                schedule = schedule_of(window.subscription, tz)
                put(window, renewal_lines(window.subscription, window.period, schedule, rates))
            elif window.kind == USAGE:
                lines += less_billed(window, usage_lines(window, tz=tz, currency=currency, rates=rates))[0]
                if window.subscription.billed_by_event:
                    put(window, gathered_lines(window.subscription, window.period, rates))
        shared = schedule_of(mine[0].subscription, tz).together
        for window in mine:
            if window.kind == ARREARS or (window.kind == USAGE and window.closing and shared):
                put(window, fixed_lines(window, tz=tz, currency=currency, rates=rates))
        for window in mine:
            put(window, commitment_lines(window, lines[made:], tz=tz, currency=currency, rates=rates))
    for window in ordered[:1]:
        customer = window.subscription.customer_id
        lines += added_lines(window.edits, customer, currency=currency, rates=rates)
    return lines


def less_billed(window: Window, lines: Sequence[Line]) -> tuple[list[Line], dict[str, int]]:
    """The lines of a usage window less what progressive invoices have asked for of it, and what they asked for too
    much, by their line's id.
    """
    if not window.subscription.progressively_billed:
        return list(lines), {}
    return take_off(lines, billed_progressively(window.subscription, window.start, window.end))


def fee_lines(window: Window, *, tz: str, currency: str, rates: Rates) -> list[Line]:
    """The plan's fee for the window; none when it is free or the trial covers it."""
    subscription = window.subscription
    price, book = (
        rates.terms(subscription, window.start).amount_minor,
        rates.book(subscription, window.start)[0],
    )
    plan = book.plan
    if not price or window.start >= window.end:
        return []
    schedule = schedule_of(subscription, tz)
    fee = subscription_fee(
        SubscriptionFeeFacts(
            amount_minor=price,
            # An ended fee pays its days whenever it was to be paid; so does the first one after a start in
            # the past, which is why neither `created_at` nor earlier fees are passed.
            pay_in_advance=plan.pay_in_advance and not window.closing,
            billing_time=BillingTime(subscription.billing_time),
            window=window.period,
            full=schedule.period_at(window.start),
            tz=tz,
            started_at=schedule.started_at,
            trial_ends_at=subscription.trial_ends_at,
            terminated=window.closing,
            has_previous=subscription.previous_id is not None,
            paused_days=paused_in(window, tz),
        )
    )
    if not fee.days:
        return []
    start = max(window.start, subscription.trial_ends_at or window.start)
    facts = LineFacts(
        description=f"{plan.invoice_name}, {plan.interval} fee",
        currency=currency,
        taxes=rates.of_plan(plan.pk, subscription.customer_id, book.taxes),
        period=Period(start, window.end),
        subscription_id=str(subscription.pk),
        plan_id=str(plan.pk),
    )
    return [subscription_line(facts, fee, price)]


def paused_in(window: Window, tz: str) -> int:
    """The days of a fee's window that were paused, after the trial."""
    trial = window.subscription.trial_ends_at
    charged = Period(min(max(window.start, trial or window.start), window.end), window.end)
    return paused_days(charged, pauses_of(window.subscription), tz)


def usage_lines(window: Window, *, tz: str, currency: str, rates: Rates, whole: bool = False) -> list[Line]:
    """A line per charge with usage (per filter and group, where it has some), and one for each minimum spend that
    was not reached. What stays in use is billed once a period, when it closes: a bill in between leaves it out,
    unless the `whole` usage is asked for. Charges in advance are billed event by event.
    """
    subscription = window.subscription
    if window.start > window.end:
        return []
    lines, schedule = [], schedule_of(subscription, tz)
    charges = [row for row in rates.terms(subscription, window.start).charges if not row.pay_in_advance]
    own = rates.book(subscription, window.start)[0].taxes
    for item in charge_usage(subscription, window.start, window.end, charges):
        if not whole and goes_on_unbilled(window, item.charge, schedule, rates):
            continue
        facts = LineFacts(
            description=item.charge.invoice_name,
            currency=currency,
            taxes=rates.of_charge(item.charge.pk, subscription.plan_id, subscription.customer_id, own),
            period=window.period,
            subscription_id=str(subscription.pk),
            plan_id=str(subscription.plan_id),
            charge_id=str(item.charge.pk),
            metric_id=str(item.metric.pk),
        )
        parts = [part_line(facts, part) for part in item.parts]
        made = edited_usage(window.edits, parts, facts, item.charge)
        lines += [line for line in made if not line.empty]
        if item.charge.min_amount_minor and window.closing:
            missing = minimum_lines(window, item, facts, sum(line.amount_minor for line in made), tz)
            lines += edited(window.edits, missing, subscription, rates)
    return lines


def goes_on_unbilled(window: Window, charge: Charge, schedule: Schedule, rates: Rates) -> bool:
    """Whether the bill of a window leaves a charge out, because what it measures stays in use."""
    if not stays_in_use(charge.metric):
        return False
    return not window.closing or (
        not charge.prorated and goes_on(window.subscription, window.end, charge.metric_id, schedule, rates)
    )


def part_line(facts: LineFacts, part: PartUsage) -> Line:
    """The line of one filter and group of a charge, or of the whole charge when it has none."""
    named = replace(
        facts,
        description=f"{facts.description} · {part.label}" if part.label else facts.description,
        filter=part.filter and {name: part.filter[name] for name in ("values", "invoice_display_name")},
        group=part.group or None,
    )
    return charge_line(named, part.priced, Usage(part.units, part.events_count))


def minimum_lines(
    window: Window, item: ChargeUsage, facts: LineFacts, used_minor: int, tz: str
) -> list[Line]:
    """The rest to a charge's minimum for the days of the period, after what was billed earlier in it."""
    schedule = schedule_of(window.subscription, tz)
    full = schedule.usage_period_at(closed_step(window.subscription, window.end, schedule).start)
    end = days_until(window.subscription, window.end, tz)
    start = max(full.start, first_day(schedule))
    days = share(Period(min(start, end), end), full, tz)
    if window.start > max(start, schedule.started_at):
        used_minor += billed_earlier(window, item, start)
    paused = paused_days(Period(min(start, end), end), pauses_of(window.subscription), tz)
    days = Share(max(0, min(days.days, days.of) - paused), days.of)
    line = true_up_line(
        LineFacts(**{**facts.__dict__, "description": f"{facts.description}: minimum spend"}),
        item.charge.min_amount_minor,
        used_minor,
        days,
    )
    return [line] if line else []


def fixed_lines(window: Window, *, tz: str, currency: str, rates: Rates) -> list[Line]:
    """The fixed charges of a window: those in advance for one of kind `fixed`, those in arrears for the period that
    another one closes.
    """
    subscription = window.subscription
    if not rates.fixed(subscription, window.start):
        return []
    schedule = schedule_of(subscription, tz)
    if window.kind == FIXED:
        return lines_in_advance(subscription, window.period, schedule, currency=currency, rates=rates)
    full = schedule.fixed_period_at(closed_step(window.subscription, window.end, schedule).start)
    end = days_until(window.subscription, window.end, tz)
    start = max(full.start, schedule.started_at)
    if start >= end:
        return []
    lived = Period(start, end)
    return lines_in_arrears(subscription, lived, schedule, currency=currency, rates=rates)


def commitment_lines(
    window: Window, made: Sequence[Line], *, tz: str, currency: str, rates: Rates
) -> list[Line]:
    """What is missing to the plan's minimum commitment in the period that a usage window completes: not where it
    closes a month within it. A subscription that ended between two months has a window for this alone.
    """
    subscription = window.subscription
    promised = rates.terms(subscription, window.start).commitment_minor
    book = rates.book(subscription, window.start)[0]
    plan = book.plan
    settles = window.kind == SETTLING or (window.kind == USAGE and window.closing)
    if not promised or not settles or window.start > window.end:
        return []
    schedule = schedule_of(subscription, tz)
    step = closed_step(subscription, window.end, schedule)
    full = schedule.period_at(step.start)
    within = has_ended(subscription, window.end) and own_end(subscription, window.end) < step.end
    if window.kind == USAGE and step.end < full.end and not within:
        return []
    start = max(full.start, first_day(schedule))
    facts = LineFacts(
        description=plan.commitment_name,
        currency=currency,
        taxes=rates.of_plan(plan.pk, subscription.customer_id, book.taxes),
        period=Period(min(start, window.end), window.end),
        subscription_id=str(subscription.pk),
        plan_id=str(plan.pk),
    )
    line = commitment_line(facts, settled(subscription, promised, schedule, window.period, full, made))
    return [line] if line else []


def billed_earlier(window: Window, item: ChargeUsage, since: datetime) -> int:
    """What bills in between have already asked for this charge in the period, in minor units."""
    rows = InvoiceLine.objects.filter(
        subscription=window.subscription,
        charge=item.charge,
        kind="charge",
        period_start__gte=since,
        period_end__lte=window.start,
    ).exclude(invoice__status=InvoiceStatus.VOIDED.value)
    return rows.aggregate(total=Sum("amount_minor"))["total"] or 0
