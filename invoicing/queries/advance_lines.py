"""Lines of charges in advance: what an invoice of its own asks for, what the period's invoice gathers, and what stays
in use when a period begins.

Laws. A gathered fee stands on the one invoice whose usage window holds its moment (`counts_at`). The sum of the
exact fees of a part is rounded once. What a recurring metric carries over is billed whole when the period begins;
after that only what comes above it (`billing/rules/advance.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.models import AdvanceFee, Charge, Subscription
from billing.queries.usage_advance import BY_EVENT, STAYED
from billing.queries.usage_carried import stays_in_use
from billing.queries.usage_pricing import label_of
from billing.rules.charges.base import ChargeModel, Priced, Step, Usage
from billing.rules.charges.registry import charge_model
from billing.rules.filters import filter_name
from billing.rules.money import ZERO, exact, to_minor
from billing.rules.periods import Period, days_in
from billing.rules.prorated import ceil5, share_from
from billing.rules.windows import Schedule
from invoicing.queries.advance_parts import filter_of, group_of, standing_parts
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line, LineFacts, LineKind


def facts_of(
    subscription: Subscription, charge: Charge, period: Period, rates: Rates, *, label: str, **part: Any
) -> LineFacts:
    """What a line of a charge in advance is about."""
    name = charge.invoice_name
    return LineFacts(
        description=f"{name} · {label}" if label else name,
        currency=subscription.currency,
        taxes=rates.of_charge(
            charge.pk,
            subscription.plan_id,
            subscription.customer_id,
            rates.book(subscription, period.start)[0].taxes,
        ),
        period=period,
        subscription_id=str(subscription.pk),
        plan_id=str(subscription.plan_id),
        charge_id=str(charge.pk),
        metric_id=str(charge.metric_id),
        **part,
    )


def gathered(subscription: Subscription, start: datetime, end: datetime) -> list[AdvanceFee]:
    """The fees that a usage window gathers, in the order in which they were billed."""
    rows = AdvanceFee.objects.filter(
        subscription=subscription, counts_at__gte=start, counts_at__lt=end, invoice=None
    )
    return list(rows.select_related("charge__metric").order_by("charge__position", "charge_id", "part", "pk"))


def gathered_lines(subscription: Subscription, window: Period, rates: Rates) -> list[Line]:
    """A line for each part of a charge whose fees were gathered in the window."""
    by_part: dict[tuple[UUID, str], list[AdvanceFee]] = defaultdict(list)
    for fee in gathered(subscription, window.start, window.end):
        by_part[fee.charge_id, fee.part].append(fee)
    lines = [gathered_line(subscription, fees, window, rates) for fees in by_part.values()]
    return [line for line in lines if not line.empty]


def gathered_line(
    subscription: Subscription, fees: Sequence[AdvanceFee], window: Period, rates: Rates
) -> Line:
    """The fees of one part together."""
    first = fees[0]
    facts = facts_of(
        subscription,
        first.charge,
        window,
        rates,
        label=part_label(first),
        filter=first.charge_filter,
        group=first.charge_group,
    )
    with exact():
        amount = sum((fee.amount for fee in fees), ZERO)
        units = sum((fee.billed_units for fee in fees), ZERO)
    priced = Priced.of(Step("advance", BY_EVENT, amount, units=units))
    return Line(
        LineKind.CHARGE,
        facts,
        units,
        priced.unit_amount(units),
        amount,
        max(to_minor(amount, facts.currency), 0),
        priced.steps,
        len(fees),
    )


def part_label(fee: AdvanceFee) -> str:
    """A fee's part in words, as on the lines of usage billed afterwards."""
    words = [filter_name(fee.charge_filter)] if fee.charge_filter else []
    words += [f"no {key}" if value is None else value for key, value in (fee.charge_group or {}).items()]
    return " · ".join(words)


def own_line(
    subscription: Subscription, charge: Charge, fee: AdvanceFee, priced: Priced, day: Period, rates: Rates
) -> Line:
    """The line of one event on an invoice of its own."""
    facts = facts_of(
        subscription,
        charge,
        day,
        rates,
        label=part_label(fee),
        filter=fee.charge_filter,
        group=fee.charge_group,
    )
    units = fee.billed_units
    return Line(
        LineKind.CHARGE,
        facts,
        units,
        priced.unit_amount(units),
        priced.total,
        fee.amount_minor,
        priced.steps,
        1,
    )


def renewing(charges: Iterable[Charge]) -> list[Charge]:
    """The charges in advance of what stays in use: they are billed again when a period begins."""
    return [row for row in charges if row.pay_in_advance and stays_in_use(row.metric)]


def renewal_lines(subscription: Subscription, window: Period, schedule: Schedule, rates: Rates) -> list[Line]:
    """What stays in use at the beginning of a window, for all of it: whole, or by its days where it begins within a
    period and the charge counts by days.
    """
    lines = []
    for charge in renewing(rates.terms(subscription, window.start).charges):
        model: ChargeModel[Any] = charge_model(charge.charge_model)
        for part in standing_parts(subscription, charge, window.start):
            units = part.measured.units
            if units <= 0:
                continue
            chosen = None if part.bucket.filter is None else charge.filters[part.bucket.filter]
            params = model.parse(chosen["properties"] if chosen else charge.properties)
            facts = facts_of(
                subscription,
                charge,
                window,
                rates,
                label=label_of(charge, part.bucket),
                filter=filter_of(charge, part.bucket),
                group=group_of(charge, part.bucket),
            )
            priced = renewed(charge, model, params, units, window, schedule)
            lines.append(
                Line(
                    LineKind.CHARGE,
                    facts,
                    units,
                    priced.unit_amount(units),
                    priced.total,
                    max(to_minor(priced.total, facts.currency), 0),
                    priced.steps,
                )
            )
    return lines


def renewed(
    charge: Charge, model: ChargeModel[Any], params: Any, units: Decimal, window: Period, schedule: Schedule
) -> Priced:
    """The price of what stays in use; its step says so."""
    whole = schedule.usage_period_at(window.start)
    counted = units
    if charge.prorated and window.start > whole.start:
        days = share_from(window.start, window.end, days_in(whole, schedule.tz), schedule.tz)
        with exact():
            counted = ceil5(days.take(units))
    values = (counted,) if model.needs_event_values(params) else ()
    priced = model.price(params, Usage(counted, 1, values, full_units=units))
    return Priced.of(*(replace(one, label=STAYED) if one.kind == "units" else one for one in priced.steps))
