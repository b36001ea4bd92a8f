"""Between Python and the API's JSON: snake_case and camelCase, exact numbers, times."""

from __future__ import annotations

import json
import keyword
import re
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Dict, List, Mapping, Tuple
from urllib.parse import quote

from pydantic import BaseModel

# What stands in these fields is the caller's own: its keys are neither read nor changed.
VERBATIM = frozenset(
    {
        "metadata",
        "properties",
        "credentials",
        "custom_fields",
        "tax_identifiers",
        "provider_customer_ids",
        "values",
        "filter",
        "fields",
        "grouped_by",
    }
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


def camel(name: str) -> str:
    """`external_id` -> `externalId`; `from_` -> `from`."""
    return _UNDERSCORE.sub(lambda match: match.group(1).upper(), name.rstrip("_"))


def snake(name: str) -> str:
    """`externalId` -> `external_id`; `from` -> `from_`, since an attribute cannot have a keyword's name."""
    text = _HUMP.sub("_", name).lower() if name != name.lower() else name
    return text + "_" if keyword.iskeyword(text) else text


def to_wire(value: Any) -> Any:
    """A body as JSON can hold it. Raises ValueError for NaN and infinities, TypeError for what has no JSON form."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    if isinstance(value, Mapping):
        return {
            camel(name): plain(item) if name in VERBATIM else to_wire(item) for name, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_wire(item) for item in value]
    return scalar(value)


def plain(value: Any) -> Any:
    """The caller's own JSON: keys stay as they are."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return scalar(value)


def scalar(value: Any) -> Any:
    """A number, a text, a time. A Decimal that a JSON number would not carry exactly is sent as text."""
    if value is None or isinstance(value, (bool, str, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("Not a number that can be sent: {!r}".format(value))
        return value
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return scalar(value.value)
    raise TypeError("{} cannot be sent as JSON".format(type(value).__name__))


def exact(value: Decimal) -> Any:
    """An int where it is whole, a float where that prints the same digits, else text."""
    if not value.is_finite():
        raise ValueError("Not a number that can be sent: {}".format(value))
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else format(value, "f")


def moment(value: datetime) -> str:
    """UTC. A time without a timezone is refused: nobody can know which one is meant."""
    if value.tzinfo is None:
        raise ValueError("Give the time a timezone: datetime.now(timezone.utc)")
    return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def to_json(value: Any) -> bytes:
    """The bytes of a body."""
    return json.dumps(to_wire(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        "utf-8"
    )


def read_json(text: bytes) -> Any:
    """An answer with its fractions as exact Decimals. Raises ValueError."""
    return json.loads(text.decode("utf-8"), parse_float=Decimal)


def to_query(values: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """A query: None is left out, lists are joined by commas, `metadata={"key": "value"}` asks for that pair."""
    pairs: List[Tuple[str, str]] = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            pairs += [("{}[{}]".format(camel(name), key), word(item)) for key, item in value.items()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            pairs.append((camel(name), ",".join(word(item) for item in value)))
        else:
            pairs.append((camel(name), word(value)))
    return pairs


def word(value: Any) -> str:
    """One value of a query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    found = scalar(value)
    return found if isinstance(found, str) else str(found)


def path(template: str, *parts: str) -> str:
    """`path("/customers/{}", id)`: an id never leads to another address. Raises ValueError for one that is empty."""
    for part in parts:
        if not isinstance(part, str) or not part.strip() or part in (".", ".."):
            raise ValueError("An id is needed, not {!r}".format(part))
    return template.format(*(quote(part, safe="") for part in parts))


def own(value: Any) -> Any:
    """The caller's own JSON of an answer: fractions as floats again, as they were sent."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: own(item) for name, item in value.items()}
    if isinstance(value, list):
        return [own(item) for item in value]
    return value


def attributes(value: Mapping[str, Any]) -> Dict[str, Any]:
    """An answer's object by attribute names."""
    return {snake(name): item for name, item in value.items()}


def given(**values: Any) -> Dict[str, Any]:
    """The values that are not None: what is not given is not sent."""
    return {name: value for name, value in values.items() if value is not None}
