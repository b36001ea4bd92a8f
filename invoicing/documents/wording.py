"""Our own sentences on a document, said in its language.

A frozen text that fits a pattern of `phrases.py` is said anew, its numbers as the language writes them. What fits
none (a name, a text typed by staff) stays as it is.

Example: "First 1,000 units" is "Bis 1.000 Einheiten" in German; "Scale, monthly fee" is "Scale, cuota mensual" in
Spanish.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_decimal

from invoicing.documents.languages import WORDS, language_of, words
from invoicing.documents.phrases import LINES, STEPS, UNUSED

HOLE = re.compile(r"\{(\w+)\}")
UNSPACED = ("ja",)  # no blank between a number and its noun
NUMBER = r"-?\d[\d,]*(?:\.\d+)?"


def step_words(label: str, locale: str) -> str:
    """The label of a frozen step in the document's language."""
    return said(STEPS, label, locale)


def line_words(description: str, kind: str, locale: str) -> str:
    """The description of a frozen line, or of what a credit note takes back of it, in the document's language."""
    rows = LINES.get(kind, ())
    if kind == "subscription" and (found := pattern(UNUSED).fullmatch(description)):
        holes = {
            "text": said(rows, found["text"], locale),
            "unused": counted("unused", found["unused"], locale),
        }
        return in_language(UNUSED, locale).format(**holes)
    return said(rows, description, locale)


def said(rows: tuple[str, ...], text: str, locale: str) -> str:
    """The text by the first pattern that it fits; as it is when it fits none."""
    for row in rows:
        found = pattern(row).fullmatch(text)
        if found:
            return in_language(row, locale).format(
                **{name: hole(name, value, locale) for name, value in found.groupdict().items()}
            )
    return text


def in_language(phrase: str, locale: str) -> str:
    """One of our English sentences as the language has it."""
    return words(locale).phrases.get(phrase, phrase)


@lru_cache(maxsize=100)
def pattern(template: str) -> re.Pattern[str]:
    """An English sentence as a pattern with a group for each hole."""

    def group(name: str) -> str:
        if name == "text":
            return "(?P<text>.+)"
        if name == "n":
            return f"(?P<n>{NUMBER})"
        return f"(?P<{name}>{NUMBER} (?:{'|'.join(WORDS['en'].nouns[name].values())}))"

    parts = HOLE.split(template)
    return re.compile(
        "".join(group(part) if i % 2 else re.escape(part) for i, part in enumerate(parts)), re.S
    )


def hole(name: str, value: str, locale: str) -> str:
    """What stands in a hole, in the document's language."""
    if name == "text":
        return value
    return number(value, locale) if name == "n" else counted(name, value, locale)


def counted(name: str, value: str, locale: str) -> str:
    """ "1,000 units" -> "1.000 Einheiten". French counts in the singular up to below two, Polish has four forms."""
    digits = value.split(" ", maxsplit=1)[0]
    code = language_of(locale)
    forms = words(code).nouns[name]
    form = Locale.parse(code.replace("-", "_")).plural_form(amount(digits))
    return f"{number(digits, locale)}{'' if code in UNSPACED else ' '}{forms.get(form, forms['other'])}"


def number(digits: str, locale: str) -> str:
    """ "1,000.5" as the document's locale writes it; the words may be English while the digits are Swedish."""
    value = amount(digits)
    places = max(-int(value.normalize().as_tuple().exponent), 0) if value else 0
    form = "#,##0." + "0" * places if places else "#,##0"
    try:
        where = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        where = Locale("en")
    return format_decimal(value, format=form, locale=where, decimal_quantization=False)


def amount(digits: str) -> Decimal:
    """The number behind English digits."""
    return Decimal(digits.replace(",", ""))
