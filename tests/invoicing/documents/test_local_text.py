"""Amounts in mails."""

from __future__ import annotations

import pytest

from invoicing.documents.local_text import money


@pytest.mark.parametrize(
    ("minor", "currency", "language", "text"),
    [
        (123450, "EUR", "de", "1.234,50\xa0€"),
        (123450, "EUR", "en", "€1,234.50"),
        (677730, "UGX", "en", "UGX\xa0677,730"),
        (-500, "CHF", "en", "-CHF\xa05.00"),
        (677730, "UGX", "fr", "677\u202f730\xa0UGX"),
        (500, "CAD", "en", "CA$5.00"),
    ],
)
def test_a_code_stands_apart_from_its_number(minor: int, currency: str, language: str, text: str) -> None:
    assert money(minor, currency, language) == text
