"""Periods, windows and days. Published ends are the last second of a day, ours are the midnight after it.

A window in which nothing lies is published as one that ends where it starts; ours is none, and answered in that way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.rules.periods import (
    BillingTime,
    Interval,
    Period,
    days_between,
    days_in,
    local_date,
    start_of_day,
)
from billing.rules.windows import Schedule, Windows, billing_windows, running_windows
from tests.cases.comparing import Answers, End, Start, differences
from tests.cases.given import Given, Unsupported, end_moment, moment
from tests.cases.registry import area

_MICROSECOND = timedelta(microseconds=1)


def schedule_of(given: Given) -> Schedule:
    """The schedule of a case's subscription."""
    ended = given.moment_or("terminated_at") if given.get("status") == "terminated" else None
    given.ignore("terminated_at", "next_subscription", "plan_amount_cents")
    anchor = given.moment("subscription_at")
    return Schedule(
        interval=Interval(given["interval"]),
        billing_time=BillingTime(given["billing_time"]),
        anchor=anchor,
        tz=given.get("timezone", "UTC"),
        pay_in_advance=given.get("pay_in_advance", False),
        started_at=given.moment_or("started_at", anchor) or anchor,
        ended_at=ended,
        usage_monthly=given.get("bill_charges_monthly", False),
        fixed_monthly=given.get("bill_fixed_charges_monthly", False),
    )


def windows_of(given: Given) -> tuple[Schedule, Windows]:
    """What is billed at `billing_at`, or runs then."""
    schedule = schedule_of(given)
    ask = running_windows if given.get("current_usage", False) else billing_windows
    return schedule, ask(schedule, given.moment("billing_at"))


def boundaries(schedule: Schedule, found: Windows) -> dict[str, Start | End]:
    """The six boundaries of an invoice."""
    first_day = start_of_day(local_date(schedule.started_at, schedule.tz), schedule.tz)
    parts = {
        "": (found.fee_full, first_day, True),
        "charges_": (found.usage_full, schedule.started_at, found.usage_due),
        "fixed_charges_": (found.fixed_full, schedule.started_at, found.fixed_due),
    }
    answers: dict[str, Start | End] = {}
    for name, (full, not_before, due) in parts.items():
        end = full.end if schedule.ended_at is None else min(full.end, schedule.ended_at)
        start = max(full.start, not_before)
        if start >= end:
            end = schedule.started_at
        answers[f"{name}from_datetime"] = Start(start if due else None)
        answers[f"{name}to_datetime"] = End(end if due else None)
    return answers


@dataclass(frozen=True)
class Asked:
    """A boundary by its name; the case may say that it is another one's."""

    name: str
    of: dict[str, Start | End]

    def __repr__(self) -> str:
        return repr(self.of[self.name])

    def matches(self, expected: Any) -> bool:
        if not isinstance(expected, dict):
            return not differences(expected, self.of[self.name])
        other = self.of[expected["same_as_method"]]
        # "One day before that start, to the end of the day" is that start as an exclusive end.
        days = expected.get("minus_days", 0) - bool(expected.get("then_end_of_day_utc"))
        if other.at is None:
            return self.of[self.name].at is None
        return self.of[self.name].at == other.at - timedelta(days=days)


@area("dates.period")
def period(given: Given) -> Answers:
    """One boundary, or whether a month is the first of its period."""
    method = given["method"].removesuffix("?")
    if "started_at" in given and given["started_at"] is None:
        given.rest()
        return {"value": None}  # not started: there is no schedule to ask
    schedule, found = windows_of(given)
    if method.startswith("first_month_in_"):
        at = given.moment("billing_at")
        first = schedule.month_at(at).start == schedule.period_at(at).start
        if "_first_" in method.removeprefix("first_month_in"):
            first = first and schedule.started_at in schedule.period_at(at)
        return {"value": first}
    answers = boundaries(schedule, found)
    if method not in answers:
        raise Unsupported(f"no method {method}")
    return {"value": Asked(method, answers)}


@area("dates.invoice_boundaries")
def invoice_boundaries(given: Given) -> Answers:
    """All six boundaries of one invoice."""
    return dict(boundaries(*windows_of(given)))


@area("dates.next_end_of_period", "dates.previous_beginning_of_period")
def neighbours(given: Given) -> Answers:
    """The end of the running period; the beginning of it or of the one before."""
    schedule = schedule_of(given)
    given.ignore("current_usage")
    current = schedule.period_at(given.moment("billing_at"))
    if given["method"] == "next_end_of_period":
        return {"value": End(current.end)}
    return {
        "value": Start(
            current.start if given.get("current_period", False) else schedule.before(current).start
        )
    }


@area("dates.usage_period")
def usage_period(given: Given) -> Answers:
    """What runs at a moment."""
    schedule = schedule_of(given)
    return dict(boundaries(schedule, running_windows(schedule, given.moment("at"))))


@area("dates.fixed_charge_in_advance")
def fixed_charge_in_advance(given: Given) -> Answers:
    """The window that a fixed charge in advance is for."""
    schedule = schedule_of(given)
    found = running_windows(schedule, given.moment("timestamp"))
    answers = boundaries(schedule, found)
    days = days_in(found.fixed_full, schedule.tz)
    return {**answers, "fixed_charges_duration": days}


@dataclass(frozen=True)
class Days:
    """A number of days; a day's price is published as "the plan's amount divided by so many"."""

    days: int

    def matches(self, expected: Any) -> bool:
        wanted = expected["amount_cents_divided_by_days"] if isinstance(expected, dict) else expected
        return bool(self.days == wanted)


@area("dates.duration", "dates.single_day_price")
def duration(given: Given) -> Answers:
    """The days of the full period that is billed."""
    method = given["method"]
    day = given.get("optional_from_date")
    if day:
        schedule = schedule_of(given)
        given.ignore("billing_at", "current_usage")
        return {"value": Days(days_in(schedule.period_at(moment(f"{day}T12:00:00Z")), schedule.tz))}
    schedule, found = windows_of(given)
    full: dict[str, Period] = {"charges": found.usage_full, "fixed": found.fixed_full}
    return {"value": Days(days_in(full.get(method.split("_")[0], found.fee_full), schedule.tz))}


@area("dates.day_count")
def day_count(given: Given) -> Answers:
    """Local days between two instants."""
    text = given["to"]
    end = end_moment(text)
    end = end if end != moment(text) else end + _MICROSECOND  # `to` itself belongs to the stretch
    return {"days": days_between(given.moment("from"), end, given.get("timezone", "UTC"))}


def midnight_before(at: datetime, tz: str) -> datetime:
    """The last instant before the local day of `at`."""
    return start_of_day(local_date(at, tz), tz) - _MICROSECOND
