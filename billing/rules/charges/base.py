"""What every charge model gives back: a price together with the steps that made it.

Law: `Priced.total` is the exact sum of the amounts of its steps, in major units, not rounded (the
line rounds once). Steps are what staff see and what is frozen on the invoice line.

Example: 1,200 units, the first 1,000 at 0.10 and the rest at 0.05 with 5 flat:
"First 1,000 units" 1000 x 0.10 = 100; "Above 1,000 units" 200 x 0.05 + 5 = 15; total 115.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from billing.rules.money import ZERO, exact

P = TypeVar("P")
Properties = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One row of the calculation: units x unit_amount (or units x rate %) + flat_amount = amount.

    `kind` is one of units, tier, free, package, percentage, fixed, minimum, maximum, events, days, billed,
    commitment, adjusted.
    Amounts are major units; `rate` is a percentage (1.5 is 1.5 %); `from_value` and `to_value`
    are the bounds of a tier as they were configured (None: open).
    """

    kind: str
    label: str
    amount: Decimal
    units: Decimal | None = None
    unit_amount: Decimal | None = None
    flat_amount: Decimal | None = None
    rate: Decimal | None = None
    from_value: Decimal | None = None
    to_value: Decimal | None = None


@dataclass(frozen=True)
class Priced:
    """A price in major units, unrounded, and its steps. Build it with `Priced.of(steps)`."""

    total: Decimal
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, *steps: Step) -> "Priced":
        with exact():
            return cls(sum((step.amount for step in steps), ZERO), steps)

    def unit_amount(self, units: Decimal) -> Decimal:
        """The mean price of one of `units` (0 for no units)."""
        if not units:
            return ZERO
        with exact():
            return self.total / units


@dataclass(frozen=True)
class Usage:
    """What was used in the window.

    `units`: the aggregated quantity (prorated when the charge is). `events_count`: events behind
    it. `event_values`: the value of each event in time order, needed by percentage charges with
    free events, a free amount or limits per transaction, and by prorated graduated charges.
    `prorated_values`: the prorated value of each event (prorated graduated charges only).
    `full_units`: the unprorated quantity when `units` is prorated. `events_total`: the sum of the
    amounts the events carry themselves, in major units (dynamic charges only).
    """

    units: Decimal
    events_count: int = 0
    event_values: tuple[Decimal, ...] = field(default=(), repr=False)
    prorated_values: tuple[Decimal, ...] = field(default=(), repr=False)
    full_units: Decimal | None = None
    events_total: Decimal = ZERO


def never(params: object) -> bool:
    """The answer of models that price from the quantity alone."""
    return False


@dataclass(frozen=True)
class ChargeModel(Generic[P]):
    """One way to price usage.

    `parse` checks properties (camelCase, as the API takes them) and raises FieldErrors naming the
    exact field; `serialize` is its inverse; `compute` is the arithmetic, called through `price`.
    `needs_event_values(params)` tells whether `Usage.event_values` must be filled.
    `refused_aggregations` are metric types the model makes no sense with.
    """

    name: str
    title: str
    parse: Callable[[Properties], P]
    serialize: Callable[[P], Properties]
    compute: Callable[[P, Usage], Priced]
    needs_event_values: Callable[[P], bool] = never
    refused_aggregations: frozenset[str] = frozenset()
    payable_in_advance: bool = True

    def price(self, params: P, usage: Usage) -> Priced:
        """The price of `usage`. Negative usage (more removed than added) costs nothing; where single events are
        priced by their days, the sum of days may be negative and the full quantity decides.
        """
        full = usage.full_units if usage.prorated_values else None
        if (usage.units if full is None else full) < 0:
            return Priced.of()
        with exact():
            return self.compute(params, usage)


def plain(value: Decimal) -> str:
    """A number for a label: thousands separated, no needless zeros: Decimal("1000.50") -> "1,000.5"."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def units_word(value: Decimal) -> str:
    """ "1 unit", "1,000 units"."""
    return f"{plain(value)} unit" if value == 1 else f"{plain(value)} units"
