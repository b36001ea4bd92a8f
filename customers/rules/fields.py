"""What a customer's fields may hold, whichever door they come through.

Law: values are brought to one spelling (stripped, e-mail in lower case, codes in upper case, words of other
systems translated) and refused by field when they mean nothing. A field that is not given is not touched.

Example: `clean_fields({"country": " ug ", "customer_type": "COMPANY"})` is
`{"country": "UG", "customer_type": "business"}`; `{"country": "Uganda"}` raises FieldErrors naming `country`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from billing.rules.countries import is_country
from billing.rules.errors import FieldErrors
from billing.rules.money import is_currency
from billing.rules.text import hidden_character

TYPES = {
    "business": "business",
    "company": "business",
    "consumer": "consumer",
    "individual": "consumer",
    "unknown": "unknown",
}
TEXTS = (
    "external_id",
    "name",
    "first_name",
    "last_name",
    "phone",
    "legal_name",
    "legal_number",
    "tax_id",
    "address_line1",
    "address_line2",
    "postal_code",
    "city",
    "state",
    "shipping_line1",
    "shipping_line2",
    "shipping_postal_code",
    "shipping_city",
    "shipping_state",
    "preferred_provider",
)
STATUSES = frozenset({"active", "inactive"})
MAX_DAYS = 365
MAX_METADATA_KEYS = 50
MAX_METADATA_KEY = 100
MAX_METADATA_SIZE = 20_000
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


class Refused(ValueError):
    """One value means nothing; the text says what to send instead."""


@lru_cache(maxsize=1)
def timezones() -> frozenset[str]:
    """The IANA names that this machine knows."""
    return frozenset(available_timezones())


def text(value: Any) -> str:
    """One line, stripped; None is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused("Send a text.")
    found = hidden_character(value.strip())
    if found:
        raise Refused(f"Remove the invisible character {found}.")
    return value.strip()


def email(value: Any) -> str:
    """Lower case: addresses are compared without case."""
    return text(value).lower()


def url(value: Any) -> str:
    """A web address; https is assumed when no scheme is given."""
    address = text(value)
    if not address:
        return ""
    if "://" not in address:
        address = f"https://{address}"
    if not address.lower().startswith(("http://", "https://")):
        raise Refused("Use an address that starts with https://.")
    return address


def country(value: Any) -> str:
    """ISO 3166-1 alpha-2, or empty."""
    code = text(value).upper()
    if code and not is_country(code):
        raise Refused("Use a two-letter ISO 3166-1 country code such as DE or UG.")
    return code


def currency(value: Any) -> str:
    """ISO 4217; never empty."""
    code = text(value).upper()
    if not code:
        raise Refused("Choose a currency.")
    if not is_currency(code):
        raise Refused("Use an ISO 4217 currency code such as EUR.")
    return code


def timezone(value: Any) -> str:
    """An IANA name, or empty for the billing entity's."""
    name = text(value)
    if name and name not in timezones():
        raise Refused("Use an IANA time zone such as Europe/Berlin.")
    return name


def locale(value: Any) -> str:
    """A BCP 47 language tag such as en, pt-BR or zh-Hant, or empty for the billing entity's."""
    tag = text(value).replace("_", "-")
    if tag and not LOCALE.fullmatch(tag):
        raise Refused("Use a language tag such as en, fr or pt-BR.")
    return tag


def customer_type(value: Any) -> str:
    """business, consumer or unknown; company and individual are understood."""
    word = text(value).lower() or "unknown"
    if word not in TYPES:
        raise Refused("Use business, consumer or unknown.")
    return TYPES[word]


def status(value: Any) -> str:
    """active or inactive."""
    word = text(value).lower()
    if word not in STATUSES:
        raise Refused("Use active or inactive.")
    return word


def days(value: Any) -> int | None:
    """0 to 365, or None for the billing entity's."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("Send a whole number of days.")
    if not 0 <= value <= MAX_DAYS:
        raise Refused(f"Use 0 to {MAX_DAYS} days.")
    return value


def metadata(value: Any) -> dict[str, Any]:
    """A JSON object of at most 50 keys; values are kept as they are."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused("Send a JSON object of keys and values.")
    if len(value) > MAX_METADATA_KEYS:
        raise Refused(f"At most {MAX_METADATA_KEYS} keys are kept.")
    for key in value:
        if not isinstance(key, str) or not key.strip() or len(key) > MAX_METADATA_KEY:
            raise Refused(f"Keys have 1 to {MAX_METADATA_KEY} characters.")
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()  # a lone surrogate cannot be stored
    except (TypeError, ValueError, RecursionError):
        raise Refused("Send values that JSON can hold.") from None
    if "\\u0000" in written:
        raise Refused("Remove the invisible character U+0000.")
    if len(written) > MAX_METADATA_SIZE:
        raise Refused(f"At most {MAX_METADATA_SIZE:,} characters are kept.")
    return value


CLEANERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(TEXTS, text),
    "email": email,
    "url": url,
    "country": country,
    "shipping_country": country,
    "currency": currency,
    "timezone": timezone,
    "locale": locale,
    "customer_type": customer_type,
    "status": status,
    "net_payment_term_days": days,
    "grace_period_days": days,
    "metadata": metadata,
}


def clean_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields in their one spelling; others pass through. Raises FieldErrors for every bad one."""
    cleaned: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    for name, value in fields.items():
        cleaner = CLEANERS.get(name)
        try:
            cleaned[name] = cleaner(value) if cleaner else value
        except Refused as error:
            errors.append((name, str(error)))
    if errors:
        raise FieldErrors(errors)
    return cleaned
