"""Subscription fees, coupons, taxes and wallets against cases with published answers."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.rules.coupons import Coupon, CouponKind, CouponLine, Frequency, apply_coupons, credit_amount
from billing.rules.money import round_half_up, to_minor
from billing.rules.periods import BillingTime, Interval, Period, period_at
from billing.rules.proration import SubscriptionFeeFacts, subscription_fee, trial_end
from billing.rules.tax import Tax, TaxedLine, applicable_taxes, invoice_taxes, line_tax
from billing.rules.wallets import (
    Bucket,
    InboundEntry,
    WalletFacts,
    consume,
    credits_in,
    credits_voided,
    minor_to_credits,
    spread,
)

DATA = Path(__file__).parents[2] / "data" / "worked_cases.jsonl"
ALL = [json.loads(line) for line in DATA.read_text().splitlines()]


def cases(*areas: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in ALL if case["area"] in areas]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize("case", cases("subscription.fee"))
def test_subscription_fee(case: dict[str, Any]) -> None:
    given, plan = case["given"], case["given"]["plan"]
    started, tz = moment(given["started_at"]), given["timezone"]
    start = moment(given["period"]["from"])
    billing_time = BillingTime(given["billing_time"])
    full = period_at(
        start,
        interval=Interval(plan["interval"]),
        billing_time=billing_time,
        anchor=moment(given["subscription_at"]),
        tz=tz,
    )
    previous = given.get("previous_subscription")
    initial = moment(previous["started_at"]) if previous else started
    trial = plan.get("trial_period_days")
    fee = subscription_fee(
        SubscriptionFeeFacts(
            amount_minor=plan["amount_cents"],
            pay_in_advance=plan["pay_in_advance"],
            billing_time=billing_time,
            window=Period(start, moment(given["period"]["to"]) + timedelta(seconds=1)),
            full=full,
            tz=tz,
            started_at=started,
            trial_ends_at=trial_end(initial, Decimal(trial)) if trial else None,
            already_billed=given["already_billed"],
            terminated=given["status"] == "terminated",
            has_previous=bool(previous),
            after_upgrade=bool(previous),
        )
    )
    assert fee.amount_minor == case["expect"]["amount_cents"]
    # Published with the 16 digits of a binary float; ours is exact.
    assert round_half_up(fee.exact_minor - Decimal(case["expect"]["precise_amount_cents"]), 12) == 0


def coupon_of(given: dict[str, Any], i: int = 0) -> Coupon:
    return Coupon(
        id=str(i),
        kind=CouponKind(given["type"]),
        frequency=Frequency(given["frequency"]),
        amount_minor=given.get("amount_cents", 0),
        currency=given.get("currency"),
        rate=Decimal(given.get("percentage_rate", 0)),
        uses_left=given.get("frequency_duration_remaining"),
    )


@pytest.mark.parametrize("case", cases("coupon.amount"))
def test_coupon_amount(case: dict[str, Any]) -> None:
    given = case["given"]
    amount = credit_amount(coupon_of(given["coupon"]), Decimal(given["base_amount_cents"]))
    assert amount == case["expect"]["amount_cents"]


@pytest.mark.parametrize("case", cases("coupon.apply", "coupon.multiple"))
def test_coupons(case: dict[str, Any]) -> None:
    given, expect = case["given"], case["expect"]
    coupons = given.get("coupons_in_creation_order") or [given["coupon"]]
    lines = [CouponLine(Decimal(fee["amount_cents"])) for fee in given["fees"]]
    credits = apply_coupons([coupon_of(c, i) for i, c in enumerate(coupons)], lines, "EUR")
    if "credits_count" in expect:
        assert len(credits) == expect["credits_count"]
    if "coupons_amount_cents" in expect:
        assert sum(credit.minor for credit in credits) == expect["coupons_amount_cents"]
    if "credit_amount_cents" in expect:
        (credit,) = credits
        assert credit.minor == expect["credit_amount_cents"]
        shares = [Decimal(share) for share in expect["fees_precise_coupons_amount_cents"].values()]
        assert list(credit.shares) == shares
        assert credit.terminated == expect["coupon_terminated"]


def taxes_of(rows: list[dict[str, Any]]) -> list[Tax]:
    return [Tax(row["code"], Decimal(row["rate"])) for row in rows]


@pytest.mark.parametrize("case", cases("tax.fee", "tax.precedence"))
def test_taxes_of_a_line(case: dict[str, Any]) -> None:
    given, expect = case["given"], case["expect"]
    known = taxes_of(given.get("taxes", []))
    explicit = [tax for tax in known if tax.code in (given.get("explicit_tax_codes") or [])]
    customer, entity = given.get("customer_taxes", []), given.get("billing_entity_taxes", [])
    taxes = applicable_taxes(explicit, taxes_of(customer), taxes_of(entity))
    assert [tax.code for tax in taxes] == expect["applied_tax_codes"]
    base = Decimal(given["fee_amount_cents"])
    wanted = expect.get("taxes_amount_cents", expect.get("fee_taxes_amount_cents"))
    assert line_tax(base, taxes) == wanted
    assert invoice_taxes([TaxedLine(base, taxes)]).total_minor == wanted


@pytest.mark.parametrize("case", cases("tax.invoice"))
def test_taxes_of_an_invoice(case: dict[str, Any]) -> None:
    given, expect = case["given"], case["expect"]
    rates = {code: Tax(code, Decimal(rate)) for code, rate in given["tax_rates"].items()}
    lines = [
        TaxedLine(Decimal(fee["amount_cents"]), tuple(rates[code] for code in fee["taxes"]))
        for fee in given["fees"]
    ]
    taxes = invoice_taxes(lines)
    assert [(row.tax.code, row.minor) for row in taxes.amounts] == [
        (row["code"], row["amount_cents"]) for row in expect["taxes"]
    ]
    assert taxes.total_minor == expect["taxes_amount_cents"]
    assert taxes.rate == Decimal(expect["taxes_rate"])


@pytest.mark.parametrize("case", cases("wallet.credit"))
def test_wallet_credits(case: dict[str, Any]) -> None:
    given, expect = case["given"], case["expect"]
    rate, currency = Decimal(given["rate_amount"]), given["currency"]
    minor = to_minor(Decimal(expect["amount"]), currency)
    if "from_amount_cents" in given:
        credits = minor_to_credits(int(given["from_amount_cents"]), rate, currency)
        assert (credits, int(given["from_amount_cents"])) == (Decimal(expect["credit_amount"]), minor)
        return
    read = credits_in if given.get("invoiceable", True) else credits_voided
    booked = read(Decimal(given.get("credits", given.get("credit_amount"))), rate, currency)
    assert (booked.credits, booked.minor) == (Decimal(expect["credit_amount"]), minor)


@pytest.mark.parametrize("case", cases("wallet.allocation"))
def test_wallet_spread(case: dict[str, Any]) -> None:
    given = case["given"]
    wallets = [
        WalletFacts(
            id=row["id"],
            balance_minor=row["balance_cents"],
            priority=row["priority"],
            fee_types=frozenset(row.get("fee_types", ())),
            metric_ids=frozenset(row.get("billable_metrics", ())),
        )
        for row in given["wallets_in_creation_order"]
    ]
    buckets = [
        Bucket(
            cap=fee["amount_cents"] + Decimal(fee["taxes_precise_amount_cents"]),
            fee_type=fee["type"],
            metric_id=fee["billable_metric"],
        )
        for fee in given["fees"]
    ]
    paid = dict(spread(wallets, given["invoice_total_amount_cents"], buckets))
    assert paid == case["expect"]["wallet_amounts_cents"]


@pytest.mark.parametrize("case", cases("wallet.consumption"))
def test_wallet_consumption(case: dict[str, Any]) -> None:
    rows = case["given"]["inbound_in_creation_order"]
    entries = [
        InboundEntry(row["id"], row["remaining_amount_cents"], row["status"] == "granted", row["priority"])
        for row in rows
    ]
    used = dict(consume(entries, case["given"]["outbound_amount_cents"]))
    left = {row["id"]: row["remaining_amount_cents"] - used.get(row["id"], 0) for row in rows}
    assert left == case["expect"]["remaining_amount_cents"]
