"""Choices of the long lists (currencies, countries, time zones, languages), and a select that is quick.

Django renders each option by a template, which costs 30 ms for the 600 time zones; `LongSelect` writes the
options once per process and marks the chosen one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from django import forms
from django.forms.utils import flatatt
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from billing.rules.countries import COUNTRIES
from billing.rules.languages import DOCUMENT_LANGUAGES
from billing.rules.money import CURRENCIES

Choices = Sequence[tuple[str, str]]
ENGLISH = Locale("en")
# Old spellings and abbreviations that the time zone database keeps for compatibility.
REGIONS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


@lru_cache(maxsize=1)
def currencies() -> Choices:
    """("EUR", "EUR · Euro"), by code."""
    return [(code, f"{code} · {ENGLISH.currencies.get(code, code)}") for code in sorted(CURRENCIES)]


@lru_cache(maxsize=1)
def currency_codes() -> Choices:
    """("EUR", "EUR"): for a filter, where the names would be much of the page."""
    return [(code, code) for code in sorted(CURRENCIES)]


@lru_cache(maxsize=1)
def countries() -> Choices:
    """("UG", "Uganda"), by name."""
    named = [(code, ENGLISH.territories[code]) for code in COUNTRIES]
    return sorted(named, key=lambda pair: pair[1].replace("Å", "A"))


@lru_cache(maxsize=1)
def timezones() -> Choices:
    """("Europe/Berlin", "Europe/Berlin"), UTC first."""
    names = sorted(name for name in available_timezones() if name.startswith(REGIONS))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


@lru_cache(maxsize=1)
def languages() -> Choices:
    """("pt-BR", "Portuguese (Brazil)"): languages that documents have words in, by name."""
    named = [(tag, language_name(tag)) for tag in DOCUMENT_LANGUAGES]
    return sorted(named, key=lambda pair: pair[1])


def languages_with(present: str) -> Choices:
    """The same with the present value, which may be a language or a country's form that has no words of its own."""
    if not present or present in DOCUMENT_LANGUAGES:
        return languages()
    words = "" if present.partition("-")[0] in DOCUMENT_LANGUAGES else ", in English words"
    return [*languages(), (present, f"{language_name(present)}{words}")]


def country_name(code: str) -> str:
    """`UG` -> "Uganda"; an unknown code is answered as it is."""
    return str(ENGLISH.territories.get(code, code)) if code else ""


def language_name(tag: str) -> str:
    """`pt-BR` -> "Portuguese (Brazil)"; an unknown tag is answered as it is."""
    try:
        return str(Locale.parse(tag, sep="-").get_display_name(ENGLISH))
    except ValueError:
        return tag


def with_empty(label: str, choices: Iterable[tuple[str, str]]) -> Choices:
    """The choices with an empty one in front that says what empty means."""
    return [("", label), *choices]


@lru_cache(maxsize=32)
def options_html(choices: tuple[tuple[str, str], ...]) -> str:
    """All options, none of them selected."""
    return "".join(f'<option value="{escape(value)}">{escape(label)}</option>' for value, label in choices)


class LongSelect(forms.Select):
    """A select of plain choices. A stored value that the list does not know stays selectable."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        """The select with the option of `value` selected."""
        choices = tuple((str(key), str(label)) for key, label in self.choices)
        chosen = "" if value is None else str(value)
        html = options_html(choices)
        if chosen and all(key != chosen for key, _ in choices):
            html += f'<option value="{escape(chosen)}">{escape(chosen)}</option>'
        mark = f'<option value="{escape(chosen)}"'
        html = html.replace(f"{mark}>", f"{mark} selected>", 1)
        final = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        return format_html("<select{}>{}</select>", flatatt(final), SafeString(html))
