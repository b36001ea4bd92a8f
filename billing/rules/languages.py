"""The languages of documents and e-mails: those that have words of ours (`invoicing/documents/words/`).

A customer or billing entity that was given another one keeps it: its amounts and dates are written as that language
does, with English words.
"""

from __future__ import annotations

DOCUMENT_LANGUAGES = (
    *("en", "de", "fr", "es", "it", "nl", "pt", "pt-BR", "pl", "sv", "nb"),
    *("ja", "zh-Hant", "ar"),
)
