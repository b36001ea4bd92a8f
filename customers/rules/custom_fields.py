"""Values of the fields that an organization adds to its customers, by the kind of the field.

Laws. A value has the JSON type of its kind: text, link, choice and date (ISO) are texts, a number is a number with
at most 15 digits, yes or no is a boolean. Texts of a form are read the same way as values of a body. None and an
empty text mean no value.

Example: `value_of(Definition("seats", "Seats", "number"), "12.50")` is 12.5; "many" raises Refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from customers.rules.values import Refused, text, url
from customers.rules.words import listed

MAX_TEXT = 500
MAX_DIGITS = 15
TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class Definition:
    """What a field is called and may hold."""

    code: str
    name: str
    kind: str
    choices: tuple[str, ...] = ()
    required: bool = False


def value_of(field: Definition, value: Any) -> Any:
    """The value in the JSON type of the kind; None for none. Raises Refused."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return READERS[field.kind](field, value)


def _text(field: Definition, value: Any) -> str:
    written = text(value)
    if len(written) > MAX_TEXT:
        raise Refused(f"At most {MAX_TEXT} characters are kept.")
    return written


def _url(field: Definition, value: Any) -> str:
    address = _text(field, url(value))
    try:
        parts = urlsplit(address)
        if not parts.hostname or parts.port == 0 or any(char.isspace() for char in address):
            raise ValueError(address)
    except ValueError:
        raise Refused("Use an address that starts with https://.") from None
    return address


def _number(field: Definition, value: Any) -> int | float:
    try:
        number = Decimal(str(value).strip()) if not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise Refused("Enter a number, with a point for decimals.")
    number = number.normalize()
    if len(number.as_tuple().digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise Refused(f"At most {MAX_DIGITS} digits are kept.")
    return int(number) if number == number.to_integral_value() else float(number)


def _date(field: Definition, value: Any) -> str:
    try:
        day = date.fromisoformat(text(value))
    except ValueError:
        raise Refused("Enter a date such as 2026-11-21.") from None
    if not 1900 <= day.year <= 2999:
        raise Refused("Use a year from 1900 to 2999.")
    return day.isoformat()


def _boolean(field: Definition, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in TRUE | FALSE:
        raise Refused("Send true or false.")
    return word in TRUE


def _choice(field: Definition, value: Any) -> str:
    word = text(value)
    if word not in field.choices:
        raise Refused(f"Use {listed(field.choices) if len(field.choices) > 1 else field.choices[0]}.")
    return word


READERS = {
    "text": _text,
    "number": _number,
    "date": _date,
    "boolean": _boolean,
    "choice": _choice,
    "url": _url,
}


def values_of(
    fields: Sequence[Definition], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The given values by code, and (code, message) of each that is refused or that no field is called."""
    by_code = {field.code: field for field in fields}
    found: dict[str, Any] = {}
    errors = []
    for code, value in given.items():
        if code not in by_code:
            errors.append((code, "There is no such custom field."))
            continue
        try:
            found[code] = value_of(by_code[code], value)
        except Refused as error:
            errors.append((code, str(error)))
    return found, errors


def missing(fields: Sequence[Definition], values: Mapping[str, Any]) -> list[str]:
    """Codes of required fields without a value."""
    return [field.code for field in fields if field.required and values.get(field.code) is None]


def plain_value(field: Definition, value: Any) -> str:
    """The value in words for documents and exports: dates stay ISO, a boolean is Yes or No."""
    if value is None:
        return ""
    if field.kind == "boolean":
        return "Yes" if value else "No"
    return str(value)
