"""What a usage event may look like, and the content that tells a repeat from a conflict.

Laws.
- `read_event` takes parsed JSON (numbers exact, as int or Decimal) and answers an `IncomingEvent`, or a
  `Refused` that names the field; it never raises, so one bad event cannot reject the others of its batch.
- A moment is ISO 8601 (without a zone: UTC) or Unix seconds with a fraction, kept to the microsecond, between
  2000 and one day from now.
- Numbers are finite and have at most 25 digits before the point, so that sums always fit.
- `content` covers everything the sender has said and nothing that was filled in here: an event without a
  timestamp has the same content when it is sent again.

Example: `{"transactionId": "t1", "subscriptionId": "s1", "code": "calls", "timestamp": 1741600000.5}` is an
event of 10 March 2025, 09:46:40.5 UTC.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

MAX_TEXT = 255
MAX_VALUE_TEXT = 1000
MAX_KEYS = 50
MAX_DEPTH = 4
MAX_ITEMS = 100
MAX_DIGITS = 25
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECONDS = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,30})?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST = 10**MAX_DIGITS
_FIELDS = frozenset(
    {"transactionId", "subscriptionId", "code", "timestamp", "properties", "preciseTotalAmount"}
)
# The spellings of the two other systems whose events are accepted unchanged.
_SYNONYMS = {
    "transaction_id": "transactionId",
    "subscription_id": "subscriptionId",
    "externalSubscriptionId": "subscriptionId",
    "external_subscription_id": "subscriptionId",
    "precise_total_amount": "preciseTotalAmount",
}


@dataclass(slots=True)
class IncomingEvent:
    """An event as it was sent. `subscription` is an external id or an id; `timestamp` None means now;
    `amount` is the price in major units that the event brings itself (dynamic charges)."""

    transaction_id: str
    subscription: str
    code: str
    timestamp: datetime | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    amount: Decimal | None = None


@dataclass(slots=True)
class Refused:
    """An event that cannot be taken: which field, and why."""

    transaction_id: str
    field: str
    message: str


class _Problem(Exception):
    def __init__(self, where: str, message: str) -> None:
        self.where, self.message = where, message


def read_event(raw: Any, at: datetime) -> IncomingEvent | Refused:
    """One item of parsed JSON as an event. `at` is the moment of reception."""
    transaction_id = ""
    try:
        if not isinstance(raw, dict):
            raise _Problem("", "An event is a JSON object.")
        if not raw.keys() <= _FIELDS:
            raw = _respelled(raw)
        transaction_id = raw.get("transactionId")
        if not isinstance(transaction_id, str):
            transaction_id = ""
        _text("transactionId", raw.get("transactionId"))
        subscription = _text("subscriptionId", raw.get("subscriptionId"))
        code = _text("code", raw.get("code"))
        stamp = raw.get("timestamp")
        properties = raw.get("properties")
        amount = raw.get("preciseTotalAmount")
        event = IncomingEvent(
            transaction_id,
            subscription,
            code,
            None if stamp is None else read_moment(stamp),
            {} if properties is None else properties,
            None if amount is None else _amount(amount),
        )
        _check(event, at)
        return event
    except _Problem as problem:
        return refusal(transaction_id, problem)


def refusal(transaction_id: str, problem: _Problem) -> Refused:
    """The answer for a bad event; what it repeats of the sender's texts can be written as UTF-8."""
    shown, where = (_NOT_STORABLE.sub("\ufffd", text)[:MAX_TEXT] for text in (transaction_id, problem.where))
    return Refused(shown, where, problem.message)


def check_event(event: IncomingEvent, at: datetime) -> Refused | None:
    """What `read_event` checks, for an event made in Python."""
    try:
        _text("transactionId", event.transaction_id)
        _text("subscriptionId", event.subscription)
        _text("code", event.code)
        _check(event, at)
    except _Problem as problem:
        return refusal(event.transaction_id, problem)
    return None


