"""The words on invoices and credit notes."""

from __future__ import annotations

from invoicing.documents.languages import words


def labels(locale: str) -> dict[str, str]:
    """The words for a locale such as `de` or `de-AT`."""
    return words(locale).labels
