"""What of an issued invoice can still be credited, and given back as money."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import F, Sum

from invoicing.models import CreditNote, Invoice, InvoiceLine, Payment
from invoicing.rules.crediting import CreditableLine, left_of

REFUNDABLE = ("successful", "partially_refunded")


@dataclass(frozen=True)
class Creditable:
    """An invoice's lines as the rules see them and as rows, the tax that is left, and the money that can go back."""

    rows: list[InvoiceLine]
    lines: list[CreditableLine]
    tax_left: int
    refundable_minor: int

    @property
    def left(self) -> dict[str, int]:
        """Minor units before tax by line id."""
        return left_of(self.lines)

    @property
    def total_minor(self) -> int:
        """The most that a note can be over, with tax."""
        return sum(self.left.values()) + self.tax_left


def creditable(invoice: Invoice) -> Creditable:
    """Three queries: lines, earlier notes, payments."""
    rows = list(InvoiceLine.objects.filter(invoice=invoice))
    taken: Counter[str] = Counter()
    tax = 0
    for note in CreditNote.objects.filter(invoice=invoice).exclude(status="voided"):
        tax += note.tax_minor
        for item in note.items:
            taken[item["line"]] += item["amount_minor"]
    lines = [
        CreditableLine(
            str(row.pk),
            row.amount_minor - row.progressive_minor,
            row.coupon_minor,
            row.tax_rate,
            taken[str(row.pk)],
        )
        for row in rows
    ]
    return Creditable(rows, lines, max(invoice.taxes_minor - tax, 0), refundable_of(invoice))


def refundable_of(invoice: Invoice) -> int:
    """Money received for the invoice and not given back, in minor units."""
    rows = Payment.objects.filter(invoice=invoice, status__in=REFUNDABLE)
    return rows.aggregate(rest=Sum(F("amount_minor") - F("refunded_minor")))["rest"] or 0
