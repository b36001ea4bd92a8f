"""Graduated: each unit costs the price of the tier it falls in, plus a flat amount per tier reached.

Laws. The first tier is always reached, so its flat amount is due with no usage at all; reaching
exactly the end of a tier does not open the next.
Example: 0 to 10 at 1 + 5 flat, 11 and more at 0.50 + 2 flat. 12 units: 10 x 1 + 5 + 2 x 0.50 + 2 = 18.

Prorated: every event is placed in the tiers by its full value and priced with its prorated value,
in proportion when it straddles tiers; flat amounts are those of all tiers up to the highest
quantity reached in the period. Example: 4, then 2, then -3 units, prorated 2.8, 1, -0.6, with 0 to
5 at 10 + 100 flat and 6 and more at 5 + 50 flat: 28 + (5 + 2.5) + (-1 - 4) + 150 = 180.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage
from billing.rules.charges.tiers import Tier, parse_tiers, reached, serialize_tiers
from billing.rules.money import ZERO, settled

_RANGES, _PRICE = "graduatedRanges", "perUnitAmount"


@dataclass(frozen=True)
class Graduated:
    """`tiers`: contiguous, the last one open; `price` is the amount per unit."""

    tiers: tuple[Tier, ...]


def parse(properties: Properties) -> Graduated:
    return Graduated(parse_tiers(properties, _RANGES, _PRICE))


def serialize(params: Graduated) -> Properties:
    return serialize_tiers(params.tiers, _RANGES, _PRICE)


def _step(tier: Tier, units: Decimal) -> Step:
    return Step(
        kind="tier",
        label=tier.label,
        units=units,
        unit_amount=tier.price,
        flat_amount=tier.flat,
        amount=units * tier.price + tier.flat,
        from_value=tier.from_value,
        to_value=tier.to_value,
    )


def compute(params: Graduated, usage: Usage) -> Priced:
    if usage.prorated_values:
        return _compute_prorated(params, usage)
    return Priced.of(*(_step(tier, tier.part_of(usage.units)) for tier in reached(params.tiers, usage.units)))


def _slices(tiers: tuple[Tier, ...], before: Decimal, after: Decimal) -> Iterator[tuple[int, Decimal]]:
    """How the move from `before` to `after` full units spreads over the tiers: (tier, signed units)."""
    for i, tier in enumerate(tiers):
        part = tier.part_of(after) - tier.part_of(before)
        if part:
            yield i, part


def _compute_prorated(params: Graduated, usage: Usage) -> Priced:
    full_units = usage.units if usage.full_units is None else usage.full_units
    if full_units < 0:
        return Priced.of()
    prorated_by_tier = [ZERO] * len(params.tiers)
    level = highest = skipped = ZERO
    for value, prorated in zip(usage.event_values, usage.prorated_values, strict=True):
        if value > 0 and not prorated:
            skipped += value
            continue
        if value < 0 and not prorated and skipped >= -value:
            # Its add was skipped, so there is nothing to take away.
            skipped += value
            continue
        for i, part in _slices(params.tiers, level, level + value):
            prorated_by_tier[i] += part * prorated / value
        level += value
        highest = max(highest, level)
    prorated_by_tier = [settled(units) for units in prorated_by_tier]
    priced = sum((p * t.price for p, t in zip(prorated_by_tier, params.tiers, strict=True)), ZERO)
    if priced < 0:
        # More was taken away than the period is charged for: only the flat amounts remain.
        prorated_by_tier = [ZERO] * len(params.tiers)
    opened = tuple(reached(params.tiers, highest))
    return Priced.of(*(_step(tier, units) for tier, units in zip(opened, prorated_by_tier, strict=False)))


MODEL = ChargeModel("graduated", "Graduated", parse, serialize, compute)
