"""The words of statements of account."""

from __future__ import annotations

from invoicing.documents.languages import words


def statement_labels(locale: str) -> dict[str, str]:
    """The words for a locale such as `de` or `de-AT`."""
    return words(locale).statement
