"""Crediting lines by amounts with tax, as the invoices of consumers show them.

Laws.
- What is left of a line with tax: what is left before tax, and its part of each tax that is left. The lines add up to
  all that can be credited.
- An amount with tax takes the same part of the line and of its tax; the net is rounded, the tax is the rest. So a
  note is over exactly what was typed, and never over more than is left of a line or of a tax.

Example: 1000 and 500 at 19 %, tax 285: 1190 and 595 are left. 400 of the first: 336 and 64 of tax. Then everything:
664 + 126 and 500 + 95.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.money import allocate_minor, exact, round_half_up
from invoicing.rules.credited_tax import Left, taxes_by_item
from invoicing.rules.crediting import Credit, CreditableLine, left_of


def gross_left(lines: Sequence[CreditableLine], tax_left: Left) -> dict[str, int]:
    """What can still be credited of each line, with tax."""
    left, parts = left_of(lines), tax_parts(lines, tax_left)
    return {key: minor + sum(parts[key].values()) for key, minor in left.items()}


def tax_parts(lines: Sequence[CreditableLine], tax_left: Left) -> dict[str, dict[str, int]]:
    """What is left of each tax, {line id: {tax: minor units}}."""
    left = left_of(lines)
    found = taxes_by_item([(left[line.id], line.taxes) for line in lines], tax_left)
    return {line.id: part for line, part in zip(lines, found, strict=True)}


def credit_gross(lines: Sequence[CreditableLine], wanted: Mapping[str, int], tax_left: Left) -> Credit:
    """A note over the given amounts by line, with tax. FieldErrors name the line (`line-<id>`) that has less."""
    left, parts, most = left_of(lines), tax_parts(lines, tax_left), gross_left(lines, tax_left)
    typed = {key: minor for key, minor in wanted.items() if minor}
    errors = [
        (
            f"line-{key}",
            "More than is left of the line." if left.get(key) else "Nothing is left of this line.",
        )
        for key, minor in typed.items()
        if not left.get(key) or not 0 < minor <= most[key]
    ]
    if errors:
        raise FieldErrors(errors)
    if not typed:
        raise Invalid("Enter an amount for at least one line.", code="nothing_to_credit", field="items")
    items: dict[str, int] = {}
    taxes: Counter[str] = Counter()
    for key, minor in typed.items():
        with exact():
            items[key] = max(int(round_half_up(Decimal(minor) * left[key] / most[key])), 1)
        of_line = parts[key]
        shares = allocate_minor(minor - items[key], list(of_line.values()))
        taxes.update(dict(zip(of_line, shares, strict=True)))
    item_taxes = {key: typed[key] - items[key] for key in typed}
    return Credit(
        items,
        sum(items.values()),
        dict(taxes),
        tax_exact=Decimal(sum(taxes.values())),
        item_taxes=item_taxes,
    )
