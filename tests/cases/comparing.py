"""Comparing what the product answers with what a case expects, by the conventions of the cases.

- `_roundN` and `_ceilN` at the end of a name: our figure is rounded to N decimals first.
- Other figures compare as numbers. A figure of more than 12 digits was a binary float once: 12 digits count.
- An object compares by the members that the case names, a list by its items in order. An answer with a way of its own
  (`matches`) compares by that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any, Protocol, runtime_checkable

from tests.cases.given import Unsupported, end_moment, moment

Answers = dict[str, Any]
_ROUNDED = re.compile(r"_(round|ceil)(\d+)$")


@runtime_checkable
class Matching(Protocol):
    """An answer that compares itself."""

    def matches(self, expected: Any) -> bool:
        """Whether it is what the case expects."""


@dataclass(frozen=True)
class Mismatch:
    """One figure that differs."""

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected!r}, got {self.got!r}"


@dataclass(frozen=True)
class Start:
    """An instant at which something begins (None: nothing does)."""

    at: datetime | None

    def matches(self, expected: Any) -> bool:
        return self.at is None if expected is None else self.at == moment(expected)

    def __repr__(self) -> str:
        return f"from {self.at}"


@dataclass(frozen=True)
class End:
    """An exclusive end; the cases name the last second before it."""

    at: datetime | None

    def matches(self, expected: Any) -> bool:
        return self.at is None if expected is None else self.at == end_moment(expected)

    def __repr__(self) -> str:
        return f"up to {self.at}"


@dataclass(frozen=True)
class Share:
    """A fee's share of `parts` coupons, in 5 decimals. Ours sum to the coupons; where each is rounded by itself, the
    last decimal may be another one for each coupon.
    """

    value: Decimal
    parts: int = 1

    def matches(self, expected: Any) -> bool:
        return abs(self.value - Decimal(str(expected))) <= Decimal("0.00001") * self.parts


@dataclass(frozen=True)
class Unordered:
    """A list whose order says nothing."""

    items: Sequence[Any]

    def matches(self, expected: Any) -> bool:
        rest = list(self.items)
        for one in expected:
            found = next((i for i, got in enumerate(rest) if not differences(one, got)), None)
            if found is None:
                return False
            rest.pop(found)
        return not rest


@dataclass(frozen=True)
class Keyed:
    """Rows that are found by the values of `keys`; rows that the case does not name do not matter."""

    rows: Sequence[Answers]
    keys: Sequence[str]
    rounding: Callable[[Decimal], Decimal] | None = None

    def matches(self, expected: Any) -> bool:
        def named(row: Answers) -> list[Any]:
            return [None if row.get(key) is None else str(row[key]) for key in self.keys]

        found = {str(named(row)): row for row in self.rows}
        return all(
            str(named(one)) in found and not differences(one, found[str(named(one))], rounding=self.rounding)
            for one in expected
        )


def differences(
    expected: Any, got: Any, path: str = "", rounding: Callable[[Decimal], Decimal] | None = None
) -> list[Mismatch]:
    """What differs; Unsupported when the case expects what was not answered."""
    if isinstance(got, Keyed) and rounding:
        got = Keyed(got.rows, got.keys, rounding)
    if isinstance(got, Matching):
        return [] if got.matches(expected) else [Mismatch(path, expected, got)]
    if isinstance(expected, dict) and isinstance(got, dict):
        found: list[Mismatch] = []
        for name, value in expected.items():
            key, rounds = answer_of(name, got)
            if key not in got:
                raise Unsupported(f"no answer to {path}{name}")
            found += differences(value, got[key], f"{path}{name}.", rounds or rounding)
        return found
    if isinstance(expected, list) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            return [Mismatch(path, expected, got)]
        return [
            one
            for i, (wanted, answer) in enumerate(zip(expected, got, strict=True))
            for one in differences(wanted, answer, f"{path}[{i}].", rounding)
        ]
    return [] if equal(expected, got, rounding) else [Mismatch(path.rstrip("."), expected, got)]


def answer_of(name: str, answers: Answers) -> tuple[str, Callable[[Decimal], Decimal] | None]:
    """The answer that a name asks for, and how it is rounded."""
    suffix = _ROUNDED.search(name)
    if name in answers or suffix is None:
        return name, None
    how = ROUND_HALF_UP if suffix[1] == "round" else ROUND_CEILING
    step = Decimal(1).scaleb(-int(suffix[2]))
    return name[: suffix.start()], lambda value: value.quantize(step, rounding=how)


def equal(expected: Any, got: Any, rounding: Callable[[Decimal], Decimal] | None = None) -> bool:
    """Two plain values, numbers by their worth."""
    if expected is None or got is None or isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(got, datetime):
        return got == moment(expected)
    if isinstance(got, date):
        return got.isoformat() == expected
    wanted, answer = number(expected), number(got)
    if wanted is None or answer is None:
        return str(expected) == str(got)
    if rounding:
        answer = rounding(answer)
    if len(wanted.as_tuple().digits) > 12:
        with localcontext() as context:
            context.prec = 12
            return +wanted == +answer
    return wanted == answer


def number(value: Any) -> Decimal | None:
    """The number behind a value, or None."""
    if isinstance(value, Decimal | int):
        return Decimal(value)
    if isinstance(value, timedelta):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
