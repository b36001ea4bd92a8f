"""Calendars through the sandbox clock, over HTTP: month ends, clock changes, leap days, long plans. By hand."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from tests.factories.lab import Lab, before, price

pytestmark = pytest.mark.django_db(transaction=True)
# The local midnights of Auckland on 31 Jan, 28 Feb, 31 Mar, 30 Apr … of two years: UTC+13 in summer, +12 in winter.
AUCKLAND = [
    "2026-01-30T11",
    "2026-02-27T11",
    "2026-03-30T11",
    "2026-04-29T12",
    "2026-05-30T12",
    "2026-06-29T12",
    "2026-07-30T12",
    "2026-08-30T12",
    "2026-09-29T11",
    "2026-10-30T11",
    "2026-11-29T11",
    "2026-12-30T11",
    "2027-01-30T11",
    "2027-02-27T11",
    "2027-03-30T11",
    "2027-04-29T12",
    "2027-05-30T12",
    "2027-06-29T12",
    "2027-07-30T12",
    "2027-08-30T12",
    "2027-09-29T11",
    "2027-10-30T11",
    "2027-11-29T11",
    "2027-12-30T11",
    "2028-01-30T11",
]


def test_two_years_from_31_january_in_auckland() -> None:
    """62.00 in advance and 0.50 a unit. Two units as each period begins and one in its last second: 3 x 0.50. The
    periods follow the 31st, or the last day of a shorter month, and never drift.
    """
    moments = [f"{hour}:00:00+00:00" for hour in AUCKLAND]
    lab = Lab(moments[0], timezone="Pacific/Auckland", currency="NZD")
    calls = price(lab.metric(), "0.50")
    lab.plan("pro", "62", calls, currency="NZD", payInAdvance=True)
    row = lab.subscribe("pro", billingTime="anniversary")
    for begins, ends in pairwise(moments):
        lab.use(row, "2", begins)
        lab.move(before(ends))
        lab.use(row, "1", before(ends))
        lab.move(ends)
    assert lab.lines() == [
        [("subscription", Decimal(62))],
        *[[("subscription", Decimal(62)), ("charge", Decimal("1.5"))]] * 24,
    ]
    fees = [line for row in lab.invoices() for line in row["lines"] if line["type"] == "subscription"]
    assert [line["from"] for line in fees] == [moment.replace("+00:00", "Z") for moment in moments]


def test_weeks_with_167_and_169_hours() -> None:
    """Weeks in Berlin at 7.00, and 1.00 for each unit held a week. Begun on Sunday 29 March 2026, which has 23 hours:
    one day of seven, 1.00. Ten units from the middle of the week of 169 hours that ends on 25 October, for 84.5
    hours: a week is 7 x 24 hours whatever the clocks do, so 10 x 84.5 / 168, 5.03. Afterwards they stay, ten a week.
    """
    lab = Lab("2026-03-28T23:00:00+00:00", timezone="Europe/Berlin")
    seats = price(lab.metric("seats", "weighted_sum", recurring=True), "1")
    lab.plan("week", "7", seats, interval="weekly")
    row = lab.subscribe("week")
    lab.move("2026-03-29T22:00:00+00:00")  # Monday, 00:00 summer time
    assert lab.lines() == [[("subscription", Decimal(1))]]
    lab.move("2026-10-18T22:00:00+00:00")
    assert len(lab.bills()) == 30 and set(lab.bills()[1:]) == {Decimal(7)}
    lab.move("2026-10-22T10:30:00+00:00")
    lab.use(row, "10", "2026-10-22T10:30:00+00:00", code="seats")
    lab.move("2026-10-25T23:00:00+00:00")  # Monday, 00:00 winter time
    lab.move("2026-11-01T23:00:00+00:00")
    assert lab.lines()[30:] == [
        [("subscription", Decimal(7)), ("charge", Decimal("5.03"))],
        [("subscription", Decimal(7)), ("charge", Decimal(10))],
    ]


def test_a_yearly_plan_from_a_leap_day() -> None:
    """366.00 a year in advance from 29 February 2028; the years begin on 28 February until 2032 has a 29th again.
    Ended on 30 June 2032: 123 of 365 days are used, 242 unused: 36600 x 242 / 365 = 24266.3, 242.66 of credit.
    """
    lab = Lab("2028-02-29T00:00:00+00:00")
    lab.plan("year", "366", interval="yearly", payInAdvance=True)
    row = lab.subscribe("year", billingTime="anniversary")
    lab.move("2032-06-30T12:00:00+00:00")
    assert lab.bills() == [Decimal(366)] * 5
    assert [line["from"][:10] for one in lab.invoices() for line in one["lines"]] == [
        "2028-02-29",
        "2029-02-28",
        "2030-02-28",
        "2031-02-28",
        "2032-02-29",
    ]
    lab.send("POST", f"/subscriptions/{row}/terminate")
    [note] = lab.send("GET", "/credit-notes", {"customerId": lab.customer})
    assert note["total"] == Decimal("242.66")


def test_a_month_with_a_leap_day_by_days() -> None:
    """29.00 in arrears, begun on 15 February 2028: 15 of 29 days, 15.00; in 2029 28 days: 29.00 for all of them."""
    lab = Lab("2028-02-15T00:00:00+00:00")
    lab.plan("month", "29")
    lab.subscribe("month")
    lab.move("2028-03-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(15)]
    lab.move("2029-03-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(15), *[Decimal(29)] * 12]
