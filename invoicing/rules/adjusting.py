"""Lines of a draft that a person has corrected: another quantity, another price, another name.

Laws.
- Units alone: the charge model prices them anew; the plan's fee is taken that many times. Where that makes no sense
  (`units_alone` says why) a unit price is needed too.
- Units and a unit price: units x price, whatever the model; rounded once like any line.
- A name alone changes no figure. A correction says nothing about what was measured: the events stay as counted.
- Nothing negative, a price never without its units, and no amount of `MOST_MINOR` or more, whatever prices it.
- A correction hangs on what a line is (`line_key`), not on its figures: it finds its line again however often the
  draft is computed, and a line that is not there (no usage) is made for it.

Example: usage of 0 units at 10.00 corrected to 3 units at 150.00: 450.00. To 3 units alone: 30.00.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from billing.rules.charges.base import Priced, Properties, Step, Usage
from billing.rules.charges.registry import price
from billing.rules.errors import Invalid
from billing.rules.money import exact, to_minor
from invoicing.rules.lines import Line, LineFacts, LineKind

MOST_MINOR = 10**15  # far above any bill; the sum of thousands of such lines can still be stored
BY_EVENT = frozenset({"percentage", "dynamic"})
DERIVED = frozenset({LineKind.TRUE_UP, LineKind.COMMITMENT})
LINES = UUID("5f0c1d5e-6f1b-5c1c-9d38-2b7c7d5d9a41")  # the name space of line keys


@dataclass(frozen=True)
class Correction:
    """What was typed; None leaves it as it is. `unit_amount` in major units."""

    units: Decimal | None = None
    unit_amount: Decimal | None = None
    name: str = ""


@dataclass(frozen=True)
class Pricing:
    """How a charge prices: its model's name, its properties, whether units count for their days, and whether each
    event is billed by itself.
    """

    model: str
    properties: Properties
    prorated: bool = False
    in_advance: bool = False


@dataclass(frozen=True)
class Edit:
    """A correction of one line of usage, with what is needed to make that line where nothing was measured."""

    correction: Correction
    subscription_id: str | None = None
    charge_id: str | None = None
    filter: dict[str, Any] | None = None
    group: dict[str, str | None] | None = None
    start: datetime | None = None


@dataclass(frozen=True)
class Addition:
    """An item that was added by hand. `tax_ids`: the taxes chosen for it (None: as usual)."""

    key: UUID
    name: str
    units: Decimal
    unit_amount: Decimal
    add_on_id: str | None = None
    tax_ids: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Edits:
    """All that was changed by hand on a draft."""

    corrections: Mapping[UUID, Edit] = field(default_factory=dict)
    additions: Sequence[Addition] = ()

    def corrects(self, line: Line) -> bool:
        """Whether somebody corrected this line."""
        return line_key(line.kind, line.facts) in self.corrections

    def applied_to(self, line: Line, pricing: Pricing | None = None) -> Line:
        """One line as it was corrected, which then knows what it would be without."""
        edit = self.corrections.get(line_key(line.kind, line.facts))
        if edit is None:
            return line
        wanted = edit.correction
        if wanted.units is not None and wanted.unit_amount is None and units_alone(line.kind, pricing):
            wanted = replace(wanted, unit_amount=line.unit_amount)  # its model has changed since
        return replace(corrected(line, wanted, pricing), original=line)

    def unmeasured(self, facts: LineFacts, known: Sequence[Line]) -> list[LineFacts]:
        """The parts of a charge that were corrected and are not among its lines. `facts`: of the whole charge."""
        if not self.corrections:
            return []
        there = {line_key(line.kind, line.facts) for line in known}
        start = facts.period.start if facts.period else None
        return [
            replace(facts, filter=edit.filter, group=edit.group)
            for key, edit in self.corrections.items()
            if key not in there
            and edit.charge_id is not None
            and (edit.subscription_id, edit.charge_id, edit.start)
            == (facts.subscription_id, facts.charge_id, start)
            and key == line_key(LineKind.CHARGE, replace(facts, filter=edit.filter, group=edit.group))
        ]


NO_EDITS = Edits()


def line_key(kind: LineKind, facts: LineFacts) -> UUID:
    """What a line is, whatever it costs: kind, subscription, charge with filter and group, add-on, and the beginning
    of its period.
    """
    what = [
        kind.value,
        facts.subscription_id,
        facts.charge_id,
        facts.fixed_charge_id,
        facts.add_on_id,
        facts.filter["values"] if facts.filter else None,
        facts.group or None,
        facts.period.start.astimezone(UTC).isoformat() if facts.period else None,
    ]
    return uuid5(LINES, json.dumps(what, sort_keys=True))


def units_alone(kind: LineKind, pricing: Pricing | None) -> str:
    """Why other units alone cannot be priced; empty when they can."""
    if kind in DERIVED:
        return "It is what the other lines leave open"
    if pricing is None:
        return ""
    if kind is LineKind.FIXED_CHARGE:
        return "It goes by days" if pricing.prorated else ""
    if pricing.in_advance:
        return "Each event was billed by itself"
    if pricing.model in BY_EVENT or (pricing.model == "graduated" and pricing.prorated):
        return "This charge looks at single events"
    return ""


def check(correction: Correction, pricing: Pricing | None, kind: LineKind = LineKind.CHARGE) -> None:
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
    if units is not None and unit_amount is None and (why := units_alone(kind, pricing)):
        raise Invalid(f"{why}: enter a unit price too.", code="units_need_a_price", field="unitAmount")


def corrected(line: Line, correction: Correction, pricing: Pricing | None = None) -> Line:
    """The line as corrected; `pricing` for usage lines and fixed charges."""
    check(correction, pricing, line.kind)
    facts = replace(line.facts, description=correction.name or line.facts.description)
    if correction.units is None:
        return replace(line, facts=facts)
    units = correction.units
    priced = _priced(line, units, correction.unit_amount, pricing)
    amount = priced.unit_amount(units) if correction.unit_amount is None else correction.unit_amount
    minor = to_minor(priced.total, facts.currency)
    if minor >= MOST_MINOR:
        raise Invalid("The line's amount is too large.", field="units")
    return replace(
        line,
        facts=facts,
        units=units,
        unit_amount=amount,
        exact=priced.total,
        amount_minor=minor,
        steps=priced.steps,
    )


def _priced(line: Line, units: Decimal, unit_amount: Decimal | None, pricing: Pricing | None) -> Priced:
    if unit_amount is None and pricing is not None:
        return price(pricing.model, pricing.properties, Usage(units))
    each = line.unit_amount if unit_amount is None else unit_amount
    with exact():
        return Priced.of(Step("adjusted", "Corrected by hand", units * each, units=units, unit_amount=each))
