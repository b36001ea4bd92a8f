"""Prices with tax, as consumers see them: the same invoice, its tax inside the lines instead of below them.

Laws.
- The lines carry the tax that they would have without coupons: round(sum of the unrounded taxes), spread by largest
  remainder, exactly as the tax of an invoice is. Without coupons that is the invoice's tax to the cent.
- A coupon is shown with the tax that it saved, spread over the coupons in proportion to them.
- lines - coupons = the document's total with tax, exactly. The tax table stays below, as what is included.
- The items of a credit note carry the note's tax, which was rounded once: they add up to its total.

Example: lines of 1000 and 500 at 19 %, a coupon of 150: the lines are 1190 and 595, the coupon 178 (the tax is 285
without and 257 with it); 1785 - 178 = 1607 = 1500 - 150 + 257. A credit note over 333 and 5 of these lines with a
tax of 64 (64.22 before rounding) has the items 396 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rules.money import ZERO, allocate_minor, exact, round_half_up


@dataclass(frozen=True)
class Gross:
    """Minor units with tax; `lines` and `coupons` in the order given."""

    lines: tuple[int, ...]
    coupons: tuple[int, ...]
    lines_minor: int


def gross(lines: Sequence[tuple[int, Decimal]], coupons: Sequence[int], taxes_minor: int) -> Gross:
    """From (net amount, tax rate in percent) of each line, net coupons and the invoice's tax."""
    with exact():
        taxes = [amount * rate / 100 for amount, rate in lines]
        whole = int(round_half_up(sum(taxes, ZERO)))
    shown = [amount + tax for (amount, _), tax in zip(lines, allocate_minor(whole, taxes), strict=True)]
    saved = allocate_minor(whole - taxes_minor, coupons)
    taken = tuple(net + tax for net, tax in zip(coupons, saved, strict=True))
    return Gross(tuple(shown), taken, sum(shown))


def gross_items(items: Sequence[tuple[int, Decimal]], tax_minor: int) -> tuple[int, ...]:
    """The items of a credit note with their tax, from (net amount, tax rate in percent) of each and the note's tax,
    which is spread in proportion to the tax of each. They add up to the note's total.
    """
    with exact():
        taxes = allocate_minor(tax_minor, [amount * rate for amount, rate in items])
    return tuple(amount + tax for (amount, _), tax in zip(items, taxes, strict=True))


def with_tax(value: Decimal, rate: Decimal) -> Decimal:
    """An exact amount with its tax: 10 at 19 % is 11.9."""
    with exact():
        return value * (100 + rate) / 100
