"""The tax of a credit note, tax by tax: how much of each it takes back, and which of its items carry it.

Laws.
- A note never takes more of a tax than earlier notes have left of it, so all notes together never take more than the
  invoice has, of any tax.
- The tax on a note's items is rounded once over all taxes and spread over them by largest remainder; what a tax has
  not left any more is not credited.
- The tax of an item is its share of each of its taxes; the items' taxes add up to the note's.

Example: items of 1000 at 20 % and 500 at 5 %: 225, of which 200 and 25. With only 80 of the first left: 80 and 25.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from billing.rules.money import ZERO, allocate_minor, exact, round_half_up

Left = Mapping[str, int]
Rates = Sequence[tuple[str, Decimal]]  # (tax, percent) of a line


def exact_tax(items: Sequence[tuple[Decimal | int, Rates]]) -> dict[str, Decimal]:
    """The unrounded tax on net amounts, by tax."""
    found: dict[str, Decimal] = {}
    with exact():
        for net, rates in items:
            for key, rate in rates:
                found[key] = found.get(key, ZERO) + net * rate / 100
    return found


def rounded_tax(taxes: Mapping[str, Decimal], left: Left) -> dict[str, int]:
    """Unrounded taxes as whole minor units, each within what is left of it."""
    with exact():
        whole = int(round_half_up(sum(taxes.values(), ZERO)))
    return within(whole, taxes, left)


def within(total: int, weights: Mapping[str, Decimal], left: Left) -> dict[str, int]:
    """A tax amount spread by weight, each part within what is left of that tax. What does not fit is left out."""
    if not weights:
        return {}
    parts = allocate_minor(total, list(weights.values()))
    return {key: min(part, left.get(key, 0)) for key, part in zip(weights, parts, strict=True)}


def tax_by_item(items: Sequence[tuple[Decimal | int, Rates]], taxes: Left) -> list[int]:
    """Which part of a note's taxes each item carries; the parts add up to the taxes."""
    return [sum(part.values()) for part in taxes_by_item(items, taxes)]


def taxes_by_item(items: Sequence[tuple[Decimal | int, Rates]], taxes: Left) -> list[dict[str, int]]:
    """Which part of each tax each item carries, by its net amount and rate. A tax that is on no item (cents that
    earlier notes left over) goes to all of them.
    """
    found: list[dict[str, int]] = [{} for _ in items]
    for key, minor in taxes.items():
        if not minor:
            continue
        weights = [sum((rate for name, rate in rates if name == key), ZERO) for _, rates in items]
        with exact():
            taxed = [net * weight for (net, _), weight in zip(items, weights, strict=True)]
            shares = taxed if any(taxed) else [Decimal(net) for net, _ in items]
        for place, part in enumerate(allocate_minor(minor, shares)):
            if part:
                found[place][key] = part
    return found
