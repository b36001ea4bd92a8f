"""Billing periods: half-open stretches of time between two local midnights.

Laws.
- A period is [start, end): both are UTC instants, the end belongs to the next period. Consecutive
  periods of one schedule tile the time line: no gap, no overlap, whatever the clocks do.
- Boundaries are local midnights of the customer's timezone, so a day with a clock change is still
  one day. Where a midnight does not exist, the day starts at the first instant after the jump.
- Calendar billing: Monday, the 1st, the 1st of Jan/Apr/Jul/Oct, of Jan/Jul, 1 January.
- Anniversary billing: the weekday, day or date of `anchor`, taken from the anchor each time and
  clamped to the length of the month, so it never drifts.

Example: anchor 31 January 2024, monthly, UTC. Boundaries: 31 Jan, 29 Feb, 31 Mar, 30 Apr.
The period containing 10 March is [29 Feb 00:00, 31 Mar 00:00), 31 days.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class Interval(StrEnum):
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    SEMIANNUAL = "semiannual"
    YEARLY = "yearly"


class BillingTime(StrEnum):
    CALENDAR = "calendar"
    ANNIVERSARY = "anniversary"


MONTHS: dict[Interval, int] = {
    Interval.MONTHLY: 1,
    Interval.QUARTERLY: 3,
    Interval.SEMIANNUAL: 6,
    Interval.YEARLY: 12,
}
# Something can be billed every month within them.
LONG: tuple[Interval, ...] = (Interval.SEMIANNUAL, Interval.YEARLY)
# To compare plans of different intervals (a year has 52 weeks here).
PER_YEAR: dict[Interval, int] = {
    Interval.WEEKLY: 52,
    Interval.MONTHLY: 12,
    Interval.QUARTERLY: 4,
    Interval.SEMIANNUAL: 2,
    Interval.YEARLY: 1,
}
# A Monday and a 1st of January: the anchors of every calendar schedule.
_CALENDAR_WEEK = date(2001, 1, 1)
_CALENDAR_MONTH = date(2001, 1, 1)


@dataclass(frozen=True, order=True)
class Period:
    """Half-open [start, end) between two aware instants, kept in UTC. Empty when start == end."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("A period is between two instants with a timezone.")
        if self.end < self.start:
            raise ValueError(f"A period cannot end ({self.end}) before it starts ({self.start}).")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    @property
    def empty(self) -> bool:
        return self.start == self.end

    def overlap(self, other: "Period") -> "Period | None":
        """The stretch both share, or None when they share no instant."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


@lru_cache(maxsize=1024)
def _zone(tz: str) -> ZoneInfo:
    return ZoneInfo(tz)


def local_date(instant: datetime, tz: str) -> date:
    """The calendar day on which `instant` falls in `tz`."""
    return instant.astimezone(_zone(tz)).date()


def start_of_day(day: date, tz: str) -> datetime:
    """The UTC instant at which the local `day` starts in `tz`."""
    zone = _zone(tz)
    midnight = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    if (midnight - _MICROSECOND).astimezone(zone).date() < day:
        return midnight
    # The clocks jumped over midnight from before it: the day starts at the jump. Find it.
    low, high = midnight - _DAY, midnight
    while high - low > _MICROSECOND:
        middle = low + (high - low) / 2
        low, high = (low, middle) if middle.astimezone(zone).date() >= day else (middle, high)
    return high


def add_months(day: date, months: int) -> date:
    """`months` later (or earlier) on the same day of month, clamped to the month's length."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _anchor_day(interval: Interval, billing_time: BillingTime, anchor: datetime, tz: str) -> date:
    if billing_time == BillingTime.ANNIVERSARY:
        return local_date(anchor, tz)
    return _CALENDAR_WEEK if interval == Interval.WEEKLY else _CALENDAR_MONTH


def _boundary(interval: Interval, anchor_day: date, index: int) -> date:
    """The `index`-th boundary counted from the anchor (0 is the anchor itself)."""
    if interval == Interval.WEEKLY:
        return anchor_day + timedelta(weeks=index)
    return add_months(anchor_day, index * MONTHS[interval])


def _index_near(interval: Interval, anchor_day: date, day: date) -> int:
    """The index of the last boundary on or before `day`."""
    if interval == Interval.WEEKLY:
        return (day - anchor_day).days // 7
    months = (day.year - anchor_day.year) * 12 + day.month - anchor_day.month
    index = months // MONTHS[interval]
    return index - 1 if _boundary(interval, anchor_day, index) > day else index


def period_at(
    instant: datetime, *, interval: Interval, billing_time: BillingTime, anchor: datetime, tz: str
) -> Period:
    """The full period of the schedule that contains `instant`. `anchor` is `subscription_at`."""
    anchor_day = _anchor_day(interval, billing_time, anchor, tz)
    index = _index_near(interval, anchor_day, local_date(instant, tz))
    start = start_of_day(_boundary(interval, anchor_day, index), tz)
    end = start_of_day(_boundary(interval, anchor_day, index + 1), tz)
    # Where clocks go back over midnight an instant can carry yesterday's date after today began.
    while instant >= end:
        index, start = index + 1, end
        end = start_of_day(_boundary(interval, anchor_day, index + 1), tz)
    return Period(start, end)


def next_period(
    period: Period, *, interval: Interval, billing_time: BillingTime, anchor: datetime, tz: str
) -> Period:
    """The full period that starts where `period` ends."""
    return period_at(period.end, interval=interval, billing_time=billing_time, anchor=anchor, tz=tz)


def previous_period(
    period: Period, *, interval: Interval, billing_time: BillingTime, anchor: datetime, tz: str
) -> Period:
    """The full period that ends where `period` starts."""
    before = period.start - _MICROSECOND
    return period_at(before, interval=interval, billing_time=billing_time, anchor=anchor, tz=tz)


def billing_boundary_after(
    instant: datetime, *, interval: Interval, billing_time: BillingTime, anchor: datetime, tz: str
) -> datetime:
    """The first billing moment (local midnight of a billing day) strictly after `instant`."""
    return period_at(instant, interval=interval, billing_time=billing_time, anchor=anchor, tz=tz).end


def days_in(period: Period, tz: str) -> int:
    """Calendar days of `tz` that the period touches; for full periods, its length in days.

    A period of a few hours is one day, an empty one none.
    """
    if period.empty:
        return 0
    return (local_date(period.end - _MICROSECOND, tz) - local_date(period.start, tz)).days + 1


def days_between(start: datetime, end: datetime, tz: str) -> int:
    """Whole local days from `start` to `end`, a begun day counting as one; clock changes are neutral.

    10:00 on the 1st to 09:00 on the 3rd is 2 (1.96 rounded up); midnight to midnight is exact.
    """
    zone = _zone(tz)
    naive_start = start.astimezone(zone).replace(tzinfo=None)
    naive_end = end.astimezone(zone).replace(tzinfo=None)
    return max(0, -((naive_start - naive_end) // _DAY))
