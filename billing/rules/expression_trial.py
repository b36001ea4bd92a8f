"""Trying an expression on a sample event, typed as JSON.

Law: the value is the one that an event with this content would get. The sample is an event as it is sent, of which
code and timestamp may be left out, or its properties alone.

Example: `event.properties.gb * 2` with `{"gb": 3}` and with `{"properties": {"gb": 3}}` is 6.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.event_trial import sample_event
from billing.rules.events import Refused
from billing.rules.expressions import EventFacts, NotComputable, plain_text, read_expression


def sample_facts(raw: dict[str, Any], code: str, at: datetime) -> EventFacts:
    """A sample as an event of a metric. Raises FieldErrors (event.…)."""
    event = sample_event(raw, code or "sample", at)
    if isinstance(event, Refused):
        raise FieldErrors([(f"event.{event.field}" if event.field else "event", event.message)])
    return EventFacts(event.code, event.timestamp or at, event.properties)


def read_sample(sample: str) -> dict[str, Any]:
    """The JSON object of a text, its numbers exact. Raises Invalid (field event)."""
    try:
        found = json.loads(sample, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        reason = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid(f"Is not valid JSON{reason}.", field="event") from None
    if not isinstance(found, dict):
        raise Invalid('Enter a JSON object, like {"gb": 3}.', field="event")
    return found


def try_expression(text: str, sample: dict[str, Any], *, code: str = "", at: datetime) -> str:
    """The value of an expression for a sample event, as text. Raises Invalid (expression, event) or FieldErrors.

    What could not be computed for an event is an Invalid at `event`.
    """
    ready = read_expression(text)
    try:
        return plain_text(ready.value(sample_facts(sample, code, at)))
    except NotComputable as problem:
        raise Invalid(problem.message, code="not_computable", field="event") from problem


def sample_properties(field_name: str, expression: str, value: Any = 10) -> dict[str, Any]:
    """What an event of a metric might carry: `value` in each property that it measures or computes with."""
    if not expression:
        return {field_name: value} if field_name else {}
    try:
        return dict.fromkeys(read_expression(expression).properties, value)
    except Invalid:
        return {}


def sample_for(expression: str) -> str:
    """A sample event that an expression can be tried on."""
    properties = sample_properties("", expression) or {"value": 10}
    return json.dumps({"properties": properties}, indent=2, ensure_ascii=False)
