"""Every language says everything, with the same blanks to fill, and none of it is left in English."""

from __future__ import annotations

import re

import pytest
from babel import Locale
from django.utils import translation

from billing.forms.lists import languages, languages_with
from billing.rules.languages import DOCUMENT_LANGUAGES
from billing.web.formats import money_text
from invoicing.documents.labels import labels
from invoicing.documents.languages import WORDS, Words, language_of
from invoicing.documents.local_text import right_to_left
from invoicing.documents.mails import MailFacts, compose
from invoicing.documents.pdf import render_pdf
from invoicing.documents.phrases import LINES, STEPS, UNUSED
from tests.factories.documents import make_document, make_line, pdf_pages, pdf_text

ENGLISH = WORDS["en"]
PHRASES = {*STEPS, UNUSED, *(row for found in LINES.values() for row in found)}
HOLE = re.compile(r"\{(\w+)\}")
OTHERS = sorted(set(WORDS) - {"en"})
# Texts that are the same in English: names of things, and blanks alone.
SAME = {"Page", "for", "Total", "Subtotal", "E-mail", "Notes", "Description", "Period", "{text}: {unused}"}


def texts(words: Words) -> dict[str, dict[str, str]]:
    """All that a language says, by kind and key."""
    return {
        "labels": words.labels,
        "statement": words.statement,
        "receipt": words.receipt,
        "mails": words.mails,
        "phrases": words.phrases or {phrase: phrase for phrase in PHRASES},
    }


def test_the_forms_offer_the_languages_that_have_words() -> None:
    assert set(DOCUMENT_LANGUAGES) == set(WORDS)
    assert len(DOCUMENT_LANGUAGES) >= 12
    assert {code for code, _ in languages()} == set(WORDS)
    assert languages_with("cs")[-1] == ("cs", "Czech, in English words")
    assert languages_with("de-AT")[-1] == ("de-AT", "German (Austria)")
    assert languages_with("de") == languages()


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_every_text_with_the_same_holes(code: str) -> None:
    for kind, english in texts(ENGLISH).items():
        said = texts(WORDS[code])[kind]
        assert said.keys() == english.keys(), kind
        for key, text in english.items():
            assert said[key].strip(), (kind, key)
            assert sorted(HOLE.findall(said[key])) == sorted(HOLE.findall(text)), (kind, key)


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_is_left_in_english(code: str) -> None:
    left = [
        (kind, key)
        for kind, english in texts(ENGLISH).items()
        for key, text in english.items()
        if texts(WORDS[code])[kind][key] == text and text not in SAME
    ]
    assert left == []


@pytest.mark.parametrize("code", sorted(WORDS))
def test_nouns_have_the_forms_that_numbers_ask_for(code: str) -> None:
    locale = Locale.parse(code.replace("-", "_"))
    asked = {locale.plural_form(number) for number in range(200)}
    for noun, forms in WORDS[code].nouns.items():
        assert asked <= set(forms), noun
        assert "other" in forms
    assert WORDS[code].nouns.keys() == ENGLISH.nouns.keys()


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de-AT", "de"),
        ("pt_BR", "pt-BR"),
        ("pt-AO", "pt"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-Hans", "en"),
        ("no", "nb"),
        ("AR-eg", "ar"),
        ("cs", "en"),
        ("", "en"),
    ],
)
def test_a_locale_finds_its_language(locale: str, language: str) -> None:
    assert language_of(locale) == language


@pytest.mark.parametrize("code", [*DOCUMENT_LANGUAGES, "xx"])
def test_a_document_is_printed_in_its_language(code: str) -> None:
    text = pdf_text(render_pdf(make_document(locale=code)))
    for key in ("invoice", "amount_due", "unit_price"):
        word = labels(code)[key]
        if right_to_left(code):  # poppler gives words in visual order and letters as they are joined
            assert set(word) - set(text) <= {" "}, key
        else:
            assert "".join(word.split()) in "".join(text.split()), key


def test_from_the_right_the_columns_are_mirrored_and_numbers_are_not() -> None:
    lines = [make_line(f"Line {number}", 123456) for number in range(50)]
    pages = pdf_pages(render_pdf(make_document(lines, locale="ar")))
    row = next(row for row in pages[0].splitlines() if "Line 7" in row)
    assert row.index("1,234.56") < row.index("Line 7")
    assert "2026" in pages[0]
    assert "ACM-001-001" in pages[0]


def test_latin_names_and_symbols_stay_in_order_in_arabic() -> None:
    facts = MailFacts("Acme Inc.", "Globex Ltd.", "ACM-1", "USD", 12345)
    said = compose("invoice", "ar", facts)
    assert "\u2068Globex Ltd.\u2069" in said.text and "\u2068ACM-1\u2069" in said.subject
    assert "US$\u200e" in said.text
    assert "\u2068" not in compose("invoice", "en", facts).text
    with translation.override("ar"):
        assert money_text(-12345, "USD") == "\u200f\u200e\u2212123.45\xa0US$\u200e"
        assert money_text(12345, "EUR") == "\u200f123.45\xa0€"
