"""What subscriptions cost and reach, as pure questions: fees, commitments, thresholds, alerts, minimum spends."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.rules.alerts import Direction, Steps, crossed
from billing.rules.commitment import true_up
from billing.rules.money import exponent, round_half_up
from billing.rules.periods import PER_YEAR, BillingTime, Interval, Period, days_in, period_at
from billing.rules.pricing_units import convert
from billing.rules.proration import Share, SubscriptionFeeFacts, share, subscription_fee, trial_end
from billing.rules.thresholds import LifetimeUsage, Thresholds, passed
from invoicing.rules.lines import LineFacts, true_up_line
from tests.cases.comparing import Answers, Unordered
from tests.cases.given import Given, end_moment
from tests.cases.registry import area


def full_period(given: Given, plan: Given, at: datetime, tz: str) -> Period:
    """The full period of the schedule that contains an instant."""
    anchor = given.moment_or("subscription_at") or given.moment("started_at")
    return period_at(
        at,
        interval=Interval(plan["interval"]),
        billing_time=BillingTime(given.get("billing_time", "calendar")),
        anchor=anchor,
        tz=tz,
    )


def window_of(given: Given) -> Period:
    """The stretch in `period`."""
    period = given.part("period")
    return Period(period.moment("from"), end_moment(period["to"]))


def a_year(plan: Given, prefix: str = "") -> Decimal:
    """The price of a plan in a year, to compare two of them."""
    interval = Interval(plan.get(f"{prefix}interval", "monthly"))
    return plan.number(f"{prefix}amount_cents") * PER_YEAR[interval]


@area("subscription.fee")
def fee(given: Given) -> Answers:
    """The subscription fee of one window."""
    given.ignore("billing_timestamp", "terminated_at")
    plan, tz = given.part("plan").ignore("currency"), given.get("timezone", "UTC")
    started = given.moment("started_at")
    window = window_of(given)
    previous, following = given.get("previous_subscription"), given.get("next_subscription")
    before, after = given.part("previous_subscription"), given.part("next_subscription")
    for other in (before, after):
        other.ignore("status", "terminated_at", "plan_pay_in_advance", "started_at")
    trial = plan.get("trial_period_days")
    initial = before.moment_or("started_at", started) or started
    price = a_year(plan)
    found = subscription_fee(
        SubscriptionFeeFacts(
            amount_minor=int(plan["amount_cents"]),
            pay_in_advance=plan["pay_in_advance"],
            billing_time=BillingTime(given["billing_time"]),
            window=window,
            full=full_period(given, plan, window.start, tz),
            tz=tz,
            started_at=started,
            created_at=given.moment_or("created_at"),
            trial_ends_at=trial_end(initial, Decimal(str(trial))) if trial else None,
            already_billed=given.get("already_billed", False),
            terminated=given.get("status") == "terminated",
            upgraded=bool(following) and a_year(after, "plan_") >= price,
            has_next=bool(following),
            has_previous=bool(previous),
            after_upgrade=bool(previous) and a_year(before, "plan_") <= price,
        )
    )
    return {"amount_cents": found.amount_minor, "precise_amount_cents": found.exact_minor, "units": 1}


@area("commitment.coefficient")
def coefficient(given: Given) -> Answers:
    """The part of a period for which its commitment is due."""
    given.ignore("billing_timestamp", "status")
    plan, tz = given.part("plan").ignore("pay_in_advance", "amount_cents"), given.get("timezone", "UTC")
    window = window_of(given)
    ended = given.moment_or("terminated_at")
    if ended is not None:
        window = Period(window.start, max(window.start, min(window.end, ended)))
    days = share(window, full_period(given, plan, window.start, tz), tz)
    return {"coefficient": true_up(10**20, days, 0).share.take(Decimal(1))}


@area("usage_threshold.check")
def thresholds(given: Given) -> Answers:
    """Which thresholds each state of a subscription's usage has passed."""
    rules = Thresholds(tuple(amounts_of(given, "fixed_thresholds")), given.get("recurring_threshold"))
    billed, before = (
        int(given.number("progressive_billed_amount_cents")),
        int(given.number("historical_usage_amount_cents")),
    )
    found = []
    for check in given.rows("checks"):
        usage = LifetimeUsage(
            historical=before,
            invoiced=int(check.number("invoiced")),
            current=int(check.number("current")),
            progressive=int(check.number("progressive_billed", billed)),
        )
        found.append(list(passed(rules, usage).amounts))
    return {"passed_thresholds": found}


def amounts_of(given: Given, name: str) -> list[int]:
    return [int(Decimal(str(amount))) for amount in given.get(name, [])]


@area("lifetime_usage")
def lifetime(given: Given) -> Answers:
    """What a subscription has used in its life."""
    usage = LifetimeUsage(
        historical=int(given.number("historical_usage_amount_cents")),
        invoiced=int(given.number("invoiced_usage_amount_cents")),
        current=int(given.number("current_usage_amount_cents")),
        progressive=int(given.number("progressive_billed_amount_cents")),
    )
    return {
        "total_amount_cents": usage.total,
        "lifetime_usage_amount_cents": usage.total,
        "invoiced_usage_amount_cents": usage.invoiced,
        "current_usage_amount_cents": usage.current,
        "historical_usage_amount_cents": usage.historical,
    }


@area("alert.crossing")
def alerts(given: Given) -> Answers:
    """The steps between what was seen last and what is seen now."""
    recurring = given.get("recurring_threshold")
    steps = Steps(
        tuple(Decimal(str(value)) for value in given.get("thresholds", [])),
        None if recurring is None else Decimal(str(recurring)),
    )
    found = crossed(
        steps,
        Direction(given.get("direction", "increasing")),
        given.number("previous_value"),
        given.number("current_value"),
    )
    return {"crossed": Unordered(found)}


@area("true_up")
def true_up_fee(given: Given) -> Answers:
    """What a charge's minimum spend leaves open. With a pricing unit, minimum and usage are in it."""
    given.ignore("charge_minimum")
    period, tz = given.part("period").ignore("from", "to"), given.get("timezone", "UTC")
    days = Share(1, 1)
    if given.get("period"):
        window = Period(period.moment("from"), end_moment(period["to"]))
        duration = int(period["charges_duration_days"])
        days = Share(min(days_in(window, tz) - bool(given.get("upgrade", False)), duration), duration)
    currency, rate = given.get("currency", "EUR"), given.get("pricing_unit_conversion_rate")
    line = true_up_line(
        LineFacts("Minimum", currency), int(given["min_amount_cents"]), int(given["used_amount_cents"]), days
    )
    if line is None:
        return {"true_up": None, "amount_cents": None}
    found: dict[str, Any] = {
        "amount_cents": line.amount_minor,
        "precise_amount_cents": line.exact.scaleb(exponent(currency)),
    }
    if rate is not None:
        converted = convert(line.exact, Decimal(str(rate)), currency)
        found = {
            "amount_cents": converted.minor,
            "precise_amount_cents": converted.exact.scaleb(exponent(currency)),
            "pricing_unit_amount_cents": int(round_half_up(line.exact.scaleb(exponent(currency)))),
        }
    return found | {
        "unit_amount_cents": found["amount_cents"],
        "units": 1,
        "events_count": 0,
        "true_up": found,
    }
