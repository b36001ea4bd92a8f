"""Usage through the sandbox clock, over HTTP: seats by time, thresholds, late events. By hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.factories.lab import Lab, before, price

pytestmark = pytest.mark.django_db(transaction=True)


def test_weighted_sum_of_seats() -> None:
    """30.00 for a seat held a month. November: 10, 6 and 12 seats for ten days each: 28 / 3 seats, 280.00. December:
    12, and 2 more from noon of the 16th on, half of the month: 13 seats, 390.00. January: 14, 420.00.
    """
    lab = Lab("2026-11-01T00:00:00+00:00")
    lab.plan("team", "0", price(lab.metric("seats", "weighted_sum", recurring=True), "30"))
    row = lab.subscribe("team")
    changes = [("10", "11-01T00:00"), ("-4", "11-11T00:00"), ("6", "11-21T00:00"), ("2", "12-16T12:00")]
    for value, moment in changes:
        at = f"2026-{moment}:00+00:00"
        if moment != "11-01T00:00":
            lab.move(at)
        lab.use(row, value, at, code="seats")
    lab.move("2027-02-01T00:00:00+00:00")
    assert lab.lines() == [[("charge", Decimal(280))], [("charge", Decimal(390))], [("charge", Decimal(420))]]


def test_thresholds_crossed_twice_in_a_day() -> None:
    """At 10.00 and 20.00 of usage it is billed at once. 12 units in the morning: 12.00; 9 in the evening make 21:
    9.00. Four more until the end of the month: 25.00 less 21.00, 4.00. With tax of 10 %.
    """
    lab = Lab("2026-05-01T00:00:00+00:00", tax="10")
    lab.plan("usage", "0", price(lab.metric(), "1"))
    lab.send("PUT", "/plans/usage/thresholds", {"thresholds": [{"amount": 10}, {"amount": 20}]})
    row = lab.subscribe("usage")
    for value, at in [("12", "2026-05-10T08:00:00+00:00"), ("9", "2026-05-10T20:00:00+00:00")]:
        lab.move(at)
        lab.use(row, value, at)
        lab.move(f"{at[:17]}30+00:00")
    assert lab.bills() == [Decimal("13.2"), Decimal("9.9")]
    lab.move("2026-05-20T00:00:00+00:00")
    lab.use(row, "4", "2026-05-20T00:00:00+00:00")
    lab.move("2026-06-01T00:00:00+00:00")
    assert lab.bills() == [Decimal("13.2"), Decimal("9.9"), Decimal("4.4")]


def test_late_events_after_finalisation() -> None:
    """January is billed on 1 February and stays as it is: an event of 20 January that comes on 5 February is
    kept and belongs to January, so that it is not on February's bill either.
    """
    lab = Lab("2026-01-01T00:00:00+00:00")
    lab.plan("usage", "0", price(lab.metric(), "1"))
    row = lab.subscribe("usage")
    lab.move("2026-01-10T00:00:00+00:00")
    lab.use(row, "7", "2026-01-10T00:00:00+00:00")
    lab.move("2026-02-05T00:00:00+00:00")
    assert lab.bills() == [Decimal(7)]
    lab.use(row, "3", "2026-01-20T00:00:00+00:00")
    lab.use(row, "5", "2026-02-05T00:00:00+00:00")
    lab.move("2026-03-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(7), Decimal(5)]
    [past] = [
        one
        for one in lab.send("GET", f"/customers/{lab.customer}/usage/past")
        if one["from"].startswith("2026-01")
    ]
    assert past["amount"] == Decimal(7)


def test_what_comes_in_the_last_second_is_of_the_period() -> None:
    """1 unit in the last second of June, 2 as July begins."""
    lab = Lab("2026-06-01T00:00:00+00:00")
    lab.plan("usage", "0", price(lab.metric(), "1"))
    row = lab.subscribe("usage")
    lab.move(before("2026-07-01T00:00:00+00:00"))
    lab.use(row, "1", before("2026-07-01T00:00:00+00:00"))
    lab.use(row, "2", "2026-07-01T00:00:00+00:00")
    lab.move("2026-08-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(1), Decimal(2)]


def test_seats_and_calls_in_advance_over_a_renewal() -> None:
    """A seat is 30.00 a month by its days, each on an invoice of its own; calls are 0.50, gathered. Two seats on 21
    April: 10 of 30 days, 20.00. Calls of April: 10, 5.00 with May's two seats, 60.00. A seat that goes on 5 May and
    one that comes on 6 May cost nothing: two are paid. It ends on 10 May with 4 calls, 2.00, and no seats.
    """
    lab = Lab("2026-04-01T00:00:00+00:00")
    seats = price(lab.metric("seats", "unique_count", recurring=True), "30", payInAdvance=True, prorated=True)
    calls = price(lab.metric("calls"), "0.50", payInAdvance=True, invoiceable=False)
    lab.plan("pro", "0", seats, calls)
    row = lab.subscribe("pro")
    lab.move("2026-04-21T09:00:00+00:00")
    for value, code in (("ann", "seats"), ("bob", "seats"), ("10", "calls")):
        lab.use(row, value, "2026-04-21T09:00:00+00:00", code)
    lab.move("2026-04-22T00:00:00+00:00")
    assert lab.bills() == [Decimal(10), Decimal(10)]
    usage = lab.send("GET", f"/subscriptions/{row}/usage")
    told = {
        one["metricCode"]: (one["units"], one["amount"], one["paidInAdvance"]) for one in usage["charges"]
    }
    assert told == {"seats": (2, 20, 20), "calls": (10, 5, 0)}
    lab.move("2026-05-05T00:00:00+00:00")
    assert lab.bills()[2:] == [Decimal(65)]
    lab.send("POST", "/events", removed(row, "ann", "2026-05-05T00:00:00+00:00"))
    lab.move("2026-05-06T00:00:00+00:00")
    lab.use(row, "cid", "2026-05-06T00:00:00+00:00", "seats")
    lab.use(row, "4", "2026-05-06T00:00:00+00:00", "calls")
    lab.move("2026-05-10T00:00:00+00:00")
    lab.send("POST", f"/subscriptions/{row}/terminate")
    assert lab.bills()[3:] == [Decimal(2)]
    assert [one["type"] for one in lab.invoices()] == ["advance_charges"] * 2 + ["subscription"] * 2


def removed(subscription: str, seat: str, at: str) -> dict[str, object]:
    """The event by which a seat goes."""
    return {
        "transactionId": f"gone-{seat}",
        "subscriptionId": subscription,
        "code": "seats",
        "timestamp": at,
        "properties": {"value": seat, "operation_type": "remove"},
    }
