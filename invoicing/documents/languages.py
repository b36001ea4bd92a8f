"""The languages that documents and e-mails have words in: one file for each in `words/`, found by a locale.

A new language is a file with the same names and keys as the others, a line in `WORDS`, and one in
`billing/rules/languages.py`, which the forms offer. Tests hold the three together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from invoicing.documents.words import ar, de, en, es, fr, it, ja, nb, nl, pl, pt, pt_br, sv, zh_hant


@dataclass(frozen=True)
class Words:
    """What one language says: on invoices and credit notes, on statements of account, on receipts, in e-mails; our
    own sentences by their English (`phrases.py`), and nouns by their plural forms.
    """

    labels: dict[str, str]
    statement: dict[str, str]
    receipt: dict[str, str]
    mails: dict[str, str]
    phrases: dict[str, str]
    nouns: dict[str, dict[str, str]]


def words_in(module: ModuleType) -> Words:
    """The words of a file; English needs no translation of its sentences."""
    phrases = getattr(module, "PHRASES", {})
    return Words(module.LABELS, module.STATEMENT, module.RECEIPT, module.MAILS, phrases, module.NOUNS)


WORDS: dict[str, Words] = {
    "en": words_in(en),
    "de": words_in(de),
    "fr": words_in(fr),
    "es": words_in(es),
    "it": words_in(it),
    "nl": words_in(nl),
    "pt": words_in(pt),
    "pt-BR": words_in(pt_br),
    "pl": words_in(pl),
    "sv": words_in(sv),
    "nb": words_in(nb),
    "ja": words_in(ja),
    "zh-Hant": words_in(zh_hant),
    "ar": words_in(ar),
}
# Spellings of the same language; the rest goes by the part before the first dash.
ALIASES = {"no": "nb", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant"}
BY_TAG = {code.lower(): code for code in WORDS} | ALIASES


@lru_cache(maxsize=200)
def language_of(locale: str) -> str:
    """`de-AT` is "de", `pt_BR` is "pt-BR"; English for a language that has no words here."""
    tag = locale.replace("_", "-").lower()
    while tag and tag not in BY_TAG:
        tag = tag.rpartition("-")[0]
    return BY_TAG.get(tag, "en")


def words(locale: str) -> Words:
    """The words of a locale's language."""
    return WORDS[language_of(locale)]
