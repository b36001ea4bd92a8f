"""Billing windows: which stretch an invoice made at some moment covers.

Laws.
- In arrears an invoice covers the period before the billing moment, in advance the one it starts.
  Usage is always billed afterwards, so a plan in advance bills the fee of the new period together
  with the usage of the one before.
- A subscription that has ended is billed for the period in which it ended. (When the period before
  that was not invoiced yet, it needs an invoice of its own: ask again with `at` at its end.)
- Usage billed monthly on a longer plan: the fee is due only where both periods begin together
  (in advance also where it starts).
- The fee counts from the local day of the start, usage from its exact moment; both stop where the
  subscription ended.

Example: monthly in advance, calendar, started 10 January. On 1 February: fee for February, usage
from 10 January to 1 February.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.rules.periods import (
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

    `usage_monthly`: usage of a yearly or semiannual plan is billed every month.
    """

    interval: Interval
    billing_time: BillingTime
    anchor: datetime
    tz: str
    pay_in_advance: bool
    started_at: datetime
    ended_at: datetime | None = None
    usage_monthly: bool = False

    def period_at(self, instant: datetime) -> Period:
        """The full period of the plan's fee that contains `instant`."""
        return self._period_at(instant, self.interval)

    def usage_period_at(self, instant: datetime) -> Period:
        """The full period of usage that contains `instant`."""
        split = self.usage_monthly and self.interval in (Interval.SEMIANNUAL, Interval.YEARLY)
        return self._period_at(instant, Interval.MONTHLY if split else self.interval)

    def before(self, period: Period) -> Period:
        """The full period of the fee that ends where `period` starts."""
        return self.period_at(period.start - _MICROSECOND)

    def _period_at(self, instant: datetime, interval: Interval) -> Period:
        return period_at(
            instant, interval=interval, billing_time=self.billing_time, anchor=self.anchor, tz=self.tz
        )


@dataclass(frozen=True)
class Windows:
    """`fee` and `usage`: what is billed (None: nothing of it lies in the period). `fee_full` and
    `usage_full`: the full periods they are parts of, whose days prices are divided by."""

    fee: Period | None
    fee_full: Period
    usage: Period | None
    usage_full: Period


def billing_windows(schedule: Schedule, at: datetime) -> Windows:
    """What an invoice made at `at` covers."""
    if schedule.ended_at is not None and schedule.ended_at <= at:
        # Ended at midnight means that the day before was the last one.
        last = schedule.ended_at - _MICROSECOND
        fee_full, usage_full = schedule.period_at(last), schedule.usage_period_at(last)
        fee_due = True
    else:
        fee_full, running = schedule.period_at(at), schedule.usage_period_at(at)
        starting = schedule.pay_in_advance and schedule.started_at >= running.start
        fee_due = starting or running.start == fee_full.start
        usage_full = schedule.usage_period_at(running.start - _MICROSECOND)
        if not schedule.pay_in_advance:
            fee_full = schedule.before(fee_full)
    first_day = start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz)
    return Windows(
        fee=_cut(fee_full, first_day, schedule.ended_at) if fee_due else None,
        fee_full=fee_full,
        usage=_cut(usage_full, schedule.started_at, schedule.ended_at),
        usage_full=usage_full,
    )


def running_windows(schedule: Schedule, at: datetime) -> Windows:
    """The running period at `at`, for current usage: fee and usage of the period containing it."""
    current, usage = schedule.period_at(at), schedule.usage_period_at(at)
    first_day = start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz)
    return Windows(
        fee=_cut(current, first_day, schedule.ended_at),
        fee_full=current,
        usage=_cut(usage, schedule.started_at, schedule.ended_at),
        usage_full=usage,
    )


def _cut(period: Period, not_before: datetime, ended_at: datetime | None) -> Period | None:
    """The part of `period` from `not_before` up to the end of the subscription."""
    start = max(period.start, not_before)
    end = period.end if ended_at is None else min(period.end, ended_at)
    return Period(start, end) if start < end else None
