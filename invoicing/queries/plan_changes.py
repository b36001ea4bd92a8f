"""Where a plan changed: what the subscription that ends there is billed for, and what the next one bills instead.

Law: the day of a change belongs to the plan that begins on it. Usage goes by its moment. What stays in use is billed
once a period: by the plan that it ends on, if that one prices it too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max

from billing.models import Event, Subscription
from billing.rules.periods import Period, local_date, start_of_day
from billing.rules.windows import Schedule
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import step_until

_MICROSECOND = timedelta(microseconds=1)


def has_ended(subscription: Subscription, end: datetime) -> bool:
    """Whether a window up to `end` was closed by the end of its subscription."""
    ended = subscription.terminated_at
    return ended is not None and end >= ended


def own_end(subscription: Subscription, end: datetime) -> datetime:
    """The end of a window; of the last one of a subscription, that one's end, whatever came ahead of its time."""
    ended = subscription.terminated_at
    return ended if ended is not None and end > ended else end


def closed_step(subscription: Subscription, end: datetime, schedule: Schedule) -> Period:
    """What a window up to `end` closes: a full period, or a month of one where something is billed monthly."""
    return step_until(schedule, own_end(subscription, end), ended=has_ended(subscription, end))


def days_until(subscription: Subscription, end: datetime, tz: str) -> datetime:
    """Up to where the days of a window count that ends at `end`."""
    if subscription.plan_changed and has_ended(subscription, end):
        return start_of_day(local_date(own_end(subscription, end), tz), tz)
    return end


def counted_until(current: Subscription, at: datetime) -> datetime:
    """Where the usage of one that ends now stops: after the last event that has come, also one at this very moment
    or ahead of it. What comes later goes by its moment.
    """
    ahead = Event.objects.filter(subscription=current, timestamp__gte=at).aggregate(last=Max("timestamp"))
    last: datetime | None = ahead["last"]
    return at if last is None else last + _MICROSECOND


def goes_on(
    subscription: Subscription, end: datetime, metric_id: UUID, schedule: Schedule, rates: Rates
) -> bool:
    """Whether what stays in use at `end` is billed by the plan that took over within the period."""
    changed = subscription.terminated_at
    if not subscription.plan_changed or changed is None or end < changed:
        return False
    if schedule.usage_period_at(changed).start == changed:
        return False
    follower = subscription.successors.filter(started_at__isnull=False).first()
    return follower is not None and any(
        row.metric_id == metric_id for row in rates.terms(follower, changed).charges
    )
