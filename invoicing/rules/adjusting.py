"""Lines of a draft that a person has corrected: another quantity, another price, another name.

Laws.
- Units alone: the charge model prices them anew; the plan's fee is taken that many times. A model that needs single
  events cannot be asked for other units: percentage, and what is prorated by event.
- Units and a unit price: units x price, whatever the model; rounded once like any line.
- A name alone changes no figure. A correction says nothing about what was measured: the events stay as counted.
- Nothing negative, and a price never without its units.

Example: usage of 0 units at 10.00 corrected to 3 units at 150.00: 450.00. To 3 units alone: 30.00.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from billing.rules.charges.base import Priced, Properties, Step, Usage
from billing.rules.charges.registry import price
from billing.rules.errors import Invalid
from billing.rules.money import exact, to_minor
from invoicing.rules.lines import Line, LineKind

BY_EVENT = frozenset({"percentage"})


@dataclass(frozen=True)
class Correction:
    """What was typed; None leaves it as it is. `unit_amount` in major units."""

    units: Decimal | None = None
    unit_amount: Decimal | None = None
    name: str = ""


@dataclass(frozen=True)
class Pricing:
    """How a charge prices: its model's name, its properties, and whether each event counts for its days."""

    model: str
    properties: Properties
    prorated: bool = False


def check(correction: Correction, pricing: Pricing | None) -> None:
    """Raise Invalid at the field that makes no sense."""
    units, unit_amount = correction.units, correction.unit_amount
    if units is not None and units < 0:
        raise Invalid("Must not be negative.", field="units")
    if unit_amount is not None and unit_amount < 0:
        raise Invalid("Must not be negative.", field="unitAmount")
    if unit_amount is not None and units is None:
        raise Invalid("A unit price needs its units.", field="units")
    if units is None and not correction.name:
        raise Invalid("Enter units, a price or a name.", code="nothing_to_correct", field="units")
    by_event = pricing is not None and (
        pricing.model in BY_EVENT or (pricing.model == "graduated" and pricing.prorated)
    )
    if units is not None and unit_amount is None and by_event:
        message = "This charge looks at single events: enter a unit price too."
        raise Invalid(message, code="units_need_a_price", field="unitAmount")


def corrected(line: Line, correction: Correction, pricing: Pricing | None = None) -> Line:
    """The line as corrected; `pricing` for usage lines."""
    check(correction, pricing)
    facts = replace(line.facts, description=correction.name or line.facts.description)
    if correction.units is None:
        return replace(line, facts=facts)
    units = correction.units
    priced = _priced(line, units, correction.unit_amount, pricing)
    amount = priced.unit_amount(units) if correction.unit_amount is None else correction.unit_amount
    return replace(
        line,
        facts=facts,
        units=units,
        unit_amount=amount,
        exact=priced.total,
        amount_minor=to_minor(priced.total, facts.currency),
        steps=priced.steps,
    )


def _priced(line: Line, units: Decimal, unit_amount: Decimal | None, pricing: Pricing | None) -> Priced:
    if unit_amount is None and pricing is not None and line.kind is LineKind.CHARGE:
        return price(pricing.model, pricing.properties, Usage(units))
    each = line.unit_amount if unit_amount is None else unit_amount
    with exact():
        return Priced.of(Step("adjusted", "Corrected by hand", units * each, units=units, unit_amount=each))
