"""A worked example of a charge in advance: the fee of each event in turn, by the rule that bills them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.rules.advance import Mark, advance, marginal
from billing.rules.charges.base import Priced, Step, Usage
from billing.rules.charges.registry import charge_model
from billing.rules.errors import Invalid
from billing.rules.money import to_minor

MOST_EVENTS = 1_000


@dataclass(frozen=True)
class EventFee:
    """What one event costs: its value, the units of it that are billed, the fee as it is rounded, and how it came
    about.
    """

    value: Decimal
    units: Decimal
    amount_minor: int
    steps: tuple[Step, ...]


def event_fees(
    model_name: str, properties: dict[str, Any], *, currency: str, event_values: Sequence[Decimal]
) -> list[EventFee]:
    """The fees of events of these values, in their order. Raises Invalid or FieldErrors at what does not go."""
    model = charge_model(model_name)
    if not model.payable_in_advance or model_name == "dynamic":
        raise Invalid(f"{model.title} prices have no price by event here.", field="payInAdvance")
    if not event_values:
        raise Invalid("Send the values of the events.", code="required", field="eventValues")
    if len(event_values) > MOST_EVENTS:
        raise Invalid(f"Use at most {MOST_EVENTS:,} events here.", field="eventValues")
    params = model.parse(properties)
    mark, found = Mark(), list[EventFee]()
    seen: list[Decimal] = []
    for value in event_values:
        done = advance(mark, value)
        before = Usage(mark.highest, len(seen), tuple(seen))
        seen.append(value)
        after = Usage(done.mark.highest, len(seen), tuple(seen))
        priced = Priced.of() if value < 0 else marginal(model, params, after, before)
        found.append(EventFee(value, done.units, max(to_minor(priced.total, currency), 0), priced.steps))
        mark = done.mark
    return found
