"""Invoices as pure questions: totals of fees, and the day an invoice carries."""

from __future__ import annotations

from decimal import Decimal

from billing.rules.coupons import Coupon, CouponKind, Frequency
from billing.rules.money import ZERO
from billing.rules.tax import Tax, TaxedLine, line_tax
from invoicing.rules.issuing import Adjustment, Anchor, Dating, adjustment_days
from invoicing.rules.lines import Line, LineFacts, one_off_line
from invoicing.rules.totals import CreditNoteFacts, Totals, compute_totals
from tests.cases.comparing import Answers, Share
from tests.cases.coupons_taxes import coupon_of
from tests.cases.given import Given, Unsupported
from tests.cases.registry import area


def fee_line(fee: Given, number: int, rates: list[str]) -> Line:
    """A fee as a line of its own plan, so that a coupon can be limited to it."""
    own = [str(rate) for rate in fee.get("tax_rates", rates)]
    key = fee.get("id", str(number))
    facts = LineFacts(
        key, "EUR", tuple(Tax(rate, Decimal(rate)) for rate in own), plan_id=fee.get("plan", key)
    )
    return one_off_line(facts, Decimal(1), fee.number("amount_cents") / 100)


def shares_as_coupons(fees: list[Given], lines: list[Line]) -> list[Coupon]:
    """Coupons that leave exactly the given shares on the fees."""
    found = []
    for fee, line in zip(fees, lines, strict=True):
        share = fee.number("precise_coupons_amount_cents")
        if share != share.to_integral_value():
            raise Unsupported("parts of a cent that a coupon has taken")
        if share:
            limits = frozenset({line.facts.plan_id or ""})
            found.append(
                Coupon(
                    line.facts.description,
                    CouponKind.FIXED,
                    Frequency.ONCE,
                    int(share),
                    "EUR",
                    plan_ids=limits,
                )
            )
    return found


@area("invoice.totals")
def totals(given: Given) -> Answers:
    """The figures of an invoice over fees of which coupons have taken their shares."""
    fees = given.rows("fees")
    lines = [fee_line(fee, i, given.get("tax_rates", [])) for i, fee in enumerate(fees)]
    coupons = shares_as_coupons(fees, lines)
    notes = int(given.number("credit_notes_amount_cents"))
    facts = [CreditNoteFacts("note", notes)] if notes else []
    found = compute_totals(lines, coupons, credit_notes=facts, currency="EUR")
    taken = given.number("coupon_credits_amount_cents", found.coupons_minor)
    if taken != found.coupons_minor:
        raise Unsupported("a coupon that is more than its shares")
    return totals_answers(found, lines)


def totals_answers(found: Totals, lines: list[Line]) -> Answers:
    """The figures under the names that the cases use. A fee's own tax is rounded by itself there."""
    return {
        "fees": {
            line.facts.description: {
                "amount_cents": line.amount_minor,
                "precise_coupons_amount_cents": Share(row.coupons, len(found.coupons)),
                "taxes_rate": row.tax_rate,
                "taxes_amount_cents": line_tax(row.base, line.facts.taxes),
                "taxes_precise_amount_cents": TaxedLine(row.base, line.facts.taxes).exact,
            }
            for line, row in zip(lines, found.lines, strict=True)
        },
        "fees_amount_cents": found.lines_minor,
        "coupons_amount_cents": found.coupons_minor,
        "sub_total_excluding_taxes_amount_cents": found.sub_total_minor,
        "taxes_rate": found.taxes.rate,
        "taxes_amount_cents": found.tax_minor,
        "sub_total_including_taxes_amount_cents": found.total_with_tax_minor,
        "credit_notes_amount_cents": found.credit_notes_minor,
        "prepaid_credit_amount_cents": found.wallets_minor,
        "total_amount_cents": found.total_minor,
    }


def of_fees(given: Given) -> Answers:
    """An invoice over given fees with coupons."""
    given.ignore("billing_date", "currency")
    lines = [fee_line(fee, i, given.get("tax_rates", [])) for i, fee in enumerate(given.rows("fees"))]
    name = "coupons" if "coupons" in given else "coupons_in_creation_order"
    coupons = [coupon_of(row, i) for i, row in enumerate(given.rows(name))]
    return totals_answers(compute_totals(lines, coupons, currency="EUR"), lines)


@area("invoice.issuing_date")
def issuing_date(given: Given) -> Answers:
    """The days between the billing day and the invoice's own day."""
    default = Dating()
    dating = Dating(
        Anchor(given.get("issuing_date_anchor", default.anchor)),
        Adjustment(given.get("issuing_date_adjustment", default.adjustment)),
        int(given.number("invoice_grace_period_days", given.get("grace_period_days", 0))),
    )
    return {
        "adjustment_days": Decimal(adjustment_days(dating, recurring=given.get("recurring", True))) + ZERO
    }
