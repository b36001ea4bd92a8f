"""Coupons and taxes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.rules.coupons import (
    Coupon,
    CouponCredit,
    CouponKind,
    CouponLine,
    Frequency,
    apply_coupons,
    credit_amount,
)
from billing.rules.money import ZERO
from billing.rules.tax import Tax, TaxedLine, applicable_taxes, invoice_taxes, line_tax
from tests.cases.comparing import Answers, Keyed
from tests.cases.given import Given, Unsupported
from tests.cases.registry import area

# From the nearest level to the farthest; the first one that names a tax wins.
LEVELS = (
    "add_on",
    "charge",
    "fixed_charge",
    "commitment",
    "plan",
    "customer",
    "billing_entity",
    "organization",
)


def coupon_of(given: Given, number: int = 0) -> Coupon:
    """An applied coupon."""
    given.ignore("frequency_duration", "name", "code")
    uses = given.get("frequency_duration_remaining")
    return Coupon(
        id=str(number),
        kind=CouponKind(given["type"]),
        frequency=Frequency(given.get("frequency", "once")),
        amount_minor=int(given.number("amount_cents")),
        currency=given.get("currency"),
        rate=given.number("percentage_rate"),
        uses_left=None if uses is None else int(uses),
        plan_ids=named(given, "plans", "limited_to_plans"),
        metric_ids=named(given, "billable_metrics", "limited_to_metrics", "limited_to_billable_metrics"),
    )


def named(given: Given, *names: str) -> frozenset[str]:
    """The ids under the first of these names."""
    found: set[str] = set()
    for name in names:
        value = given.get(name, [])
        found.update([value] if isinstance(value, str) else value)
    return frozenset(found)


def lines_of(fees: Sequence[Given]) -> list[CouponLine]:
    """Fees as coupons see them."""
    return [
        CouponLine(
            fee.number("amount_cents") - fee.number("precise_coupons_amount_cents"),
            plan_id=fee.ignore("id", "type").get("plan"),
            metric_id=fee.get("billable_metric"),
        )
        for fee in fees
    ]


@area("coupon.amount")
def amount(given: Given) -> Answers:
    """What a coupon takes off a base."""
    return {"amount_cents": credit_amount(coupon_of(given.part("coupon")), given.number("base_amount_cents"))}


@area("coupon.apply")
def one_coupon(given: Given) -> Answers:
    """One coupon on an invoice."""
    fees = given.rows("fees")
    lines = lines_of(fees)
    if given.number("invoice_sub_total_excluding_taxes_amount_cents") != sum(
        line.remaining for line in lines
    ):
        raise Unsupported("a subtotal that is not the sum of the fees")
    coupon = coupon_of(given.part("coupon"))
    credits = apply_coupons([coupon], lines, given.get("currency", "EUR"))
    credit = credits[0] if credits else CouponCredit("0", 0, (ZERO,) * len(lines), 0, coupon.uses_left, False)
    return {
        "credit_amount_cents": credit.minor,
        "before_taxes": True,
        "fees_precise_coupons_amount_cents": {
            fee.get("id", str(i)): share
            for i, (fee, share) in enumerate(zip(fees, credit.shares, strict=True))
        },
        "coupon_terminated": credit.terminated,
        "frequency_duration_remaining": credit.uses_left,
        "remaining_amount_cents": credit.amount_left_minor,
    }


@area("coupon.multiple")
def many_coupons(given: Given) -> Answers:
    """Coupons one after the other."""
    lines = lines_of(given.rows("fees"))
    total = given.number("invoice_fees_amount_cents", sum((line.remaining for line in lines), ZERO))
    coupons = [coupon_of(row, i) for i, row in enumerate(given.rows("coupons_in_creation_order"))]
    credits = apply_coupons(coupons, lines, given.get("currency", "EUR"))
    taken = sum(credit.minor for credit in credits)
    return {
        "coupons_amount_cents": taken,
        "sub_total_excluding_taxes_amount_cents": total - taken,
        "credits_count": len(credits),
        "credits_amount_cents": [credit.minor for credit in credits],
    }


def taxes_of(rows: Sequence[Given]) -> list[Tax]:
    return [Tax(row["code"], row.number("rate")) for row in rows]


@area("tax.fee", "tax.precedence")
def fee_taxes(given: Given) -> Answers:
    """Which taxes apply to a fee, and what they come to."""
    rows = given.rows("taxes")
    known = taxes_of(rows)
    defaults = [tax for tax, row in zip(known, rows, strict=True) if row.get("default_of_billing_entity")]
    explicit = [tax for tax in known if tax.code in (given.get("explicit_tax_codes") or [])]
    levels = [taxes_of(given.rows(f"{level}_taxes")) for level in LEVELS]
    everything = [tax for level in [known, *levels] for tax in level]
    if not explicit:
        codes = given.get("explicit_tax_codes") or []
        explicit = [tax for tax in dict.fromkeys(everything) if tax.code in codes]
    taxes = applicable_taxes(explicit, *levels, defaults)
    base = given.number("fee_amount_cents") - given.number("precise_coupons_amount_cents")
    own, whole = line_tax(base, taxes), invoice_taxes([TaxedLine(base, taxes)])
    return {
        "applied_tax_codes": [tax.code for tax in taxes],
        "taxes_amount_cents": own,
        "fee_taxes_amount_cents": own,
        "invoice_taxes_amount_cents": whole.total_minor,
        "taxes_precise_amount_cents": TaxedLine(base, taxes).exact,
        "taxes_rate": TaxedLine(base, taxes).rate,
    }


@area("tax.invoice")
def invoice_level(given: Given) -> Answers:
    """The taxes of an invoice."""
    given.ignore("coupons_amount_cents")
    rates = {code: Tax(code, Decimal(str(rate))) for code, rate in given["tax_rates"].items()}
    lines = [
        TaxedLine(
            fee.number("amount_cents") - fee.number("precise_coupons_amount_cents"),
            tuple(rates[code] for code in fee.ignore("id").get("taxes", [])),
        )
        for fee in given.rows("fees")
    ]
    taxes = invoice_taxes(lines)
    rows: list[dict[str, Any]] = [
        {"code": row.tax.code, "amount_cents": row.minor, "fees_amount_cents": row.base, "rate": row.tax.rate}
        for row in taxes.amounts
    ]
    return {
        "taxes": Keyed(rows, ["code"]),
        "taxes_amount_cents": taxes.total_minor,
        "taxes_rate": taxes.rate,
    }
