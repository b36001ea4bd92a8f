"""Periods and windows against cases with published answers (tests/data/worked_cases.jsonl).

Published ends are the last second of a day, ours are the midnight after it.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.rules.periods import BillingTime, Interval, Period, days_in
from billing.rules.windows import Schedule, Windows, billing_windows, running_windows

DATA = Path(__file__).parents[2] / "data" / "worked_cases.jsonl"
ALL = [json.loads(line) for line in DATA.read_text().splitlines()]

# Cases that differ by decision.
NOTHING_LIES_IN_IT = "started after the period that is billed: we bill nothing, they answer the start"
ENDED_EARLIER = "ended in an earlier period: we bill the period of the end, they the period of the run"
DIFFERS = {
    "dates-period-004": NOTHING_LIES_IN_IT,
    "dates-period-051": NOTHING_LIES_IN_IT,
    "dates-period-146": NOTHING_LIES_IN_IT,
    "dates-period-149": NOTHING_LIES_IN_IT,
    "dates-period-181": NOTHING_LIES_IN_IT,
    "dates-period-282": NOTHING_LIES_IN_IT,
    "dates-period-314": NOTHING_LIES_IN_IT,
    "dates-period-289": ENDED_EARLIER,
    "dates-period-291": ENDED_EARLIER,
}


def cases(*areas: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in ALL if case["area"] in areas]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def end_moment(text: str) -> datetime:
    """The exclusive end: the last second of a day becomes the midnight after it."""
    at = moment(text)
    return (at + timedelta(seconds=1)).replace(microsecond=0) if at.second == 59 else at


def schedule(given: dict[str, Any]) -> Schedule:
    ended = given.get("terminated_at") if given.get("status") == "terminated" else None
    return Schedule(
        interval=Interval(given["interval"]),
        billing_time=BillingTime(given["billing_time"]),
        anchor=moment(given["subscription_at"]),
        tz=given["timezone"],
        pay_in_advance=given.get("pay_in_advance", False),
        started_at=moment(given.get("started_at") or given["subscription_at"]),
        ended_at=moment(ended) if ended else None,
        usage_monthly=given.get("bill_charges_monthly", False),
    )


def windows(given: dict[str, Any]) -> Windows:
    ask = running_windows if given.get("current_usage") else billing_windows
    return ask(schedule(given), moment(given["billing_at"]))


def bound(given: dict[str, Any], method: str) -> datetime | None:
    if "started_at" in given and given["started_at"] is None:
        return None  # not started: there is no schedule to ask
    found = windows(given)
    period = found.usage if method.startswith("charges_") else found.fee
    if period is None:
        return None
    return period.start if "from" in method else period.end


@pytest.mark.parametrize("case", cases("dates.period"))
def test_period(case: dict[str, Any]) -> None:
    if case["id"] in DIFFERS:
        pytest.skip(DIFFERS[case["id"]])
    given, value = case["given"], case["expect"]["value"]
    method = given["method"]
    got = bound(given, method)
    if isinstance(value, dict):
        # "one day before that start, to the end of the day" is that start as an exclusive end
        assert got is not None
        assert got == bound(given, value["same_as_method"])
    elif value is None:
        assert got is None
    else:
        assert got == (end_moment(value) if "_to_" in f"_{method}" else moment(value))


@pytest.mark.parametrize("case", cases("dates.invoice_boundaries"))
def test_invoice_boundaries(case: dict[str, Any]) -> None:
    given, expect = case["given"], case["expect"]
    got = windows(given)

    def same(period: Period | None, prefix: str) -> None:
        start, end = expect.get(f"{prefix}from_datetime"), expect.get(f"{prefix}to_datetime")
        if start is None or end is None:
            return
        if end_moment(end) <= moment(given["subscription_at"]):
            assert period is None  # published as a window that ends where it starts
        else:
            assert period == Period(moment(start), end_moment(end))

    same(got.fee, "")
    if not given.get("bill_fixed_charges_monthly") or given.get("bill_charges_monthly"):
        same(got.usage, "charges_")


@pytest.mark.parametrize("case", cases("dates.next_end_of_period", "dates.previous_beginning_of_period"))
def test_neighbours(case: dict[str, Any]) -> None:
    given, value = case["given"], case["expect"]["value"]
    plan = schedule(given)
    current = plan.period_at(moment(given["billing_at"]))
    if given["method"] == "next_end_of_period":
        assert current.end == end_moment(value)
    elif given["current_period"]:
        assert current.start == moment(value)
    else:
        assert plan.period_at(current.start - timedelta(seconds=1)).start == moment(value)


@pytest.mark.parametrize("case", cases("dates.usage_period"))
def test_running_period(case: dict[str, Any]) -> None:
    expect = case["expect"]
    period = schedule(case["given"]).period_at(moment(case["given"]["at"]))
    if "from_datetime" in expect:
        assert period.start == moment(expect["from_datetime"])
    if "to_datetime" in expect:
        assert period.end == end_moment(expect["to_datetime"])


@pytest.mark.parametrize("case", cases("dates.duration", "dates.single_day_price"))
def test_length_of_the_billed_period(case: dict[str, Any]) -> None:
    given, value = case["given"], case["expect"]["value"]
    if "optional_from_date" in given:
        at = moment(f"{given['optional_from_date']}T12:00:00Z")
        full = schedule(given).period_at(at)
    else:
        found = windows(given)
        full = found.usage_full if given["method"].startswith("charges_") else found.fee_full
    expected = value if isinstance(value, int) else value["amount_cents_divided_by_days"]
    assert days_in(full, given["timezone"]) == expected


@pytest.mark.parametrize("case", cases("dates.day_count"))
def test_days_are_local(case: dict[str, Any]) -> None:
    given = case["given"]
    # The published start is 01:10 local time: a begun day counts.
    stretch = Period(moment(given["from"]), end_moment(given["to"]))
    assert days_in(stretch, given["timezone"]) == case["expect"]["days"]
