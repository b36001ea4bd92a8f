"""Where a subscription's next period begins, also after its customer moved to another timezone.

Law: a stored billing moment stands for the schedule's boundary next to it. As long as the timezone stays the
two are equal; after a change they differ by at most the distance of two timezones, and the period that began
there is still billed once and no other twice.

Example: due at 31 January 23:00 UTC (midnight in Paris), the customer has moved to UTC: the period that
begins is February in UTC, not January again.
"""

from datetime import datetime, timedelta

from billing.rules.periods import Period, local_date, start_of_day
from billing.rules.windows import Schedule

ZONES_APART = timedelta(hours=26)
_MICROSECOND = timedelta(microseconds=1)


def step_from(schedule: Schedule, moment: datetime) -> Period:
    """What begins at the billing moment: a period, or a month of it where something is billed monthly."""
    step = schedule.step_at(moment)
    if moment > step.start and step.end - moment <= ZONES_APART:
        return schedule.step_at(step.end)
    return step


def step_until(schedule: Schedule, moment: datetime, *, ended: bool) -> Period:
    """What was closed at `moment`: by its own end, or by the end of the subscription."""
    last = moment if ended else step_from(schedule, moment).start
    return schedule.step_at(last - _MICROSECOND)


def period_begins(schedule: Schedule, moment: datetime) -> bool:
    """Whether a period of the plan begins at the billing moment, and not only a month within it."""
    start = step_from(schedule, moment).start
    return schedule.period_at(start).start == start


def between_months(schedule: Schedule, moment: datetime) -> bool:
    """Whether a moment lies exactly between two months of a period."""
    return schedule.step_at(moment).start == moment != schedule.period_at(moment).start


def first_day(schedule: Schedule) -> datetime:
    """Midnight of the local day on which the subscription started: fees count whole days."""
    return start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz)


def fee_window(schedule: Schedule, full: Period) -> Period | None:
    """The days of `full` that the fee is for, or None when the subscription started later."""
    start = max(full.start, first_day(schedule))
    return Period(start, full.end) if start < full.end else None
