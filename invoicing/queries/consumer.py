"""Prices with tax for consumers: the same on the screen and on paper (`invoicing/rules/gross.py` states the law)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from billing.rules.money import round_half_up
from invoicing.models import CreditNote, Invoice, InvoiceDeduction, InvoiceLine
from invoicing.rules.gross import gross, gross_items, with_tax

CONSUMER = "consumer"
STEP_AMOUNTS = ("amount", "unit_amount", "flat_amount")


def for_consumer(invoice: Invoice) -> bool:
    """Whether the buyer is a consumer: as it was when the invoice was issued; on a draft, as it is now."""
    kind = invoice.buyer["customer_type"] if invoice.buyer else invoice.customer.customer_type
    return bool(kind == CONSUMER)


def put_tax_in(invoice: Invoice, lines: Sequence[InvoiceLine], coupons: Sequence[InvoiceDeduction]) -> int:
    """All lines and coupons of a consumer's invoice, in memory, with their tax. Returns the sum of the lines."""
    pairs = [(line.amount_minor, line.tax_rate) for line in lines]
    found = gross(pairs, [row.amount_minor for row in coupons], invoice.taxes_minor)
    for line, amount in zip(lines, found.lines, strict=True):
        if line.edited and "amount_minor" in line.edited:
            before = line.edited["amount_minor"]
            same = before == line.amount_minor
            shown = amount if same else int(round_half_up(with_tax(Decimal(before), line.tax_rate)))
            line.edited |= {"amount_minor": shown}
        line.amount_minor = amount
        line.unit_amount = with_tax(line.unit_amount, line.tax_rate)
        line.steps = [
            step
            | {
                name: str(with_tax(Decimal(step[name]), line.tax_rate))
                for name in STEP_AMOUNTS
                if step.get(name) is not None
            }
            for step in line.steps
        ]
    for row, amount in zip(coupons, found.coupons, strict=True):
        row.amount_minor = amount
    return found.lines_minor


def items_with_tax(note: CreditNote) -> tuple[int, ...]:
    """What each item of a consumer's credit note is with its tax, in their order; together the note's total. Notes of
    old do not say how much tax each item carries; it is spread by rate.
    """
    if all("tax_minor" in item for item in note.items):
        return tuple(item["amount_minor"] + item["tax_minor"] for item in note.items)
    rates = {str(key): rate for key, rate in note.invoice.lines.values_list("pk", "tax_rate")}
    items = [(int(item["amount_minor"]), rates.get(str(item["line"]), Decimal(0))) for item in note.items]
    return gross_items(items, note.tax_minor)
