"""The words of e-mails to customers.

For each kind a subject and an introduction with the placeholders of `rules/mail_templates.py`; a billing entity may
have its own instead. `reminder` is for after the due date, `reminder_early` for before it. The words of the facts
below the introduction (number, due date, total) are those of the printed documents (`labels.py`).
"""

from __future__ import annotations

from invoicing.documents.languages import words


def mail_words(language: str) -> dict[str, str]:
    """The words for a language such as `de` or `de-AT`."""
    return words(language).mails
