"""Amounts and days as a language writes them, for mails: by Babel, without Django's active language."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from billing.rules.bidi import with_whole_symbol
from billing.rules.money import exponent, from_minor

LETTER_BESIDE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")


@lru_cache(maxsize=100)
def locale_of(language: str) -> Locale:
    """The locale of `de`, `de-AT` or `zh-TW`; English when Babel knows none."""
    try:
        return Locale.parse((language or "en").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def money(minor: int, currency: str, language: str) -> str:
    """123450 EUR is "1.234,50 €" in German; the currency has the digits that it has with us. A code stands apart
    from its number ("UGX 500"), which Babel leaves out: Unicode's TR 35, currencySpacing.
    """
    locale = locale_of(language)
    pattern = locale.currency_formats["standard"]
    digits = exponent(currency)
    text = str(
        format_currency(
            from_minor(minor, currency),
            currency,
            format=pattern.pattern.split(";")[0].replace(
                "#,##0.00", f"#,##0{'.' + '0' * digits if digits else ''}"
            ),
            locale=locale,
            currency_digits=False,
        )
    )
    text = LETTER_BESIDE_DIGIT.sub("\xa0", text)
    return with_whole_symbol(text) if right_to_left(language) else text


def day(value: date, language: str) -> str:
    """A day in words: "10. Januar 2026"."""
    return str(format_date(value, "long", locale=locale_of(language)))


def right_to_left(language: str) -> bool:
    """Whether the language is written from the right."""
    return bool(locale_of(language).text_direction == "rtl")
