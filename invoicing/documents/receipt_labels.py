"""The words of receipts: their own, and those that they share with statements of account."""

from __future__ import annotations

from invoicing.documents.languages import words

SHARED = ("invoice", "on_account")


def receipt_labels(locale: str) -> dict[str, str]:
    """The words for a locale such as `de` or `de-AT`."""
    found = words(locale)
    return found.receipt | {key: found.statement[key] for key in SHARED}
