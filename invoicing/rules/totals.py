"""Totals of an invoice: one computation for previews, drafts and final invoices.

Laws.
- Order: lines, what progressive invoices have billed, coupons (before tax), tax, credit notes (oldest first), wallet
  credits, total.
- lines - progressive - coupons + tax - credit notes - wallet credits = total, exactly, and nothing is negative.
- Every column adds up: taxes by tax and by line both sum to the tax of the invoice.
What a document does not take (a draft takes no coupons, credit notes and wallets; a one-off
invoice none at all) is simply not passed in.

Example: lines 151 and 379 with 10 % + 20 % tax, a coupon of 100 on the second line:
530 - 100 = 430, tax 129, 559; a credit note of 59 and a wallet of 300 leave 200 to pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rules.coupons import Coupon, CouponCredit, CouponLine, apply_coupons
from billing.rules.errors import Invalid
from billing.rules.money import ZERO, exact
from billing.rules.tax import InvoiceTaxes, TaxedLine, invoice_taxes
from billing.rules.wallets import Bucket, WalletFacts, spread
from invoicing.rules.lines import Line, LineKind


@dataclass(frozen=True)
class CreditNoteFacts:
    """An available credit note: what is left of it. Pass them oldest first."""

    id: str
    balance_minor: int


@dataclass(frozen=True)
class LineTotals:
    """One line after coupons and tax: `coupons` and `base` in minor units (5 decimals, exact)."""

    amount_minor: int
    progressive_minor: int
    coupons: Decimal
    base: Decimal
    tax_minor: int
    tax_rate: Decimal


@dataclass(frozen=True)
class Totals:
    """All figures of an invoice in minor units, in the order they are computed."""

    currency: str
    lines: tuple[LineTotals, ...]
    lines_minor: int
    progressive: tuple[tuple[str, int], ...]
    coupons: tuple[CouponCredit, ...]
    coupons_minor: int
    taxes: InvoiceTaxes
    credit_notes: tuple[tuple[str, int], ...]
    credit_notes_minor: int
    wallets: tuple[tuple[str, int], ...]
    wallets_minor: int

    @property
    def progressive_minor(self) -> int:
        """What progressive invoices have billed of the lines."""
        return sum(minor for _, minor in self.progressive)

    @property
    def sub_total_minor(self) -> int:
        """Before tax: lines less what is billed already and coupons."""
        return self.lines_minor - self.progressive_minor - self.coupons_minor

    @property
    def tax_minor(self) -> int:
        return self.taxes.total_minor

    @property
    def total_with_tax_minor(self) -> int:
        """The value of the document: what is owed before credits are used."""
        return self.sub_total_minor + self.tax_minor

    @property
    def total_minor(self) -> int:
        """What is left to pay."""
        return self.total_with_tax_minor - self.credit_notes_minor - self.wallets_minor


def compute_totals(
    lines: Sequence[Line],
    coupons: Sequence[Coupon] = (),
    wallets: Sequence[WalletFacts] = (),
    credit_notes: Sequence[CreditNoteFacts] = (),
    *,
    currency: str,
) -> Totals:
    """Totals of `lines`. Coupons and wallets in creation order, credit notes oldest first.

    Raises Invalid when a line is in another currency or negative.
    """
    for line in lines:
        if line.facts.currency != currency:
            raise Invalid(f"A line in {line.facts.currency} cannot be on an invoice in {currency}.")
        if line.amount_minor < 0:
            raise Invalid("A line cannot be negative.")
        if not 0 <= line.progressive_minor <= line.amount_minor:
            raise Invalid("A line cannot be billed already for more than its amount.")
    credits = apply_coupons(coupons, [_for_coupons(line) for line in lines], currency)
    taken = [ZERO] * len(lines)
    with exact():
        for credit in credits:
            taken = [before + part for before, part in zip(taken, credit.shares, strict=True)]
        bases = [
            line.amount_minor - line.progressive_minor - part for line, part in zip(lines, taken, strict=True)
        ]
    taxed = [TaxedLine(base, line.facts.taxes) for base, line in zip(bases, lines, strict=True)]
    taxes = invoice_taxes(taxed)
    lines_minor = sum(line.amount_minor for line in lines)
    progressive: dict[str, int] = {}
    for line in lines:
        for number, minor in line.progressive:
            progressive[number] = progressive.get(number, 0) + minor
    coupons_minor = sum(credit.minor for credit in credits)
    due = lines_minor - sum(progressive.values()) - coupons_minor + taxes.total_minor
    notes = _use_credit_notes(credit_notes, due)
    notes_minor = sum(minor for _, minor in notes)
    paid = spread(wallets, due - notes_minor, buckets_of(lines, taxed))
    return Totals(
        currency=currency,
        lines=tuple(
            LineTotals(
                line.amount_minor, line.progressive_minor, part, tax_line.base, tax_minor, tax_line.rate
            )
            for line, part, tax_line, tax_minor in zip(lines, taken, taxed, taxes.line_minor, strict=True)
        ),
        lines_minor=lines_minor,
        progressive=tuple(progressive.items()),
        coupons=credits,
        coupons_minor=coupons_minor,
        taxes=taxes,
        credit_notes=tuple(notes),
        credit_notes_minor=notes_minor,
        wallets=tuple(paid),
        wallets_minor=sum(minor for _, minor in paid),
    )


def _for_coupons(line: Line) -> CouponLine:
    return CouponLine(
        Decimal(line.amount_minor - line.progressive_minor), line.facts.plan_id, line.facts.metric_id
    )


def _use_credit_notes(notes: Sequence[CreditNoteFacts], due: int) -> list[tuple[str, int]]:
    used: list[tuple[str, int]] = []
    for note in notes:
        take = min(note.balance_minor, due)
        if take > 0:
            used.append((note.id, take))
            due -= take
    return used


def buckets_of(lines: Sequence[Line], taxed: Sequence[TaxedLine]) -> list[Bucket]:
    """Lines by kind and metric, with tax: what limited wallets may pay for."""
    caps: dict[tuple[str, str | None], list[tuple[int, Decimal]]] = {}
    with exact():
        for place, (line, tax_line) in enumerate(zip(lines, taxed, strict=True)):
            key = (fee_type(str(line.kind)), line.facts.metric_id)
            caps.setdefault(key, []).append((place, tax_line.base + tax_line.exact))
        return [
            Bucket(sum((cap for _, cap in found), ZERO), kind, metric_id, tuple(found))
            for (kind, metric_id), found in caps.items()
        ]


def fee_type(kind: str) -> str:
    """What a wallet's limit calls a kind of line: what lacks to a charge's minimum spend is that charge's."""
    return LineKind.CHARGE.value if kind == LineKind.TRUE_UP.value else kind


def parts_of(lines: Sequence[Line], totals: Totals) -> list[Bucket]:
    """`buckets_of` the lines whose totals are these."""
    pairs = zip(lines, totals.lines, strict=True)
    return buckets_of(lines, [TaxedLine(found.base, line.facts.taxes) for line, found in pairs])
