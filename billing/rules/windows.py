"""Billing windows: which stretch an invoice made at some moment covers.

Laws.
- In arrears an invoice covers the period before the billing moment, in advance the one it starts.
  Usage is always billed afterwards, so a plan in advance bills the fee of the new period together
  with the usage of the one before.
- A subscription that has ended is billed for the period in which it ended.
- The fee counts from the local day of the start, usage from its exact moment; both stop where the
  subscription ended.

Example: monthly in advance, calendar, started 10 January. On 1 February: fee for February, usage
from 10 January to 1 February.
"""

from dataclasses import dataclass
from datetime import datetime

from billing.rules.periods import (
    BillingTime,
    Interval,
    Period,
    local_date,
    period_at,
    previous_period,
    start_of_day,
)


@dataclass(frozen=True)
class Schedule:
    """When a subscription is billed: `anchor` is its subscription_at, `tz` the customer's."""

    interval: Interval
    billing_time: BillingTime
    anchor: datetime
    tz: str
    pay_in_advance: bool
    started_at: datetime
    ended_at: datetime | None = None

    def period_at(self, instant: datetime) -> Period:
        return period_at(
            instant,
            interval=self.interval,
            billing_time=self.billing_time,
            anchor=self.anchor,
            tz=self.tz,
        )

    def before(self, period: Period) -> Period:
        return previous_period(
            period,
            interval=self.interval,
            billing_time=self.billing_time,
            anchor=self.anchor,
            tz=self.tz,
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
    current = schedule.period_at(at)
    ended = schedule.ended_at is not None and schedule.ended_at <= at
    usage_full = current if ended else schedule.before(current)
    fee_full = current if schedule.pay_in_advance else usage_full
    first_day = start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz)
    return Windows(
        fee=_cut(fee_full, first_day, schedule.ended_at),
        fee_full=fee_full,
        usage=_cut(usage_full, schedule.started_at, schedule.ended_at),
        usage_full=usage_full,
    )


def usage_window(schedule: Schedule, at: datetime) -> Windows:
    """The running period at `at`, for current usage: fee and usage of the period containing it."""
    current = schedule.period_at(at)
    first_day = start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz)
    return Windows(
        fee=_cut(current, first_day, schedule.ended_at),
        fee_full=current,
        usage=_cut(current, schedule.started_at, schedule.ended_at),
        usage_full=current,
    )


def _cut(period: Period, not_before: datetime, ended_at: datetime | None) -> Period | None:
    """The part of `period` from `not_before` up to the end of the subscription."""
    start = max(period.start, not_before)
    end = period.end if ended_at is None else min(period.end, ended_at)
    return Period(start, end) if start < end else None
