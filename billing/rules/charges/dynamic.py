"""Dynamic: every event brings its own amount; the charge is their sum.

Law: total = sum of the events' amounts; nothing is charged when the quantity is 0. Only on sums.
Example: two events of 0.101 and 9.019 cost 9.12.
"""

from dataclasses import dataclass

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage
from billing.rules.charges.reading import Reader
from billing.rules.money import ZERO


@dataclass(frozen=True)
class Dynamic:
    """Nothing to configure."""


def parse(properties: Properties) -> Dynamic:
    Reader(properties).done()
    return Dynamic()


def serialize(params: Dynamic) -> Properties:
    return {}


def compute(params: Dynamic, usage: Usage) -> Priced:
    total = usage.events_total if usage.units else ZERO
    return Priced.of(
        Step(kind="events", label="Amounts sent with the events", units=usage.units, amount=total)
    )


MODEL = ChargeModel(
    "dynamic",
    "Dynamic",
    parse,
    serialize,
    compute,
    refused_aggregations=frozenset({"count", "max", "unique_count", "latest", "weighted_sum"}),
)
