"""Tiers: contiguous ranges of units, shared by the graduated and volume models.

Laws. The first tier starts at 0, each next one at the end of the one before or one above it, the
last is open. "0 to 10, 11 to 20" and "0 to 10, 10 to 20" are the same tiers: a tier holds what is
above the end of the one before, up to and including its own end. So 10.5 units put 10 into the
first tier and 0.5 into the second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.rules.charges.base import Properties, plain, units_word
from billing.rules.charges.reading import Reader, bound_out, number_out
from billing.rules.money import ZERO


@dataclass(frozen=True)
class Tier:
    """One range. `price` is the amount per unit, or the rate in percent; `flat` is due once when
    the tier is reached. `above` is the end of the tier before (0 for the first)."""

    from_value: Decimal
    to_value: Decimal | None
    price: Decimal
    flat: Decimal
    above: Decimal

    def holds(self, units: Decimal) -> bool:
        """Whether this is the last tier that `units` reach (the tiers before are full)."""
        return self.to_value is None or units <= self.to_value

    def part_of(self, units: Decimal) -> Decimal:
        """How many of `units` lie in this tier (0 or more)."""
        top = units if self.to_value is None else min(units, self.to_value)
        return max(top - self.above, ZERO)

    @property
    def label(self) -> str:
        """ "First 1,000 units", "Next 500 units", "Above 1,500 units", "All units"."""
        if self.to_value is None:
            return f"Above {units_word(self.above)}" if self.above else "All units"
        if not self.above:
            return f"First {units_word(self.to_value)}"
        return f"Next {units_word(self.to_value - self.above)}"

    @property
    def span(self) -> str:
        """ "0 to 1,000 units", "1,501 units and more": the range as a whole."""
        if self.to_value is None:
            return f"{units_word(self.from_value)} and more"
        return f"{plain(self.from_value)} to {units_word(self.to_value)}"


def reached(tiers: tuple[Tier, ...], units: Decimal) -> Iterator[Tier]:
    """The tiers that `units` reach. Zero units reach the first; exactly its end opens no other."""
    for tier in tiers:
        yield tier
        if tier.holds(units):
            return


def parse_tiers(properties: Properties, name: str, price: str) -> tuple[Tier, ...]:
    """Read `properties[name]`; `price` is the field that prices a unit (perUnitAmount or rate)."""
    reader = Reader(properties)
    rows = reader.rows(name)
    tiers: list[Tier] = []
    above = ZERO
    for i, row in enumerate(rows):
        known = len(row.errors)
        from_value = row.amount("fromValue")
        to_value = row.optional_amount("toValue")
        amount = row.amount(price, default=ZERO)
        flat = row.amount("flatAmount", default=ZERO)
        row.unknown()
        if len(row.errors) == known:
            _check_bounds(row, i, len(rows), above, from_value, to_value)
        tiers.append(Tier(from_value, to_value, amount, flat, above))
        above = to_value if to_value is not None else from_value
    reader.done()
    return tuple(tiers)


def _check_bounds(
    row: Reader, i: int, count: int, above: Decimal, from_value: Decimal, to_value: Decimal | None
) -> None:
    if i == 0 and from_value != 0:
        row.problem("fromValue", "The first range must start at 0.")
    elif i and from_value not in (above, above + 1):
        row.problem("fromValue", f"Must follow the range before: {plain(above + 1)} (or {plain(above)}).")
    if to_value is None and i < count - 1:
        row.problem("toValue", "Only the last range may be open.")
    elif to_value is not None and i == count - 1:
        row.problem("toValue", "The last range must be open: leave its end empty.")
    elif to_value is not None and to_value <= above:
        row.problem("toValue", f"Must be more than {plain(above)}.")


def serialize_tiers(tiers: tuple[Tier, ...], name: str, price: str) -> Properties:
    """The inverse of `parse_tiers`."""
    return {
        name: [
            {
                "fromValue": bound_out(tier.from_value),
                "toValue": bound_out(tier.to_value),
                price: number_out(tier.price),
                "flatAmount": number_out(tier.flat),
            }
            for tier in tiers
        ]
    }
