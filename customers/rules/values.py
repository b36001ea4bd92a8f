"""Kinds of values that a customer's fields hold, each brought to one spelling or refused with what to send instead.

Example: `country(" ug ")` is "UG"; `country("Uganda")` raises Refused; `locale("pt_br")` is "pt-BR".
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from billing.rules.countries import is_country
from billing.rules.money import is_currency
from billing.rules.text import hidden_character

MAX_DAYS = 365
TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-[A-Za-z]{2})?")


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
    """A BCP 47 language tag that Babel knows, such as en, pt-BR or zh-Hant; empty for the billing entity's."""
    tag = text(value).replace("_", "-")
    if not tag:
        return ""
    try:
        if not TAG.fullmatch(tag):
            raise ValueError(tag)
        Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        raise Refused("Use a language tag such as en, fr or pt-BR.") from None
    language, *rest = tag.split("-")
    return "-".join([language.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])


def days(value: Any) -> int | None:
    """0 to 365, or None for the billing entity's."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("Send a whole number of days.")
    if not 0 <= value <= MAX_DAYS:
        raise Refused(f"Use 0 to {MAX_DAYS} days.")
    return value


def flag(value: Any) -> bool:
    """True or false; None is false."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Refused("Send true or false.")
    return value


def choice_or_inherited(value: Any) -> bool | None:
    """True, false, or None for what the billing entity does."""
    return None if value is None else flag(value)


def amount(value: Any) -> Decimal | None:
    """Major units, not negative, or None for none. What the currency allows is checked with the currency."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Refused("Send a number.")
    if value < 0:
        raise Refused("Must not be negative.")
    return Decimal(value)
