"""Amounts, quantities and moments as words for people, in the active language.

Text only; the tags in `templatetags/ui.py` wrap it in HTML. Digits of an amount come from ISO 4217 and not
from CLDR, which drops the minor unit of thirteen currencies (RSD, IQD, MMK …). Nothing here rounds an
amount: minor units go in, every one of them comes out.
"""

from __future__ import annotations

import copy
import re
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal
from django.utils import timezone, translation

from billing.rules.bidi import LEFT_TO_RIGHT, RIGHT_TO_LEFT, with_whole_symbol
from billing.rules.money import exponent, from_minor

UNKNOWN = "\u2013"
MINUS = "\u2212"
LETTER_DIGIT = re.compile(r"([^\W\d_])(?=\d)")


@lru_cache(maxsize=32)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(translation.to_locale(language))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def current_locale() -> Locale:
    """The Babel locale of the active Django language, English when it is unknown."""
    return _locale(translation.get_language() or "en")


@lru_cache(maxsize=512)
def _pattern(locale: Locale, digits: int, code: bool) -> NumberPattern:
    # With the ISO code in front only the number is the locale's; otherwise also where the symbol stands.
    pattern: NumberPattern = copy.copy(
        locale.decimal_formats[None] if code else locale.currency_formats["standard"]
    )
    pattern.frac_prec = (digits, digits)
    return pattern


def money_text(minor: int | None, currency: str, *, code: bool = False) -> str:
    """`1234` EUR -> "€12.34"; with `code` "EUR 12.34"; None is a dash; a real minus."""
    if minor is None or not currency:
        return UNKNOWN
    locale = current_locale()
    value = from_minor(abs(int(minor)), currency)
    pattern = _pattern(locale, exponent(currency), code)
    sign = MINUS if int(minor) < 0 else ""
    if code:
        return f"{currency}\u00a0{sign}{pattern.apply(value, locale)}"
    text = pattern.apply(value, locale, currency=currency, currency_digits=False)
    if text.startswith(RIGHT_TO_LEFT):  # a sign stands before the digits, which are read from the left
        before = f"{RIGHT_TO_LEFT}{LEFT_TO_RIGHT}{sign}" if sign else RIGHT_TO_LEFT
        return f"{before}{with_whole_symbol(text[1:])}"
    return sign + LETTER_DIGIT.sub("\\1\u00a0", text)  # "UGX 18": CLDR's currency spacing


def units_text(value: Decimal | int | str | None) -> str:
    """A quantity or unit price with grouping and no trailing zeros: `Decimal("1200.50")` -> "1,200.5"."""
    if value is None or value == "":
        return UNKNOWN
    number = Decimal(value)
    places = -int(number.normalize().as_tuple().exponent) if number else 0
    form = "#,##0." + "0" * places if places > 0 else "#,##0"
    text = format_decimal(abs(number), format=form, locale=current_locale(), decimal_quantization=False)
    return f"{MINUS}{text}" if number < 0 else text


def zone_of(tz: object) -> tzinfo:
    """A time zone from a name, a tzinfo or None (the active one). Unknown names fall back to UTC."""
    if isinstance(tz, tzinfo):
        return tz
    if isinstance(tz, str) and tz:
        try:
            return ZoneInfo(tz)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")
    return timezone.get_current_timezone()


def day_text(value: date) -> str:
    """`date(2026, 11, 21)` -> "21 Nov 2026"."""
    return format_date(value, format="d MMM y", locale=current_locale())


def moment_text(value: datetime, tz: object = None, *, seconds: bool = False) -> str:
    """An aware moment in a zone: "21 Nov 2026, 14:05"."""
    local = value.astimezone(zone_of(tz))
    return (
        f"{day_text(local.date())}, {local:%H:%M:%S}"
        if seconds
        else f"{day_text(local.date())}, {local:%H:%M}"
    )


def moment_title(value: datetime, tz: object = None) -> str:
    """The exact moment with its zone, for a tooltip: "21 Nov 2026, 14:05:12 Europe/Berlin (UTC+01:00)"."""
    zone = zone_of(tz)
    offset = value.astimezone(zone).strftime("%z")
    return f"{moment_text(value, zone, seconds=True)} {zone} (UTC{offset[:3]}:{offset[3:5]})"
