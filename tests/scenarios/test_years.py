"""A yearly plan of which usage and fixed charges are billed every month, through the sandbox clock. By hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.factories.lab import Lab, price

pytestmark = pytest.mark.django_db(transaction=True)
ENDS = ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31", "2026-08-31"]
ENDS += ["2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]


def test_a_yearly_plan_with_monthly_charges() -> None:
    """1,200.00 a year in advance from 31 January 2026, at least 2,000.00 of everything; a seat at 10.00 and usage at
    1.00 a unit, 10.00 at the least, by the month.

    To 28 February: 25 units and the seat, 35.00. To 31 March: 4 units, 6.00 to the minimum, the seat: 20.00. Nine
    months of 20.00. To 31 January: 50 units and the seat, 60.00; the year brought 1,495.00, so 505.00 are missing;
    and the next year's 1,200.00. To 28 February 2027: 20.00.

    Ended on 10 March at noon, 39 of 365 days: 326 days unused give 1,071.78 back. The month of 31 days lasted 11:
    3 units and 0.55 to the minimum of 3.55, the seat 10.00. Promised for the days: 213.70; of the fee 128.22 counts,
    with 20.00 and 13.55, so 51.93 are missing.
    """
    lab = Lab("2026-01-31T00:00:00+00:00")
    lab.send("POST", "/add-ons", {"name": "Seat", "code": "seat", "amount": 10, "currency": "EUR"})
    seat = {"addOnCode": "seat", "units": "1", "chargeModel": "standard", "properties": {"amount": "10"}}
    usage = price(lab.metric(), "1", minAmount=10)
    terms = {"billingInterval": "yearly", "payInAdvance": True, "billChargesMonthly": True}
    terms |= {"billFixedChargesMonthly": True, "minimumCommitment": {"amount": 2000}, "fixedCharges": [seat]}
    lab.plan("annual", "1200", usage, **terms)
    row = lab.subscribe("annual", billingTime="anniversary")
    answer = lab.send("GET", f"/subscriptions/{row}")
    assert [answer[name][:10] for name in ("currentPeriodEnd", "nextBillingAt")] == [
        "2027-01-31",
        "2026-02-28",
    ]
    uses = {"2026-02-10": "25", "2026-03-10": "4", "2027-01-30": "50", "2027-03-01": "3"}
    stops = sorted([*uses, *ENDS])
    for day in stops:
        lab.move(f"{day}T00:00:00+00:00")
        if day in uses:
            lab.use(row, uses[day], f"{day}T00:00:00+00:00")
    month = [("true_up", Decimal(10)), ("fixed_charge", Decimal(10))]
    lines = lab.lines()
    assert lines == [
        [("subscription", Decimal(1200))],
        [("charge", Decimal(25)), ("fixed_charge", Decimal(10))],
        [("charge", Decimal(4)), ("true_up", Decimal(6)), ("fixed_charge", Decimal(10))],
        *[month] * 9,
        [
            ("subscription", Decimal(1200)),
            ("charge", Decimal(50)),
            ("fixed_charge", Decimal(10)),
            ("commitment", Decimal(505)),
        ],
        month,
    ]
    periods = [
        {(line["from"][:10], line["to"][:10]) for line in invoice["lines"] if line["type"] == "fixed_charge"}
        for invoice in lab.invoices()[1:]
    ]
    assert periods == [{pair} for pair in zip(["2026-01-31", *ENDS], ENDS, strict=False)]
    lab.move("2027-03-10T12:00:00+00:00")
    lab.send("POST", f"/subscriptions/{row}/terminate")
    [note] = lab.send("GET", "/credit-notes", {"customerId": lab.customer})
    assert note["total"] == Decimal("1071.78")
    assert lab.lines()[14:] == [
        [
            ("charge", Decimal(3)),
            ("true_up", Decimal("0.55")),
            ("fixed_charge", Decimal(10)),
            ("commitment", Decimal("51.93")),
        ]
    ]
    last = lab.invoices()[-1]
    assert (last["amount"], last["amountDue"]) == (Decimal("65.48"), Decimal(0))
