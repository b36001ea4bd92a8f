"""Reading charge properties: strings to exact decimals, every problem reported with its field.

Laws. An amount is a decimal number written with digits and at most one point ("0.05"), not
negative, with up to 20 digits before and 15 after the point; a whole number may be a JSON integer.
Exponents, signs, NaN, Infinity and JSON fractions (which are binary) are refused. Unknown
properties are refused by name. All problems are collected and raised together.

Example: `{"amount": "-1"}` raises FieldErrors([("amount", "Must not be negative.")]).
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from billing.rules.charges.base import Properties
from billing.rules.errors import FieldErrors

_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,15})?")
_LOOSE = re.compile(r"-?[0-9]*\.?[0-9]*")
NOT_A_NUMBER = 'Must be a number written as text, like "0.05".'


def to_decimal(raw: Any) -> Decimal:
    """The exact number behind `raw`. Raises ValueError with a message for people."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        raise ValueError(NOT_A_NUMBER)
    text = f"{raw:f}" if isinstance(raw, Decimal) else str(raw).strip()
    if _AMOUNT.fullmatch(text):
        return Decimal(text)
    if text.startswith("-") and _AMOUNT.fullmatch(text[1:]):
        raise ValueError("Must not be negative.")
    if len(text) > 15 and _LOOSE.fullmatch(text):
        raise ValueError("Has too many digits (20 before and 15 after the point at most).")
    raise ValueError(NOT_A_NUMBER)


def number_out(value: Decimal) -> str:
    """The decimal as the API writes it: plain digits, no exponent, no needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bound_out(value: Decimal | None) -> int | str | None:
    """A tier bound as the API writes it: whole numbers as JSON integers, others as text."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else number_out(value)


class Reader:
    """Reads the fields of one object and collects the problems under their full path."""

    def __init__(
        self, properties: Any, *, path: str = "", errors: list[tuple[str, str]] | None = None
    ) -> None:
        self.errors = [] if errors is None else errors
        self._path = path
        self._seen: set[str] = set()
        if isinstance(properties, dict):
            self._values: Properties = properties
        else:
            self._values = {}
            self.problem("", "Must be an object.")

    def problem(self, name: str, message: str) -> None:
        path = f"{self._path}.{name}" if self._path and name else self._path or name
        self.errors.append((path or "properties", message))

    def raw(self, name: str) -> Any:
        self._seen.add(name)
        value = self._values.get(name)
        return None if isinstance(value, str) and not value.strip() else value

    def amount(self, name: str, *, default: Decimal | None = None) -> Decimal:
        """A required decimal >= 0, or `default` when the field is absent."""
        raw = self.raw(name)
        if raw is None:
            if default is None:
                self.problem(name, "This field is required.")
            return default or Decimal(0)
        try:
            return to_decimal(raw)
        except ValueError as problem:
            self.problem(name, str(problem))
            return Decimal(0)

    def optional_amount(self, name: str) -> Decimal | None:
        """A decimal >= 0, or None when the field is absent or null."""
        return None if self.raw(name) is None else self.amount(name)

    def count(self, name: str, *, minimum: int, default: int | None = None) -> int:
        """A required whole number of at least `minimum`, or `default` when the field is absent."""
        raw = self.raw(name)
        if raw is None and default is not None:
            return default
        known = len(self.errors)
        value = self.amount(name)
        if len(self.errors) == known:
            if value != value.to_integral_value():
                self.problem(name, "Must be a whole number.")
            elif value < minimum:
                self.problem(name, f"Must be {minimum} or more.")
        return int(value)

    def optional_count(self, name: str, *, minimum: int) -> int | None:
        return None if self.raw(name) is None else self.count(name, minimum=minimum)

    def rows(self, name: str) -> list["Reader"]:
        """A required list of objects; each reader reports under `name[i]`."""
        raw = self.raw(name)
        if not isinstance(raw, list) or not raw:
            self.problem(name, "At least one range is required." if not raw else "Must be a list.")
            return []
        if len(raw) > 1000:
            self.problem(name, "Must be 1,000 ranges or fewer.")
            return []
        return [Reader(row, path=f"{name}[{i}]", errors=self.errors) for i, row in enumerate(raw)]

    def unknown(self, also: Iterable[str] = ()) -> None:
        """Refuse every field that nobody asked for."""
        for name in self._values:
            if name not in self._seen and name not in also:
                self.problem(str(name), "Is not a property of this charge model.")

    def done(self) -> None:
        """Raise what was found."""
        self.unknown()
        if self.errors:
            raise FieldErrors(self.errors, code="invalid_properties")
