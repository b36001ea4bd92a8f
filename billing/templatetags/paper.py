"""Filters for printed documents: plain text, no markup, in the document's language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from babel.dates import format_skeleton
from django import template

from billing.rules.bidi import isolated
from billing.rules.money import exponent
from billing.web.formats import current_locale, day_text, money_text, units_text, zone_of

register = template.Library()


@register.filter
def plain_money(minor: int | None, currency: str) -> str:
    """Minor units as the document's language writes them."""
    return money_text(minor, currency)


@register.filter
def taken_money(minor: int, currency: str) -> str:
    """What is taken off: with a minus."""
    return money_text(-minor, currency)


@register.filter
def apart(text: object) -> str:
    """A text that is read in its own direction, whatever the document's is: a Latin name in an Arabic document keeps
    its full stop at its end. Such marks stand only where they are needed.
    """
    said = "" if text is None else str(text)
    return isolated(said) if current_locale().text_direction == "rtl" else said


@register.filter
def apart_lines(text: str) -> str:
    """The same for each line of a longer text."""
    return "\n".join(apart(line) for line in text.split("\n"))


@register.filter
def added_price(value: Decimal | None, currency: str) -> str:
    """A flat amount that comes on top of units times price."""
    return apart(f"+ {unit_price(value, currency)}")


@register.filter
def plain_units(value: Decimal | None) -> str:
    """A quantity or rate without markup: one text run in a cell is quicker to set than two."""
    return units_text(value) if value is not None else ""


@register.filter
def plain_day(value: date | None) -> str:
    """A day as the language writes it: "9. März 2026", "2026年3月9日"; in English everywhere "9 Mar 2026"."""
    locale = current_locale()
    if value is None or locale.language == "en":
        return day_text(value) if value else ""
    return str(format_skeleton("yMMMd", value, locale=locale))


@register.filter
def month_text(value: date) -> str:
    """A month in words: "Mar 2026"."""
    return str(format_skeleton("yMMM", value, locale=current_locale()))


@register.filter
def local_day(value: datetime | None, zone: str) -> str:
    """The day on which a moment falls."""
    return plain_day(value.astimezone(zone_of(zone)).date()) if value else ""


@register.filter
def last_day(value: datetime | None, zone: str) -> str:
    """The last day of a period whose end is exclusive."""
    return local_day(value - timedelta(microseconds=1), zone) if value else ""


@register.filter
def unit_price(value: Decimal | None, currency: str) -> str:
    """A price in major units: at least the currency's decimals, and all others that it has up to eight."""
    if value is None:
        return ""
    places = max(exponent(currency), min(8, -int(value.normalize().as_tuple().exponent)))
    rounded = value.quantize(Decimal(1).scaleb(-places))
    text = units_text(rounded)
    digits = exponent(currency)
    if not digits:
        return text
    mark = units_text(Decimal("0.5"))[1]
    whole, _, fraction = text.partition(mark)
    return f"{whole}{mark}{fraction.ljust(digits, '0')}"
