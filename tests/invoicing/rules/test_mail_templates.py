"""Words of one's own in e-mails: placeholders that are known, and nothing that is code."""

from __future__ import annotations

import pytest

from billing.rules.errors import Invalid
from invoicing.documents.languages import WORDS
from invoicing.rules.mail_templates import KNOWN, PLACEHOLDERS, checked


@pytest.mark.parametrize(
    ("form", "text", "code", "named"),
    [
        ("invoice", "Invoice {nummer}", "unknown_placeholder", "{nummer}"),
        ("invoice", "{number.__class__}", "unknown_placeholder", "{number.__class__}"),
        ("invoice", "{number!r}", "unknown_placeholder", "{number!r}"),
        ("invoice", "{}", "unknown_placeholder", "{number}, {customer}"),
        ("invoice", "{days}", "unknown_placeholder", "{days}"),
        ("credit_note", "{due_date}", "unknown_placeholder", "{due_date}"),
        ("reminder", "{{number}}", "brace", "{days}"),
        ("reminder", "{number", "brace", "{number}"),
        ("reminder", "two\nlines", "invalid", "one line"),
    ],
)
def test_what_is_not_known_is_named(form: str, text: str, code: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked(form, text, "subject")
    assert (caught.value.code, caught.value.field) == (code, "subject")
    assert named in str(caught.value)


def test_what_is_known_passes_without_blanks_around_it() -> None:
    assert checked("reminder", "  {number}: {amount}, {days} {due_date} % $x  ", "subject") == (
        "{number}: {amount}, {days} {due_date} % $x"
    )
    assert checked("invoice", "one\n\ntwo", "intro") == "one\n\ntwo"
    assert checked("invoice", "", "intro") == ""


@pytest.mark.parametrize("form", KNOWN)
def test_our_own_words_pass(form: str) -> None:
    """Every placeholder that we use ourselves is one that others may use."""
    assert set(KNOWN[form]) <= set(PLACEHOLDERS)
    for words in WORDS.values():
        for name in ("subject", "intro"):
            text = words.mails[f"{form}.{name}"]
            assert checked(form, text, name) == text
