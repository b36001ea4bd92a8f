"""Usage with its price: of a window, and of the running period.

Laws. The price of a charge is that of its rule in `billing/rules/charges`, rounded once. Negative usage (more
taken back than used) is 0 units for 0. The running period begins where the last invoice for usage ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.models import Aggregation, Charge, Metric, Subscription
from billing.queries.schedules import customer_zone, schedule_of
from billing.queries.usage_advance import advance_usage, fees_of
from billing.queries.usage_carried import carry, line_of
from billing.queries.usage_facets import Part, charge_parts
from billing.queries.usage_pricing import ChargeUsage, price_charge
from billing.queries.usage_prorated import end_of, lived, prorate
from billing.queries.usage_totals import Day, Measured, all_days, daily, measure
from billing.queries.versions import pays_own_prices, terms_of
from billing.rules.filters import Bucket
from billing.rules.money import ZERO, exact
from billing.rules.periods import Period, local_date

# A projection from less than this says nothing.
SHORTEST_BASIS = timedelta(hours=1)
WEIGHTED = Aggregation.WEIGHTED_SUM.value
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class UsageReport:
    """The usage of the running period [start, end) so far, in the subscription's currency.

    `projected_minor` is the amount at the end of the period if it goes on as until now (None: too early to
    say); `days` is the number of events by local day of the customer, every day of the period up to now;
    `days_by_charge` the same with the units of each charge, by the charge's id.
    """

    subscription: Subscription
    start: datetime
    end: datetime
    at: datetime
    tz: str
    currency: str
    amount_minor: int
    charges: list[ChargeUsage]
    events_count: int
    projected_minor: int | None
    days: list[Day]
    days_by_charge: dict[Any, list[Day]]

    @property
    def paid_minor(self) -> int:
        """What of the amount was invoiced in advance already."""
        return sum(item.paid_minor for item in self.charges)

    @property
    def arrears_minor(self) -> int:
        """The usage that is billed afterwards: what thresholds look at."""
        return sum(item.amount_minor for item in self.charges if not item.charge.pay_in_advance)


def charges_of(subscription: Subscription, at: datetime | None = None) -> list[Charge]:
    """The plan's charges with their metrics, in their order, at the prices that the subscription pays for what begins
    at a moment (default: for its running period).
    """
    if not pays_own_prices(subscription):
        return list(terms_of(subscription, at or usage_start(subscription)).charges)
    return list(subscription.plan.charges.filter(deleted_at=None).select_related("metric"))


def charge_usage(
    subscription: Subscription, start: datetime, end: datetime, charges: list[Charge] | None = None
) -> list[ChargeUsage]:
    """Every charge of the plan with its usage in [start, end) and its price, also those without usage.

    `charges`: the plan's, when the caller has read them for many subscriptions.
    """
    charges = charges_of(subscription, start) if charges is None else charges
    parts = parts_of(subscription, charges, start, end)
    return priced_of(subscription, charges, parts, start, end)


def priced_of(
    subscription: Subscription,
    charges: list[Charge],
    parts: dict[UUID, list[Part]],
    start: datetime,
    end: datetime,
    share: Decimal | None = None,
) -> list[ChargeUsage]:
    """Charges with their price: of what was measured, of those in advance what their events came to."""
    fees = fees_of(subscription, charges, start, end)
    return [
        advance_usage(subscription, charge, parts[charge.pk], fees, share)
        if charge.pay_in_advance
        else price_charge(subscription, charge, parts[charge.pk], start, end, share)
        for charge in charges
    ]


def parts_of(
    subscription: Subscription, charges: list[Charge], start: datetime, end: datetime
) -> dict[UUID, list[Part]]:
    """What the parts of each charge measured in [start, end): one without filters and groups."""
    plain = [charge for charge in charges if charge.sorting.plain]
    measured = measured_of(subscription, [charge.metric for charge in plain], start, end)
    found = {charge.pk: [Part(Bucket(), measured[charge.metric_id])] for charge in plain}
    divided = [charge for charge in charges if charge.pk not in found]
    whole = whole_period(subscription, end) if divided else None
    line = line_of(subscription) if divided else []
    for charge in divided:
        assert whole is not None  # noqa: S101 - there is one as soon as it is needed
        found[charge.pk] = charge_parts(subscription.pk, charge, start, end, whole, line)
    prorated = [charge for charge in charges if charge.prorated and not charge.pay_in_advance]
    if prorated and start <= end:
        last, tz = end_of(subscription, end), customer_zone(subscription.customer)
        days = lived(subscription, end, whole_period(subscription, last), line_of(subscription), tz)
        found |= {row.pk: [prorate(row, part, days) for part in found[row.pk]] for row in prorated}
    return found


def measured_of(
    subscription: Subscription, metrics: list[Metric], start: datetime, end: datetime
) -> dict[UUID, Measured]:
    """What each metric measured in [start, end), with what recurring ones carry over and weighted ones weigh."""
    found = measure(subscription.pk, metrics, start, end)
    if not any(metric.recurring or metric.aggregation == WEIGHTED for metric in metrics):
        return found
    whole = whole_period(subscription, end)
    return carry(found, subscription.pk, metrics, start, end, whole, line_of(subscription))


def whole_period(subscription: Subscription, end: datetime) -> Period:
    """The full period of usage in which a window ends."""
    return schedule_of(subscription, customer_zone(subscription.customer)).usage_period_at(end - _MICROSECOND)


def usage_start(subscription: Subscription) -> datetime:
    """The end of the last invoiced usage, or the start."""
    periods: Any = subscription.invoiced_periods  # a relation that the invoices bring
    last = periods.filter(kind="usage").order_by("-end").values_list("end", flat=True).first()
    found: datetime = last or subscription.started_at or subscription.subscription_at
    return found


def running_window(subscription: Subscription, at: datetime) -> tuple[datetime, datetime]:
    """What is on no invoice yet: [end of the last invoiced usage or the start, end of the period)."""
    return usage_window(subscription, usage_start(subscription), at)


def usage_window(subscription: Subscription, start: datetime, at: datetime) -> tuple[datetime, datetime]:
    """The running window of usage that begins at `start`: up to where it is billed, or the subscription's end."""
    ended = subscription.terminated_at or subscription.canceled_at
    end = ended or subscription.next_billing_at or at
    plan = subscription.plan
    if not ended and plan.bill_fixed_charges_monthly and not plan.bill_charges_monthly:
        end = whole_period(subscription, end).end  # usage waits for longer than fixed charges do
    if subscription.paused_at and not ended:
        end = max(end, at)  # the period goes on for as long as nothing is billed
    return start, max(start, end)


