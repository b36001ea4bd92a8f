"""What of an issued invoice can still be credited, and given back as money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum

from invoicing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment
from invoicing.rules.credited_gross import gross_left
from invoicing.rules.credited_tax import Rates
from invoicing.rules.crediting import CreditableLine, left_of

REFUNDABLE = ("successful", "partially_refunded")


@dataclass(frozen=True)
class CreditableTax:
    """A row of the invoice's tax table, and how much of it no note has taken back yet (minor units)."""

    row: InvoiceTax
    left_minor: int

    @property
    def key(self) -> str:
        """Its name in the rules and in forms."""
        return self.row.pk.hex


@dataclass(frozen=True)
class Creditable:
    """An invoice's lines as the rules see them and as rows, its taxes, and the money that can go back."""

    rows: list[InvoiceLine]
    lines: list[CreditableLine]
    taxes: list[CreditableTax]
    refundable_minor: int

    @property
    def left(self) -> dict[str, int]:
        """Minor units before tax by line id."""
        return left_of(self.lines)

    @property
    def gross_left(self) -> dict[str, int]:
        """Minor units with tax by line id."""
        return gross_left(self.lines, self.tax_left)

    @property
    def tax_left(self) -> dict[str, int]:
        """Minor units by tax."""
        return {tax.key: tax.left_minor for tax in self.taxes}

    @property
    def tax_left_minor(self) -> int:
        """Of all taxes."""
        return sum(tax.left_minor for tax in self.taxes)

    @property
    def total_minor(self) -> int:
        """The most that a note can be over, with tax."""
        return sum(self.left.values()) + self.tax_left_minor


def creditable(invoice: Invoice) -> Creditable:
    """Four queries: lines, taxes, earlier notes, payments."""
    rows = list(InvoiceLine.objects.filter(invoice=invoice))
    notes = list(notes_of(invoice))
    taxes = taxes_left(invoice, notes)
    taken = taken_of(notes)
    lines = [
        CreditableLine(
            str(row.pk),
            row.amount_minor - row.progressive_minor,
            row.coupon_minor,
            row.tax_rate,
            taken[str(row.pk)],
            rates_of(row, taxes),
        )
        for row in rows
    ]
    return Creditable(rows, lines, taxes, refundable_of(invoice))


def notes_of(invoice: Invoice) -> Iterable[CreditNote]:
    """The invoice's credit notes in force."""
    return CreditNote.objects.filter(invoice=invoice).exclude(status="voided")


def taken_of(notes: Iterable[CreditNote]) -> Counter[str]:
    """What notes have taken back of each line, in minor units before tax."""
    taken: Counter[str] = Counter()
    for note in notes:
        for item in note.items:
            taken[item["line"]] += item["amount_minor"]
    return taken


def rates_of(line: InvoiceLine, taxes: Iterable[CreditableTax]) -> Rates:
    """The line's taxes as rows of the invoice's tax table: (key, percent)."""
    keys = {name_of(vars(tax.row)): tax.key for tax in taxes}
    found = ((name_of(tax), Decimal(tax["rate"])) for tax in line.taxes)
    return tuple((keys[name], rate) for name, rate in found if name in keys)


def name_of(tax: Mapping[str, Any]) -> tuple[str, Decimal]:
    """By what a tax is known on an invoice: its code and rate."""
    return str(tax["code"]), Decimal(tax["rate"])


def taxes_left(invoice: Invoice, notes: Iterable[CreditNote]) -> list[CreditableTax]:
    """The invoice's taxes with what these notes have left of each; together what they have left of all."""
    found = list(InvoiceTax.objects.filter(invoice=invoice).order_by("name", "pk"))
    credited: Counter[tuple[str, Decimal]] = Counter()
    whole = invoice.taxes_minor
    for note in notes:
        whole -= note.tax_minor
        for tax in note.taxes:
            credited[name_of(tax)] += tax["amount_minor"]
    left = [max(row.amount_minor - credited[name_of(vars(row))], 0) for row in found]
    # Notes of old spread their tax by rate alone, a cent too much of one and too little of another.
    for place in sorted(range(len(left)), key=lambda place: -left[place]):
        left[place] -= min(left[place], max(sum(left) - max(whole, 0), 0))
    return [CreditableTax(row, minor) for row, minor in zip(found, left, strict=True)]


def refundable_of(invoice: Invoice) -> int:
    """Money received for the invoice and neither given back nor on its way back, in minor units."""
    rows = Payment.objects.filter(invoice=invoice, status__in=REFUNDABLE)
    return (
        rows.aggregate(rest=Sum(F("amount_minor") - F("refunded_minor") - F("refunding_minor")))["rest"] or 0
    )