def _respelled(raw: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for key, value in raw.items():
        name = _SYNONYMS.get(key, key)
        if name not in _FIELDS:
            raise _Problem(key[:MAX_TEXT], "Unknown field.")
        if name in named:
            raise _Problem(key, "This field is given twice.")
        named[name] = value
    return named


def _text(where: str, value: Any) -> str:
    if type(value) is not str:
        raise _Problem(where, "This field is required." if value is None else "Must be text.")
    if not value or value.isspace():
        raise _Problem(where, "This field is required.")
    if len(value) > MAX_TEXT:
        raise _Problem(where, f"Must not be longer than {MAX_TEXT} characters.")
    if (not value.isascii() and _NOT_STORABLE.search(value)) or "\x00" in value:
        raise _Problem(where, "Contains characters that cannot be stored.")
    return value


def read_moment(raw: Any) -> datetime:
    """The UTC moment behind ISO 8601 text or Unix seconds; raises `_Problem` on the field `timestamp`."""
    if type(raw) is str:
        text = raw.strip()
        if _ISO.fullmatch(text):
            try:
                moment = datetime.fromisoformat(text)
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            except (ValueError, OverflowError):
                pass
        elif _SECONDS.fullmatch(text):
            return _from_seconds(Decimal(text))
    elif type(raw) is int or (type(raw) is Decimal and raw.is_finite()):
        return _from_seconds(Decimal(raw))
    raise _Problem("timestamp", "Use ISO 8601 (2026-03-10T09:30:00Z) or Unix seconds.")


def _from_seconds(seconds: Decimal) -> datetime:
    if seconds.adjusted() >= 11:  # not abs(): that overflows for 1e999999999
        raise _Problem("timestamp", "Use seconds, not milliseconds, or ISO 8601.")
    try:
        return _EPOCH + int(seconds.scaleb(6)) * _MICROSECOND
    except OverflowError:
        raise _Problem("timestamp", "Use ISO 8601 (2026-03-10T09:30:00Z) or Unix seconds.") from None


def _amount(raw: Any) -> Decimal:
    if type(raw) is str and re.fullmatch(r"-?[0-9]{1,24}(\.[0-9]{1,15})?", raw):
        return Decimal(raw)
    if type(raw) is int or type(raw) is Decimal:
        value = Decimal(raw)
        if value.is_finite() and value.adjusted() < 24 and int(value.as_tuple().exponent) >= -15:
            return value
    raise _Problem("preciseTotalAmount", 'Must be a number such as "12.345678", 15 decimals at most.')


def _check(event: IncomingEvent, at: datetime) -> None:
    stamp = event.timestamp
    if stamp is not None:
        if stamp > at + AHEAD:
            raise _Problem("timestamp", "Lies more than one day in the future.")
        if stamp < EARLIEST:
            raise _Problem("timestamp", "Lies before the year 2000.")
    properties = event.properties
    if type(properties) is not dict:
        raise _Problem("properties", "Must be a JSON object.")
    if len(properties) > MAX_KEYS:
        raise _Problem("properties", f"Must not have more than {MAX_KEYS} keys.")
    for key, value in properties.items():
        kind = type(value)
        plain = key.isascii() and key.isprintable() and len(key) <= MAX_TEXT
        if plain and (
            (kind is int and -_LARGEST < value < _LARGEST)
            or (kind is str and len(value) <= MAX_VALUE_TEXT and value.isascii() and value.isprintable())
        ):
            continue
        _check_value(f"properties.{key[:MAX_TEXT]}", key, value, 1)


def _check_value(where: str, key: str, value: Any, depth: int) -> None:
    """The slow and complete check of one property; `where` names it in the message."""
    if not isinstance(key, str) or len(key) > MAX_TEXT or _NOT_STORABLE.search(key):
        raise _Problem("properties", "Contains a key that is too long or cannot be stored.")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if len(value) > MAX_VALUE_TEXT:
            raise _Problem(where, f"Must not be longer than {MAX_VALUE_TEXT} characters.")
        if _NOT_STORABLE.search(value):
            raise _Problem(where, "Contains characters that cannot be stored.")
    elif isinstance(value, int | Decimal):
        _check_number(where, Decimal(value) if isinstance(value, Decimal) else value)
    elif isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            raise _Problem(where, f"Must not be nested more than {MAX_DEPTH} levels deep.")
        if len(value) > MAX_ITEMS:
            raise _Problem(where, f"Must not have more than {MAX_ITEMS} items.")
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            inner = f"{where}.{name}" if isinstance(value, dict) else f"{where}[{name}]"
            _check_value(inner[:MAX_TEXT], name if isinstance(name, str) else "item", item, depth + 1)
    else:
        raise _Problem(where, "Must be text, a number, true, false, null, an object or a list.")


def _check_number(where: str, value: int | Decimal) -> None:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise _Problem(where, "Must be a finite number.")
        parts = value.as_tuple()
        too_small = int(parts.exponent) < -50 or len(parts.digits) > 60
        if too_small or (value and value.adjusted() >= MAX_DIGITS):
            raise _Problem(where, f"Must not have more than {MAX_DIGITS} digits.")
    elif abs(value) >= _LARGEST:
        raise _Problem(where, f"Must not have more than {MAX_DIGITS} digits.")
