"""Standard: every unit costs the same.

Law: total = units x amount. Example: 12.5 units at 0.40 cost 5.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage
from billing.rules.charges.reading import Reader, number_out


@dataclass(frozen=True)
class Standard:
    """`amount`: price of one unit in major units."""

    amount: Decimal


def parse(properties: Properties) -> Standard:
    reader = Reader(properties)
    params = Standard(amount=reader.amount("amount"))
    reader.done()
    return params


def serialize(params: Standard) -> Properties:
    return {"amount": number_out(params.amount)}


def compute(params: Standard, usage: Usage) -> Priced:
    return Priced.of(
        Step(
            kind="units",
            label="All units",
            units=usage.units,
            unit_amount=params.amount,
            amount=usage.units * params.amount,
        )
    )


MODEL = ChargeModel("standard", "Standard", parse, serialize, compute)
