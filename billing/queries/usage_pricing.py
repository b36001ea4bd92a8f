"""What measured usage costs: the price of each part of a charge, and of the charge as their sum.

Laws. The price of a part is that of its charge model (`billing/rules/charges`), rounded once. Tiers, free
units and flat amounts start anew in each part. Negative usage (more taken back than used) is 0 units for 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.models import Aggregation, Charge, Metric, Subscription
from billing.queries.usage_facets import Part, event_rows
from billing.queries.usage_totals import event_values, item_steps, steps_of, tidy
from billing.rules.aggregation import RoundingFunction, round_units
from billing.rules.charges.base import ChargeModel, Priced, Step, Usage
from billing.rules.charges.registry import charge_model
from billing.rules.filters import Bucket, filter_name
from billing.rules.money import ZERO, exact, to_minor
from billing.rules.prorated import Prorated

BY_DAYS = "Units by their days"
GROWING = frozenset({Aggregation.COUNT.value, Aggregation.SUM.value})


@dataclass(frozen=True)
class PartUsage:
    """A part of a charge, what it measured and what it costs. `filter`: {"values", "invoice_display_name"} of its
    filter (None: the charge's own price); `group`: {key: value}; `label` names both, empty for the only part.
    """

    bucket: Bucket
    label: str
    filter: dict[str, Any] | None
    group: dict[str, str | None]
    units: Decimal
    events_count: int
    priced: Priced
    amount_minor: int
    received: int = 0
    projected_minor: int | None = None
    projected_units: Decimal | None = None
    paid_minor: int = 0


@dataclass(frozen=True)
class ChargeUsage:
    """What a charge measured in a window and what it costs; `amount_minor` in the subscription's currency.

    `events_count`: events that took part; `received`: all that were sent for the metric; `paid_minor`: the part of
    the amount that was invoiced in advance. With several parts the figures are their sums, and the steps those of all
    parts.
    """

    charge: Charge
    metric: Metric
    units: Decimal
    events_count: int
    priced: Priced
    amount_minor: int
    received: int = 0
    projected_minor: int | None = None
    projected_units: Decimal | None = None
    parts: tuple[PartUsage, ...] = ()
    paid_minor: int = 0


def price_charge(
    subscription: Subscription,
    charge: Charge,
    parts: list[Part],
    start: datetime,
    end: datetime,
    share_passed: Decimal | None = None,
) -> ChargeUsage:
    """The price of what the parts of a charge measured; with the share of the period that has passed, a projection
    too.
    """
    priced = tuple(price_part(subscription, charge, part, start, end, share_passed) for part in parts)
    return summed(charge, priced, projects=share_passed is not None)


def summed(charge: Charge, priced: tuple[PartUsage, ...], *, projects: bool) -> ChargeUsage:
    """A charge as the sum of its priced parts."""
    if len(priced) == 1 and not priced[0].label:
        [one] = priced
        steps, units, projected_units = one.priced, one.units, one.projected_units
    else:
        steps = Priced.of(*(step for one in priced for step in named_steps(charge, one)))
        with exact():
            units = sum((one.units for one in priced), ZERO)
            projected_units = sum((one.projected_units or ZERO for one in priced), ZERO) if projects else None
    return ChargeUsage(
        charge,
        charge.metric,
        units,
        sum(one.events_count for one in priced),
        steps,
        sum(one.amount_minor for one in priced),
        sum(one.received for one in priced),
        sum(one.projected_minor or 0 for one in priced) if projects else None,
        projected_units,
        priced,
        sum(one.paid_minor for one in priced),
    )


def named_steps(charge: Charge, part: PartUsage) -> list[Step]:
    """The steps of a part, which say whose they are."""
    name = part.label or charge.invoice_name
    return [replace(step, label=f"{name}: {step.label}") for step in part.priced.steps]


def price_part(
    subscription: Subscription,
    charge: Charge,
    part: Part,
    start: datetime,
    end: datetime,
    share_passed: Decimal | None,
) -> PartUsage:
    """The price of what one part measured."""
    model: ChargeModel[Any] = charge_model(charge.charge_model)
    chosen = None if part.bucket.filter is None else charge.filters[part.bucket.filter]
    params = model.parse(chosen["properties"] if chosen else charge.properties)
    currency, metric, measured = subscription.currency, charge.metric, part.measured
    by_event = model.needs_event_values(params)
    values: tuple[Decimal, ...] = ()
    if by_event and measured.events_count:
        values = values_of(subscription, charge, part, start, end)
    rounding = RoundingFunction(metric.rounding) if metric.rounding else None
    units = max(round_units(measured.units, rounding, metric.rounding_precision), ZERO)
    usage = Usage(units, measured.events_count, values, events_total=measured.events_total)
    if part.prorated:
        usage = usage_by_days(charge, part.prorated, measured.events_count)
        units = max(usage.full_units or ZERO, ZERO)
    priced = model.price(params, usage)
    if part.prorated:
        priced = Priced.of(
            *(replace(step, label=BY_DAYS) if step.kind == "units" else step for step in priced.steps)
        )
    projected, projected_units = None, None
    if share_passed:
        projected_units, factor = units, Decimal(1)
        with exact():
            if metric.aggregation in GROWING and not metric.recurring:
                factor = 1 / share_passed
                projected_units = (units * factor).quantize(Decimal("0.01"))
            if part.prorated:  # its days are counted to the end of the period
                projected = max(to_minor(priced.total, currency), 0)
            elif by_event or measured.events_total:
                projected = max(to_minor(priced.total * factor, currency), 0)
            else:
                later = model.price(params, Usage(projected_units, int(measured.events_count * factor)))
                projected = max(to_minor(later.total, currency), 0)
    return PartUsage(
        part.bucket,
        label_of(charge, part.bucket),
        chosen,
        dict(zip(charge.group_keys, part.bucket.group, strict=True)),
        units,
        measured.events_count,
        priced,
        max(to_minor(priced.total, currency), 0),
        measured.received,
        projected,
        projected_units,
    )


def usage_by_days(charge: Charge, found: Prorated, events_count: int) -> Usage:
    """What a prorated charge prices. Only tiers that are climbed event by event need the single changes."""
    metric = charge.metric
    rounding = RoundingFunction(metric.rounding) if metric.rounding else None
    units, full = (
        round_units(value, rounding, metric.rounding_precision) for value in (found.units, found.full_units)
    )
    if charge.charge_model != "graduated":
        return Usage(units, events_count, full_units=full)
    return Usage(units, events_count, found.values, found.prorated_values, full)


def label_of(charge: Charge, bucket: Bucket) -> str:
    """A part in words: the name of its filter or the values that it lets through, then the values of its group."""
    words: list[str] = []
    if bucket.filter is not None:
        words.append(filter_name(charge.filters[bucket.filter]))
    words += [
        f"no {key}" if value is None else value
        for key, value in zip(charge.group_keys, bucket.group, strict=True)
    ]
    return " · ".join(words)


def values_of(
    subscription: Subscription, charge: Charge, part: Part, start: datetime, end: datetime
) -> tuple[Decimal, ...]:
    """The value of each event in order, for charges with free events or limits per event."""
    metric, measured = charge.metric, part.measured
    if metric.aggregation == Aggregation.COUNT.value:
        return (Decimal(1),) * measured.events_count
    unique = metric.aggregation == Aggregation.UNIQUE_COUNT.value
    if charge.sorting.plain:
        read = item_steps if unique else event_values
        return read(subscription.pk, metric, start, end)
    rows = event_rows(subscription.pk, metric, part.facets, start, end)
    if unique:
        return steps_of((text, removes) for _, text, removes in rows if text is not None)
    return tuple(tidy(value) for value, _, _ in rows if value is not None)
