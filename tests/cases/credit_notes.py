"""Credit notes: what a note over some items comes to, what may still be credited, and what an end gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from billing.rules.errors import BillingError, Invalid
from billing.rules.money import ZERO, exact, round_half_up
from billing.rules.periods import BillingTime, Interval, period_at
from billing.rules.proration import trial_end
from billing.rules.tax import Tax, TaxedLine, invoice_taxes
from invoicing.rules.crediting import (
    Credit,
    CreditableLine,
    credit_before_coupons,
    credit_everything,
    left_of,
    refundable,
)
from invoicing.rules.lines import LineFacts, one_off_line
from invoicing.rules.termination import OnTermination, TerminationCredit, TerminationFacts, termination_credit
from invoicing.rules.totals import CreditNoteFacts, compute_totals
from tests.cases.comparing import Answers, Keyed
from tests.cases.given import Given, Unsupported
from tests.cases.registry import area


def lines_of(rows: Sequence[Given]) -> list[CreditableLine]:
    """The fees of an invoice."""
    return [
        CreditableLine(
            row.ignore("type", "taxes_amount_cents", "item").get("id", f"fee{i + 1}"),
            int(row.number("amount_cents")),
            row.number("precise_coupons_amount_cents"),
            sum((Decimal(str(rate)) for rate in rates_of(row)), ZERO),
        )
        for i, row in enumerate(rows)
    ]


def rates_of(row: Given) -> list[Any]:
    """The tax rates of a fee, one or many."""
    one = row.get("tax_rate", row.get("taxes_rate"))
    many: list[Any] = row.get("tax_rates", [] if one is None else [one])
    return many


def wanted_of(given: Given) -> dict[str, int]:
    """{fee: amount before coupons} of the items."""
    return {
        row.get("fee", row.get("fee_id", f"fee{i + 1}")): int(row.number("amount_cents"))
        for i, row in enumerate(given.rows("items"))
    }


@area("credit_note.create", "credit_note.estimate", "credit_note.taxes")
def note(given: Given) -> Answers:
    """A note over items, after earlier ones on the same invoice."""
    invoice = given.part("invoice").ignore("invoice_type", "payment_status", "status", "currency")
    rows = invoice.rows("fees") if "fees" in invoice else given.rows("fees")
    lines = lines_of(rows)
    rates = [tuple(Tax(str(rate), Decimal(str(rate))) for rate in rates_of(row)) for row in rows]
    with exact():
        bases = [line.amount_minor - line.coupon for line in lines]
    taxes = invoice_taxes([TaxedLine(base, own) for base, own in zip(bases, rates, strict=True)])
    tax_left = taxes.total_minor
    given.ignore("taxes", "tax_rates")
    for earlier in given.rows("earlier_credit_notes"):
        earlier.ignore("taxes_rounding_adjustment", "precise_taxes_amount_cents", "taxes_amount_cents")
        made = credit_before_coupons(lines, wanted_of(earlier), tax_left)
        tax_left -= made.tax_minor
        lines = [
            replace(line, credited_minor=line.credited_minor + made.items.get(line.id, 0)) for line in lines
        ]
    try:
        credit = credit_before_coupons(lines, wanted_of(given), tax_left)
    except BillingError as refused:
        return {"error": refused.code}
    return note_answers(
        given, credit, lines, dict(zip([line.id for line in lines], rates, strict=True)), tax_left
    )


def note_answers(
    given: Given,
    credit: Credit,
    lines: Sequence[CreditableLine],
    rates: dict[str, tuple[Tax, ...]],
    tax_left: int,
) -> Answers:
    """The figures of a note, and what it may give back."""
    paid = int(given.number("paid_amount_cents"))
    back = min(int(given.number("refund_amount_cents")), refundable(credit.total_minor, paid))
    offset = int(given.number("offset_amount_cents"))
    wanted = int(given.number("credit_amount_cents", credit.total_minor - back - offset))
    given.ignore("credit_amount_cents")
    if back + offset + wanted != credit.total_minor:
        raise Unsupported("parts that do not sum to the note")
    taxed = [TaxedLine(Decimal(minor), rates[key]) for key, minor in credit.items.items()]
    by_tax = invoice_taxes(taxed)
    most = credit_everything(lines, tax_left).total_minor if sum(left_of(lines).values()) else 0
    return {
        "items_amount_cents": sum(wanted_of(given).values()),
        "sub_total_excluding_taxes_amount_cents": credit.net_minor,
        "taxes_amount_cents": credit.tax_minor,
        "precise_taxes_amount_cents": credit.tax_exact,
        "taxes_rate": by_tax.rate,
        "taxes": Keyed(
            [
                {
                    "code": one.tax.code,
                    "rate": one.tax.rate,
                    "amount_cents": one.minor,
                    "base_amount_cents": one.base,
                }
                for one in by_tax.amounts
            ],
            ["code"],
        ),
        "coupons_adjustment_amount_cents": int(round_half_up(credit.coupons)),
        "precise_coupons_adjustment_amount_cents": credit.coupons,
        "total_amount_cents": credit.total_minor,
        "precise_total": credit.net_minor + credit.tax_exact,
        "taxes_rounding_adjustment": credit.tax_minor - credit.tax_exact,
        "credit_amount_cents": wanted,
        "refund_amount_cents": back,
        "offset_amount_cents": offset,
        "balance_amount_cents": wanted,
        "max_creditable_amount_cents": credit.total_minor,
        "max_refundable_amount_cents": refundable(credit.total_minor, paid),
        "creditable_amount_cents": most,
        "refundable_amount_cents": refundable(most, paid),
    }


@area("credit_note.application")
def application(given: Given) -> Answers:
    """Credit notes taken off an invoice, the oldest first."""
    currency = given.get("currency", "EUR")
    total = given.number("invoice_total_amount_cents", given.get("total_amount_cents", 0))
    name = next((name for name in given if "credit_notes" in name), "credit_notes")
    rows = given.rows(name)
    ids = [row.get("id", f"cn{i + 1}") for i, row in enumerate(rows)]
    facts = [
        CreditNoteFacts(key, int(row.number("balance_amount_cents", row.get("credit_amount_cents", 0))))
        for key, row in zip(ids, rows, strict=True)
        if row.get("currency", currency) == currency
    ]
    line = one_off_line(LineFacts("Invoice", "EUR"), Decimal(1), total / 100)
    found = compute_totals([line], credit_notes=facts, currency="EUR")
    used = dict(found.credit_notes)
    balances = {fact.id: fact.balance_minor - used.get(fact.id, 0) for fact in facts}
    return {
        "credit_notes_amount_cents": found.credit_notes_minor,
        "total_amount_cents": found.total_minor,
        "invoice_total_amount_cents": found.total_minor,
        "credits_count": len(used),
        "credits_amount_cents": list(used.values()),
        "applied_amount_cents": {key: used.get(key, 0) for key in ids},
        "balance_amount_cents": balances,
        "balances_amount_cents": balances,
        "credit_status": {key: "consumed" if not left else "available" for key, left in balances.items()},
    }


@area("credit_note.termination")
def termination(given: Given) -> Answers:
    """What ending a subscription in advance gives back."""
    plan, tz = given.part("plan").ignore("pay_in_advance", "currency"), given.get("timezone", "UTC")
    ended = given.moment("terminated_at")
    fee, rate = int(given["fee_amount_cents"]), given.number("tax_rate")
    coupons = given.number("coupons_on_fee_amount_cents")
    trial = given.get("trial_period_days")
    with exact():
        others = sum(
            (
                row.number("amount_cents") * (1 + row.number("tax_rate") / 100)
                for row in given.rows("other_fees_on_invoice")
            ),
            ZERO,
        )
        total = int(round_half_up((fee - coupons) * (1 + rate / 100) + others))
    facts = TerminationFacts(
        plan_amount_minor=int(given.number("fee_plan_amount_cents_snapshot", plan["amount_cents"])),
        fee_minor=fee,
        period=period_at(
            ended,
            interval=Interval(plan["interval"]),
            billing_time=BillingTime(given["billing_time"]),
            anchor=given.moment("subscription_at"),
            tz=tz,
        ),
        terminated_at=ended,
        tz=tz,
        tax_rate=rate,
        fee_coupons=coupons,
        already_credited_minor=int(given.number("already_credited_amount_cents")),
        invoice_total_minor=total,
        invoice_paid_minor=int(given.number("invoice_paid_amount_cents")),
        trial_ends_at=trial_end(given.moment("started_at"), Decimal(str(trial))) if trial else None,
        upgraded=given.get("upgrade", False),
    )
    given.ignore("started_at")
    mode = OnTermination(given["on_termination"])
    if given.get("invoice_status", "finalized") == "voided":
        return {"credit_note": None}  # the action asks for no credit on a voided invoice
    try:
        return termination_answers(termination_credit(facts, mode))
    except Invalid as refused:
        parts = ("refund_amount_cents", "credit_amount_cents", "offset_amount_cents")
        return {"error": refused.code, **dict.fromkeys(parts, 0)}


def termination_answers(found: TerminationCredit | None) -> Answers:
    if found is None:
        return {"credit_note": None}
    return {
        "credit_note": {},
        "refund_amount_cents": found.refund_minor,
        "credit_amount_cents": found.credit_minor,
        "offset_amount_cents": found.offset_minor,
        "total_amount_cents": found.total_minor,
        "sub_total_excluding_taxes_amount_cents": found.sub_total_minor,
        "item_precise_amount_cents": found.item_exact,
        "taxes_amount_cents": found.tax_minor,
    }
