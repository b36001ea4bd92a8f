"""How a customer is found where nothing ties a row to it: in bodies of calls, in searches, in labels.

Laws.
- An id, an e-mail and whatever else has eight characters or more is looked for anywhere. Something shorter, and the
  external ID, counts only as a whole value: between quotes, or as a part of an address. What has fewer than three
  characters is not looked for.
- Texts stand in JSON and in addresses in other spellings; each is looked for.
- Of a change in the activity log figures, days and states stay; whatever else is text goes.

Example: "Zoë & Co" is looked for as a whole value, also as "Zo\\u00eb & Co" and "Zo%C3%AB+%26+Co".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

LONG, SHORT = 8, 3
NAMES = ("name", "legal_name", "external_id", "peppol_id", "tax_id", "legal_number", "url", "phone")
ADDRESSES = ("address_line1", "shipping_line1")
MAILS = ("email", "einvoice_email")
WORDS = (*NAMES, *ADDRESSES, *MAILS)  # columns of a customer by which it is known
# Texts of changes that say nothing of a person.
PLAIN = frozenset(
    {
        *("status", "state", "payment_status", "type", "kind", "mode", "interval", "method", "currency"),
        *("customer_type", "vat_status", "outcome", "number", "plan", "billing_model", "amount", "step"),
    }
)


def spellings(word: str) -> set[str]:
    """A text as it stands in a column, in JSON, and in an address."""
    return {
        word,
        json.dumps(word)[1:-1],
        json.dumps(word, ensure_ascii=False)[1:-1],
        quote(word),
        quote_plus(word),
    }


def escaped(text: str) -> str:
    """Text in a regular expression of PostgreSQL: it takes a backslash before signs alone, and may count vowel signs
    of other scripts among the letters.
    """
    return re.sub(r"([!-/:-@\[-^`{-~])", r"\\\1", text)


def pattern(keys: Iterable[UUID], words: Iterable[str], *, whole: Iterable[str] = ()) -> str:
    """A regular expression of PostgreSQL, to be asked without regard to case, for ids in every spelling and words.
    `whole`: those that count as a whole value alone, however long.
    """
    anywhere = {form for key in keys for form in (key.hex, str(key))}
    bounded = {word for word in whole if len(word) >= SHORT}
    for word in {text.strip() for text in words} - bounded:
        if len(word) >= LONG:
            anywhere.add(word)
        elif len(word) >= SHORT:
            bounded.add(word)
    free = {escaped(form) for word in anywhere for form in spellings(word)}
    held = {escaped(form) for word in bounded for form in spellings(word)}
    parts = sorted(free)
    if held:
        parts.append(f'["/=]({"|".join(sorted(held))})(["&?/]|$)')
    return "|".join(parts)


def words_in(values: Mapping[str, Any]) -> set[str]:
    """What a customer with these columns is known by, but for its external ID."""
    found = {str(values.get(name) or "") for name in WORDS if name != "external_id"}
    found.add(f"{values.get('first_name') or ''} {values.get('last_name') or ''}".strip())
    found |= {str(number) for number in (values.get("tax_identifiers") or {}).values()}
    return found - {""}


def scrubbed(changes: Mapping[str, Any], *, instead: str) -> dict[str, list[Any]]:
    """{field: [before, after]} without what is text, but for days, moments and states."""
    return {
        name: [value if stays(name, value) else instead for value in pair] for name, pair in changes.items()
    }


def stays(name: str, value: Any) -> bool:
    """Whether a value of a change says nothing of a person."""
    if value in (None, "", [], {}) or isinstance(value, bool | int | float):
        return True
    return isinstance(value, str) and (name in PLAIN or name.endswith(("_at", "_on", "_minor")))
