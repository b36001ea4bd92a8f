"""Volume: the total quantity picks one tier and every unit costs that tier's price.

Laws. The tier is the first whose end is not below the quantity; its flat amount is added once, so
the first tier's flat amount is due with no usage. A prorated charge picks the tier by the full
quantity and prices the prorated one. Not payable in advance: the price of the first unit depends
on the last.
Example: 0 to 100 at 2 + 10 flat, 101 to 200 at 1: 100 units cost 210, 101 units cost 101.
"""

from dataclasses import dataclass

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage
from billing.rules.charges.tiers import Tier, parse_tiers, reached, serialize_tiers

_RANGES, _PRICE = "volumeRanges", "perUnitAmount"


@dataclass(frozen=True)
class Volume:
    """`tiers`: contiguous, the last one open; `price` is the amount per unit."""

    tiers: tuple[Tier, ...]


def parse(properties: Properties) -> Volume:
    return Volume(parse_tiers(properties, _RANGES, _PRICE))


def serialize(params: Volume) -> Properties:
    return serialize_tiers(params.tiers, _RANGES, _PRICE)


def compute(params: Volume, usage: Usage) -> Priced:
    picked_by = usage.units if usage.full_units is None else usage.full_units
    *_, tier = reached(params.tiers, picked_by)
    return Priced.of(
        Step(
            kind="tier",
            label=f"All units at the price of {tier.span}",
            units=usage.units,
            unit_amount=tier.price,
            flat_amount=tier.flat,
            amount=usage.units * tier.price + tier.flat,
            from_value=tier.from_value,
            to_value=tier.to_value,
        )
    )


MODEL = ChargeModel("volume", "Volume", parse, serialize, compute, payable_in_advance=False)
