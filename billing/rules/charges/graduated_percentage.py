"""Graduated percentage: each tier takes its own rate of the quantity, plus a flat amount.

Law: as graduated, with units x rate / 100 in place of units x price. For metrics that count money.
Example: 0 to 1,000 at 2 % + 1 flat, 1,001 and more at 1 %. 1,500: 20 + 1 + 5 = 26.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage
from billing.rules.charges.tiers import Tier, parse_tiers, reached, serialize_tiers

_RANGES, _PRICE = "graduatedPercentageRanges", "rate"


@dataclass(frozen=True)
class GraduatedPercentage:
    """`tiers`: contiguous, the last one open; `price` is the rate in percent."""

    tiers: tuple[Tier, ...]


def parse(properties: Properties) -> GraduatedPercentage:
    return GraduatedPercentage(parse_tiers(properties, _RANGES, _PRICE))


def serialize(params: GraduatedPercentage) -> Properties:
    return serialize_tiers(params.tiers, _RANGES, _PRICE)


def _step(tier: Tier, units: Decimal) -> Step:
    return Step(
        kind="tier",
        label=tier.label,
        units=units,
        rate=tier.price,
        flat_amount=tier.flat,
        amount=units * tier.price / 100 + tier.flat,
        from_value=tier.from_value,
        to_value=tier.to_value,
    )


def compute(params: GraduatedPercentage, usage: Usage) -> Priced:
    return Priced.of(*(_step(tier, tier.part_of(usage.units)) for tier in reached(params.tiers, usage.units)))


MODEL = ChargeModel(
    "graduated_percentage",
    "Graduated percentage",
    parse,
    serialize,
    compute,
    refused_aggregations=frozenset({"latest"}),
)
