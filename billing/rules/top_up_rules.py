"""Top-up rules: how many credits a wallet buys or is given by itself, and when.

Laws. A rule starts by a threshold (ongoing credits and those on their way are at it or below) or at each interval.
- Fixed, by interval: the credits of the rule.
- Fixed, by threshold: the fewest whole purchases that bring the wallet above the threshold, counting the credits that
  are granted with them and those on their way, at least one; not above the most that the wallet may buy at once.
- Target: what is missing to the target, at least the least that the wallet may buy at once; there is no most. A rule
  that grants its target grants exactly what is missing, and sells nothing.
- An interval counts from its anchor day, clamped to short months; the anchor day itself is none.

Example: threshold 10, 50 bought and 10 granted, ongoing -50: 10 + 50 - 10 = 50 are missing, one purchase would only
reach the threshold, so 100 are bought. With ongoing 4: 50.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from billing.rules.money import ZERO, exact, from_minor
from billing.rules.periods import BillingTime, Interval, local_date, period_at, start_of_day


class Trigger(StrEnum):
    """What starts a rule."""

    INTERVAL = "interval"
    THRESHOLD = "threshold"


class Method(StrEnum):
    """How the number of credits is found."""

    FIXED = "fixed"
    TARGET = "target"


@dataclass(frozen=True)
class TopUpRule:
    """A rule as it was set. Numbers are credits; `ignore_limits`: the wallet's limits of a purchase do not count."""

    trigger: Trigger
    method: Method
    threshold: Decimal = ZERO
    paid: Decimal = ZERO
    granted: Decimal = ZERO
    target: Decimal = ZERO
    grants_target: bool = False
    ignore_limits: bool = False


@dataclass(frozen=True)
class Limits:
    """The least and the most credits that the wallet may buy at once; None does not limit."""

    least: Decimal | None = None
    most: Decimal | None = None


@dataclass(frozen=True)
class TopUp:
    """Credits to sell and to give."""

    paid: Decimal = ZERO
    granted: Decimal = ZERO


def limits_of(
    rate: Decimal, currency: str, *, least_minor: int | None = None, most_minor: int | None = None
) -> Limits:
    """Limits that are set in money, in credits at `rate`."""

    def credits(minor: int | None) -> Decimal | None:
        if minor is None:
            return None
        with exact():
            return from_minor(minor, currency) / rate

    return Limits(credits(least_minor), credits(most_minor))


def starts(rule: TopUpRule, ongoing: Decimal, pending: Decimal = ZERO) -> bool:
    """Whether a threshold rule starts with `ongoing` credits, and `pending` ones on their way."""
    return rule.trigger is Trigger.THRESHOLD and ongoing + pending <= rule.threshold


def top_up(rule: TopUpRule, ongoing: Decimal, pending: Decimal = ZERO, limits: Limits | None = None) -> TopUp:
    """What a rule that has started buys and grants."""
    bounds = Limits() if limits is None or rule.ignore_limits else limits
    with exact():
        if rule.method is Method.TARGET:
            return _to_target(rule, ongoing, bounds)
        if rule.trigger is Trigger.INTERVAL or not rule.paid:
            return TopUp(rule.paid, rule.granted)
        gap = rule.threshold - ongoing - rule.granted - pending
        if gap < rule.paid:
            return TopUp(rule.paid, rule.granted)
        times = (gap / rule.paid).to_integral_value(rounding=ROUND_DOWN) + 1
        paid = rule.paid * times
        return TopUp(paid if bounds.most is None else min(paid, bounds.most), rule.granted)


def _to_target(rule: TopUpRule, ongoing: Decimal, limits: Limits) -> TopUp:
    gap = rule.target - ongoing
    if gap <= 0:
        return TopUp()
    if rule.grants_target:
        return TopUp(granted=gap)
    return TopUp(paid=gap if limits.least is None else max(gap, limits.least))


def due_on(day: date, *, interval: Interval, anchor: datetime, tz: str) -> bool:
    """Whether an interval rule counted from `anchor` is due on the local `day`."""
    if day <= local_date(anchor, tz):
        return False
    midnight = start_of_day(day, tz)
    period = period_at(
        midnight, interval=interval, billing_time=BillingTime.ANNIVERSARY, anchor=anchor, tz=tz
    )
    return period.start == midnight


def next_due(after: datetime, *, interval: Interval, anchor: datetime, tz: str) -> datetime:
    """The first moment after `after` at which an interval rule counted from `anchor` is due: a local midnight."""
    period = period_at(
        max(after, anchor), interval=interval, billing_time=BillingTime.ANNIVERSARY, anchor=anchor, tz=tz
    )
    return period.end


def upcoming(
    after: datetime, *, interval: Interval, anchor: datetime, tz: str, ends: datetime | None, count: int
) -> list[datetime]:
    """The next moments at which an interval rule is due, `count` at most; none from its end on."""
    found: list[datetime] = []
    while len(found) < count:
        after = next_due(after, interval=interval, anchor=anchor, tz=tz)
        if ends is not None and after >= ends:
            break
        found.append(after)
    return found
