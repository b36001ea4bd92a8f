"""Billing windows: which stretch an invoice made at some moment covers.

Laws.
- In arrears an invoice covers the period before the billing moment, in advance the one it starts.
  Usage is always billed afterwards, so a plan in advance bills the fee of the new period together
  with the usage of the one before. Fixed charges in arrears go with the usage.
- A subscription that has ended is billed for the period in which it ended. (When the period before
  that was not invoiced yet, it needs an invoice of its own: ask again with `at` at its end.)
- Usage or fixed charges billed monthly on a longer plan: what is not billed monthly is due only where
  its own period begins together with the month (the fee in advance also where it starts).
- The fee counts from the local day of the start, usage from its exact moment; both stop where the
  subscription ended.

Example: monthly in advance, calendar, started 10 January. On 1 February: fee for February, usage
from 10 January to 1 February.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.rules.periods import (
    LONG,
    BillingTime,
    Interval,
    Period,
    local_date,
    period_at,
    start_of_day,
)

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Schedule:
    """When a subscription is billed: `anchor` is its subscription_at, `tz` the customer's.

    `usage_monthly`, `fixed_monthly`: usage, or fixed charges, of a yearly or semiannual plan are
    billed every month.
    """

    interval: Interval
    billing_time: BillingTime
    anchor: datetime
    tz: str
    pay_in_advance: bool
    started_at: datetime
    ended_at: datetime | None = None
    usage_monthly: bool = False
    fixed_monthly: bool = False

    def period_at(self, instant: datetime) -> Period:
        """The full period of the plan's fee that contains `instant`."""
        return self._period_at(instant, self.interval)

    def usage_period_at(self, instant: datetime) -> Period:
        """The full period of usage that contains `instant`."""
        return self._split_at(instant, self.usage_monthly)

    def fixed_period_at(self, instant: datetime) -> Period:
        """The full period of fixed charges that contains `instant`."""
        return self._split_at(instant, self.fixed_monthly)

    @property
    def split(self) -> bool:
        """Whether something is billed within the plan's period."""
        return (self.usage_monthly or self.fixed_monthly) and self.interval in LONG

    @property
    def together(self) -> bool:
        """Whether fixed charges in arrears are billed with the usage of the same stretch."""
        return self.usage_monthly == self.fixed_monthly

    def step_at(self, instant: datetime) -> Period:
        """The stretch between two billing moments that contains `instant`: a month where something is billed monthly,
        else the period.
        """
        return self._split_at(instant, self.split)

    def month_at(self, instant: datetime) -> Period:
        """The month of the plan's period that contains `instant`."""
        return self._period_at(instant, Interval.MONTHLY)

    def before(self, period: Period) -> Period:
        """The full period of the fee that ends where `period` starts."""
        return self.period_at(period.start - _MICROSECOND)

    def _split_at(self, instant: datetime, monthly: bool) -> Period:
        split = monthly and self.interval in LONG
        return self._period_at(instant, Interval.MONTHLY if split else self.interval)

    def _period_at(self, instant: datetime, interval: Interval) -> Period:
        return period_at(
            instant, interval=interval, billing_time=self.billing_time, anchor=self.anchor, tz=self.tz
        )


@dataclass(frozen=True)
class Windows:
    """`fee`, `usage` and `fixed` (charges in arrears): what is billed. None: it is not due (`usage_due`,
    `fixed_due`), or nothing of it lies in the period. `…_full`: the full periods they are parts of, whose
    days prices are divided by."""

    fee: Period | None
    fee_full: Period
    usage: Period | None
    usage_full: Period
    fixed: Period | None
    fixed_full: Period
    usage_due: bool = True
    fixed_due: bool = True


def billing_windows(schedule: Schedule, at: datetime) -> Windows:
    """What an invoice made at `at` covers."""
    if schedule.ended_at is not None and schedule.ended_at <= at:
        # Ended at midnight means that the day before was the last one.
        return _windows(schedule, schedule.ended_at - _MICROSECOND)
    fee_full, usage, fixed = (
        ask(at) for ask in (schedule.period_at, schedule.usage_period_at, schedule.fixed_period_at)
    )
    newest = max(fee_full.start, usage.start, fixed.start)
    starting = schedule.pay_in_advance and schedule.started_at >= newest
    fee_due = starting or fee_full.start == newest
    usage_due, fixed_due = usage.start == newest, fixed.start == newest
    if not schedule.pay_in_advance:
        fee_full = schedule.before(fee_full)
    usage_full = schedule.usage_period_at(usage.start - _MICROSECOND)
    fixed_full = schedule.fixed_period_at(fixed.start - _MICROSECOND)
    return Windows(
        fee=_fee(schedule, fee_full) if fee_due else None,
        fee_full=fee_full,
        usage=_cut(schedule, usage_full) if usage_due else None,
        usage_full=usage_full,
        fixed=_cut(schedule, fixed_full) if fixed_due else None,
        fixed_full=fixed_full,
        usage_due=usage_due,
        fixed_due=fixed_due,
    )


def running_windows(schedule: Schedule, at: datetime) -> Windows:
    """The running period at `at`, for current usage: fee and usage of the period containing it."""
    return _windows(schedule, at)


def _windows(schedule: Schedule, at: datetime) -> Windows:
    """The windows of the periods that contain `at`."""
    fee_full, usage, fixed = (
        ask(at) for ask in (schedule.period_at, schedule.usage_period_at, schedule.fixed_period_at)
    )
    return Windows(
        fee=_fee(schedule, fee_full),
        fee_full=fee_full,
        usage=_cut(schedule, usage),
        usage_full=usage,
        fixed=_cut(schedule, fixed),
        fixed_full=fixed,
    )


def _fee(schedule: Schedule, period: Period) -> Period | None:
    """The part of `period` from the first local day of the subscription up to its end."""
    return _part(
        period, start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz), schedule.ended_at
    )


def _cut(schedule: Schedule, period: Period) -> Period | None:
    """The part of `period` from the moment of the start up to the end of the subscription."""
    return _part(period, schedule.started_at, schedule.ended_at)


def _part(period: Period, not_before: datetime, ended_at: datetime | None) -> Period | None:
    start = max(period.start, not_before)
    end = period.end if ended_at is None else min(period.end, ended_at)
    return Period(start, end) if start < end else None
