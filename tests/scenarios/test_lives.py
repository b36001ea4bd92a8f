"""Subscriptions through the sandbox clock, over HTTP: ends, pauses, changes of plan, bills together. By hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.factories.lab import Lab, price

pytestmark = pytest.mark.django_db(transaction=True)
SUBSCRIPTION = "subscription"


def test_in_advance_ended_early_with_a_credit_note_that_pays_the_next_plan() -> None:
    """31.00 and 20 % in advance for October, ended on the 10th: 21 days unused, 21.00 and 4.20 of tax. A plan of
    62.00 from the 11th on: 21 of 31 days, 42.00 and 8.40; 25.20 of it is paid by the credit.
    """
    lab = Lab("2026-10-01T00:00:00+00:00", tax="20")
    lab.plan("small", "31", payInAdvance=True)
    lab.plan("large", "62", payInAdvance=True)
    row = lab.subscribe("small")
    lab.move("2026-10-10T12:00:00+00:00")
    lab.send("POST", f"/subscriptions/{row}/terminate")
    [note] = lab.send("GET", "/credit-notes", {"customerId": lab.customer})
    assert note["total"] == Decimal("25.2")
    lab.move("2026-10-11T00:00:00+00:00")
    lab.subscribe("large")
    first, second = lab.invoices()
    assert first["total"] == Decimal("37.2")
    assert (second["amount"], second["taxAmount"]) == (Decimal(42), Decimal("8.4"))
    assert [one["amount"] for one in second["creditNotes"]] == [Decimal("25.2")]
    assert second["amountDue"] == Decimal("25.2")


def test_paused_over_the_end_of_a_period() -> None:
    """31.00 in arrears and 0.10 a unit; paused from 10 October 15:00 to 5 November 09:00. October costs ten days and
    its usage, billed when it goes on; November leaves four days out: 26 of 30, 26.87.
    """
    lab = Lab("2026-10-01T00:00:00+00:00")
    lab.plan("pro", "31", price(lab.metric(), "0.10"))
    row = lab.subscribe("pro")
    lab.move("2026-10-10T15:00:00+00:00")
    lab.send("POST", f"/subscriptions/{row}/pause", {"reason": "Holidays"})
    lab.move("2026-10-20T00:00:00+00:00")
    lab.use(row, "50", "2026-10-20T00:00:00+00:00")
    lab.move("2026-11-05T09:00:00+00:00")
    assert lab.bills() == []
    lab.send("POST", f"/subscriptions/{row}/resume")
    assert lab.lines() == [[(SUBSCRIPTION, Decimal(10)), ("charge", Decimal(5))]]
    lab.move("2026-12-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(15), Decimal("26.87")]


def test_two_subscriptions_on_one_invoice_and_a_third_by_itself() -> None:
    """30.00 and 20.00 a month together; 7.00 on an invoice of its own."""
    lab = Lab("2026-01-01T00:00:00+00:00", tax="20")
    for code, amount in (("a", "30"), ("b", "20"), ("c", "7")):
        lab.plan(code, amount)
    lab.subscribe("a")
    lab.subscribe("b")
    lab.subscribe("c", separateInvoice=True)
    lab.move("2026-03-01T00:00:00+00:00")
    assert sorted(lab.bills()) == [Decimal("8.4")] * 2 + [Decimal(60)] * 2


def test_a_coupon_of_three_uses_over_a_void() -> None:
    """10.00 off three invoices of 50.00. The second is voided, so its use comes back: three later ones carry it in
    all, and the fifth costs 50.00.
    """
    lab = Lab("2026-01-01T00:00:00+00:00")
    lab.plan("pro", "50", payInAdvance=True)
    coupon = {"name": "Ten", "code": "ten", "couponType": "fixed_amount", "amount": 10, "currency": "EUR"}
    lab.send("POST", "/coupons", coupon | {"frequency": "recurring", "periods": 3})
    lab.send("POST", "/coupons/apply", {"customerId": lab.customer, "couponCode": "ten"})
    lab.subscribe("pro")
    lab.move("2026-02-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(40), Decimal(40)]
    second = lab.invoices()[1]["id"]
    lab.send("POST", f"/invoices/{second}/void", {"reason": "Wrong address"})
    lab.move("2026-05-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(40), Decimal(40), Decimal(40), Decimal(50)]


def test_an_upgrade_in_the_middle_of_a_trial() -> None:
    """14 days of trial from 1 June; on the 8th to 60.00 a month in advance. What was tried counts: the trial still
    ends on the 15th, and 16 of June's 30 days cost 32.00. July costs 60.00.
    """
    lab = Lab("2026-06-01T00:00:00+00:00")
    lab.plan("small", "30", payInAdvance=True, trialDays=14)
    lab.plan("large", "60", payInAdvance=True, trialDays=14)
    row = lab.subscribe("small")
    lab.move("2026-06-08T00:00:00+00:00")
    answer = lab.send("POST", f"/subscriptions/{row}/change-plan", {"planId": "large", "when": "now"})
    assert (answer["status"], answer["planChange"]["direction"]) == ("trialing", "upgrade")
    assert lab.bills() == []
    lab.move("2026-07-01T00:00:00+00:00")
    assert lab.bills() == [Decimal(32), Decimal(60)]


def test_an_upgrade_in_the_middle_of_a_month_makes_one_invoice() -> None:
    """30.00 in advance for June and 1.00 a unit, to 60.00 on the 16th: 15 days of 30 unused, 15.00 of credit; one
    invoice with 15 days of 60.00, 30.00, and the usage until then, 4.00: 34.00 less 15.00.
    """
    lab = Lab("2026-06-01T00:00:00+00:00")
    charge = price(lab.metric(), "1")
    lab.plan("small", "30", charge, payInAdvance=True)
    lab.plan("large", "60", charge, payInAdvance=True)
    row = lab.subscribe("small")
    lab.move("2026-06-10T00:00:00+00:00")
    lab.use(row, "4", "2026-06-10T00:00:00+00:00")
    lab.move("2026-06-16T00:00:00+00:00")
    lab.send("POST", f"/subscriptions/{row}/change-plan", {"planId": "large"})
    first, second = lab.invoices()
    assert (first["total"], second["amount"], second["amountDue"]) == (Decimal(30), Decimal(34), Decimal(19))