def current_usage(
    subscription: Subscription,
    at: datetime,
    *,
    with_days: bool = True,
    with_items: bool = True,
    window: tuple[datetime, datetime] | None = None,
    charges: list[Charge] | None = None,
) -> UsageReport:
    """The running period: totals, price by charge, projection and days.

    The projection is linear by elapsed time: counts and sums grow as they did so far and are priced again, so
    that tiers count; maxima, latest values and unique counts stay what they are. Without `with_items` the
    days of unique counts are left out. `window` and `charges`: what `running_window` and `charges_of` have
    answered before.
    """
    start, end = window or running_window(subscription, at)
    charges = charges_of(subscription) if charges is None else charges
    metrics = [charge.metric for charge in charges]
    parts = parts_of(subscription, charges, start, end)
    share = share_passed(start, end, at)
    priced = priced_of(subscription, charges, parts, start, end, share)
    tz = customer_zone(subscription.customer)
    days: list[Day] = []
    by_charge: dict[Any, list[Day]] = {}
    if with_days and end > start:
        found = daily(subscription.pk, metrics, start, end, tz, items=with_items)
        shown = days_until(start, end, at, tz, found)
        days = fill(all_days(series.values() for series in found.values()), shown)
        by_charge = {charge.pk: fill(found[charge.metric_id], shown) for charge in charges}
    return UsageReport(
        subscription,
        start,
        end,
        at,
        tz,
        subscription.currency,
        sum(item.amount_minor for item in priced),
        priced,
        received_of(priced),
        sum(item.projected_minor or 0 for item in priced) if share else None,
        days,
        by_charge,
    )


def received_of(items: Iterable[ChargeUsage]) -> int:
    """All events behind some charges; those of a metric that several charges price count once."""
    return sum({item.metric.pk: item.received for item in items}.values())


def share_passed(start: datetime, end: datetime, at: datetime) -> Decimal | None:
    """The part of [start, end) that has passed at a moment; None when it is too early or all over."""
    passed = at - start
    if passed < SHORTEST_BASIS or at >= end:
        return None
    with exact():
        return Decimal(passed // _MICROSECOND) / Decimal((end - start) // _MICROSECOND)


def days_until(
    start: datetime, end: datetime, at: datetime, tz: str, found: dict[Any, dict[date, Day]]
) -> list[date]:
    """Every local day of the window up to today, and on to the last day that has events."""
    first = local_date(start, tz)
    last = local_date(min(max(at, start), end - _MICROSECOND), tz)
    last = max([last, *(on for series in found.values() for on in series)])
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def fill(series: dict[date, Day], days: list[date]) -> list[Day]:
    """The series with a zero for each day without events."""
    return [series.get(on) or Day(on, ZERO, 0) for on in days]
