"""Expressions: a metric's own small arithmetic, computed once for each event when it is taken in.

The language: `event.properties.NAME` (or `event.properties["any name"]`), `event.timestamp` (Unix seconds with
their fraction), `event.code`, numbers, texts in quotes, + - * /, parentheses, and the functions round(x[, decimals]),
ceil(x[, decimals]), floor(x[, decimals]), abs(x), min(…), max(…), concat(…). There is nothing else: no loop, no name
that is not listed here, and nothing is ever evaluated by Python.

Laws.
- Decimals are exact; only a quotient is cut off, after 100 digits, and a result is rounded half up to 30 decimals.
- A text that looks like a number (`-?digits(.digits)?`) counts as one; true and false are texts.
- What cannot be computed (a missing property, a text where a number is needed, a division by 0) raises
  `NotComputable`, which names the property.
- An expression has at most 500 characters and 50 levels; a mistake is named with its place.

Example: `round(event.properties.bytes / 1024, 2) * 3` with bytes 1536 is 4.5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    localcontext,
)
from functools import lru_cache
from typing import Any

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from billing.rules.aggregation import parse_value
from billing.rules.errors import Invalid
from billing.rules.events import MAX_DIGITS, MAX_VALUE_TEXT
from billing.rules.money import CONTEXT

MAX_LENGTH = 500
MAX_LEVELS = 50
DECIMALS = 30  # what an event's value can hold
FUNCTIONS = "round, ceil, floor, abs, min, max, concat"

_GRAMMAR = r"""
start: sum
?sum: product | sum PLUS product -> operation | sum MINUS product -> operation
?product: signed | product TIMES signed -> operation | product OVER signed -> operation
?signed: atom | MINUS signed -> negative
?atom: NUMBER | TEXT | PROPERTY | CODE | TIMESTAMP | NAME "(" [sum ("," sum)*] ")" -> call | "(" sum ")"
PROPERTY.2: /event\.properties(\.[A-Za-z_][A-Za-z0-9_]*|\[("[^"\n]*"|'[^'\n]*')\])/
CODE.2: /event\.code\b/
TIMESTAMP.2: /event\.timestamp\b/
NUMBER: /[0-9]{1,25}(\.[0-9]{1,30})?/
TEXT: /"[^"\n]*"|'[^'\n]*'/
NAME: /(?!event\b)[A-Za-z_]+/
PLUS: "+"
MINUS: "-"
TIMES: "*"
OVER: "/"
%ignore /\s+/
"""
_PARSER = Lark(_GRAMMAR, parser="lalr")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP, traps=[t for t, on in CONTEXT.traps.items() if on])
_ROUNDINGS = {"round": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
_SOME_INPUTS = {"round": (1, 2), "ceil": (1, 2), "floor": (1, 2), "abs": (1, 1)}

Value = Decimal | str


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What an expression can see of an event."""

    code: str
    timestamp: datetime
    properties: Mapping[str, Any]


class NotComputable(Exception):
    """An event for which the expression has no value: `message` for people, `field` the property at fault."""

    def __init__(self, message: str, field: str = "properties") -> None:
        super().__init__(message)
        self.message, self.field = message, field


Part = Callable[[EventFacts], Value]


@dataclass(frozen=True)
class Expression:
    """A checked expression; make it with `read_expression`. `is_text`: its value can only be a text."""

    text: str
    part: Part
    is_text: bool
    properties: tuple[str, ...]

    def value(self, event: EventFacts) -> Value:
        """The value for an event: a number that an event's value can hold, or a text. Raises NotComputable."""
        try:
            with localcontext(_EXACT):
                found = self.part(event)
                if isinstance(found, str):
                    return _short(found)
                if found and found.adjusted() >= MAX_DIGITS:
                    raise NotComputable(f"The result has more than {MAX_DIGITS} digits before the point.")
                if int(found.as_tuple().exponent) < -DECIMALS:
                    found = found.quantize(Decimal(1).scaleb(-DECIMALS))
                return found + 0
        except DecimalException as error:
            raise NotComputable("The numbers are too large to be computed.") from error

    def number(self, event: EventFacts) -> Decimal:
        """The value for a metric that adds up or compares numbers. Raises NotComputable."""
        found = self.value(event)
        return found if isinstance(found, Decimal) else _number(found, "")


@lru_cache(maxsize=1000)
def read_expression(text: str) -> Expression:
    """Check a text and make it ready. Raises Invalid (field expression) with the place of the mistake."""
    if len(text) > MAX_LENGTH:
        raise _wrong(f"Use at most {MAX_LENGTH} characters.")
    try:
        tree = _PARSER.parse(text)
    except UnexpectedInput as error:
        raise _wrong(_said(text, error)) from error
    except RecursionError as error:
        raise _wrong("Is nested too deeply.") from error
    names: dict[str, None] = {}
    part, is_text = _part(tree.children[0], names, 1)
    return Expression(text, part, is_text, tuple(names))


def _wrong(message: str) -> Invalid:
    return Invalid(message, code="invalid_expression", field="expression")


def _at(token: Token, message: str) -> Invalid:
    return _wrong(f"At character {(token.start_pos or 0) + 1}: {message}")


def _said(text: str, error: UnexpectedInput) -> str:
    """A mistake of the grammar in words."""
    place = error.pos_in_stream if error.pos_in_stream is not None else -1
    if not text.strip():
        return "Enter an expression."
    if place < 0 or place >= len(text) or _is_end(error):
        return f"At character {len(text) + 1}: it ends too early; a value or a “)” is missing."
    rest = text[place:]
    if isinstance(error, UnexpectedCharacters) and rest.startswith("event"):
        return f"At character {place + 1}: use event.properties.NAME, event.timestamp or event.code."
    if rest[0] in "\"'":
        return f"At character {place + 1}: a text is not closed, or stands where an operator is needed."
    word = rest.split()[0][:20]
    return f"At character {place + 1}: “{word}” is not understood here."


def _is_end(error: UnexpectedInput) -> bool:
    token = getattr(error, "token", None)
    return token is not None and token.type == "$END"


def _part(node: Any, names: dict[str, None], level: int) -> tuple[Part, bool]:
    """A node as a function, and whether it can only give a text."""
    if level > MAX_LEVELS:
        raise _wrong(f"Has more than {MAX_LEVELS} levels: take it apart.")
    if isinstance(node, Token):
        return _leaf(node, names)
    children: list[Any] = node.children
    if node.data == "negative":
        sign, inner = children
        part = _numeric(inner, names, level, sign)
        return (lambda event: -part(event)), False
    if node.data == "operation":
        left, operator, right = children
        return _operation(
            str(operator), _numeric(left, names, level, operator), _numeric(right, names, level, operator)
        ), False
    name, *inputs = children
    return _call(name, [given for given in inputs if given is not None], names, level)


def _leaf(token: Token, names: dict[str, None]) -> tuple[Part, bool]:
    if token.type == "NUMBER":
        number = Decimal(str(token))
        return (lambda event: number), False
    if token.type == "TEXT":
        text = str(token)[1:-1]
        return (lambda event: text), parse_value(text) is None
    if token.type == "CODE":
        return (lambda event: event.code), True
    if token.type == "TIMESTAMP":
        return (lambda event: Decimal((event.timestamp - _EPOCH) // _MICROSECOND).scaleb(-6)), False
    name = str(token).removeprefix("event.properties")
    name = name[1:] if name[0] == "." else name[2:-2]
    names[name] = None
    return (lambda event: _property(event.properties, name)), False


def _property(properties: Mapping[str, Any], name: str) -> Value:
    raw: Any = properties.get(name)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int | Decimal):
        return Decimal(raw)
    field = f"properties.{name}"
    if raw is None:
        raise NotComputable(f"The metric's expression needs the property “{name}”, which is missing.", field)
    raise NotComputable(f"The property “{name}” is neither a number nor a text.", field)


def _numeric(node: Any, names: dict[str, None], level: int, near: Token) -> Callable[[EventFacts], Decimal]:
    """A node that must give a number."""
    part, is_text = _part(node, names, level + 1)
    if is_text:
        raise _at(near, "only numbers can be computed with; join texts with concat(…).")
    field = _field_of(node)

    def number(event: EventFacts) -> Decimal:
        found = part(event)
        return found if isinstance(found, Decimal) else _number(found, field)

    return number


def _field_of(node: Any) -> str:
    """The event's property that a node reads, for messages."""
    found: dict[str, None] = {}
    if isinstance(node, Token) and node.type == "PROPERTY":
        _leaf(node, found)
    return f"properties.{next(iter(found))}" if found else "properties"


def _number(text: str, field: str) -> Decimal:
    found = parse_value(text)
    if found is None:
        raise NotComputable(f"“{text[:50]}” is not a number.", field or "properties")
    return found


def _operation(
    operator: str, left: Callable[[EventFacts], Decimal], right: Callable[[EventFacts], Decimal]
) -> Part:
    if operator == "+":
        return lambda event: left(event) + right(event)
    if operator == "-":
        return lambda event: left(event) - right(event)
    if operator == "*":
        return lambda event: left(event) * right(event)

    def divide(event: EventFacts) -> Decimal:
        by = right(event)
        if not by:
            raise NotComputable("The metric's expression divides by 0.")
        return left(event) / by

    return divide


def _call(name: Token, inputs: list[Any], names: dict[str, None], level: int) -> tuple[Part, bool]:
    word = str(name).lower()
    if word not in FUNCTIONS.split(", "):
        raise _at(name, f"there is no function “{str(name)[:20]}”. There are {FUNCTIONS}.")
    least, most = _SOME_INPUTS.get(word, (1, MAX_LEVELS))
    if not least <= len(inputs) <= most:
        wanted = {(1, 1): "one value", (1, 2): "one or two values"}.get((least, most), "a value or more")
        raise _at(name, f"{word} takes {wanted}.")
    if word == "concat":
        parts = [_part(given, names, level + 1)[0] for given in inputs]
        return (lambda event: _short("".join(_text(part(event)) for part in parts))), True
    numbers = [_numeric(given, names, level, name) for given in inputs]
    if word in _ROUNDINGS:
        return _rounding(_ROUNDINGS[word], numbers), False
    if word == "abs":
        return (lambda event: abs(numbers[0](event))), False
    chosen: Callable[[list[Decimal]], Decimal] = min if word == "min" else max
    return (lambda event: chosen([number(event) for number in numbers])), False


def _rounding(way: str, numbers: list[Callable[[EventFacts], Decimal]]) -> Part:
    def rounded(event: EventFacts) -> Decimal:
        places = numbers[1](event) if len(numbers) > 1 else Decimal(0)
        if places != places.to_integral_value() or not -MAX_DIGITS <= places <= DECIMALS:
            raise NotComputable(f"Decimals must be a whole number from -{MAX_DIGITS} to {DECIMALS}.")
        return numbers[0](event).quantize(Decimal(1).scaleb(-int(places)), rounding=way)

    return rounded


def _text(value: Value) -> str:
    """A value as concat writes it: numbers plainly, without needless zeros."""
    if isinstance(value, str):
        return value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _short(text: str) -> str:
    if len(text) > MAX_VALUE_TEXT:
        raise NotComputable(f"The result is longer than {MAX_VALUE_TEXT} characters.")
    return text


def plain_text(value: Value) -> str:
    """A value as people read it."""
    return _text(value)
