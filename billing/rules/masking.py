"""Bodies of calls as they may be kept: without what opens anything.

Laws.
- What stands under the name of a secret is covered, whatever it is.
- What looks like a secret is covered wherever it stands: our own keys, names and passwords and long random parts of
  links, parts of a query under the name of a secret, card numbers (all but the last four digits). Ids of objects in
  links stay.

Example: `masked({"name": "A", "credentials": {"secretKey": "x"}})` is `{"name": "A", "credentials": "••••"}`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

COVER = "••••"
SECRET_NAMES = (
    *("secret", "password", "passwd", "passphrase", "passkey", "credential", "authorization", "privatekey"),
    *("apikey", "token", "signature", "cvc", "cvv", "cardnumber", "accountnumber", "iban", "securitycode"),
)
KEYS = re.compile(r"\b((?:[srp]k_(?:live|test)|whsec)_)[A-Za-z0-9+/=_-]{8,}")
IN_LINK = re.compile(r"(?<![A-Za-z0-9_-])(?![a-z]{2,8}_[0-9a-f]{32}(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{24,}")
IN_HOST = re.compile(r"(?<=://)[^/?#\s@]+@")
IN_QUERY = re.compile(r"(?<=[?&])([^=&#\s]+)=[^&#\s]+")
CARD = re.compile(r"(?<!\d)(?<!\d\.)\d(?:[ -]?\d){12,18}(?!\d|\.\d)")


def masked(value: Any) -> Any:
    """Parsed JSON without its secrets."""
    if isinstance(value, dict):
        return {name: COVER if is_secret(name) and item else masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and is_card(str(value)):
        return masked_text(str(value))
    return value


def is_secret(name: str) -> bool:
    """Whether a member of this name holds a secret: `secretKey`, `api_key`, `webhookSecret` …"""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return any(word in plain for word in SECRET_NAMES)


def masked_text(text: str) -> str:
    """Text without what looks like a secret."""
    text = KEYS.sub(lambda found: found.group(1) + COVER, text)
    if "://" in text:
        text = IN_LINK.sub(COVER, IN_HOST.sub(f"{COVER}@", text))
    text = IN_QUERY.sub(covered_part, text)
    return CARD.sub(lambda found: covered_card(found.group()), text)


def masked_query(text: str) -> str:
    """The query of an address, without its secrets."""
    return masked_text(f"?{text}")[1:]


def covered_part(found: re.Match[str]) -> str:
    """A part of a query; covered under the name of a secret, which may be written with signs of per cent."""
    return f"{found[1]}={COVER}" if is_secret(unquote_plus(found[1])) else found[0]


def covered_card(text: str) -> str:
    """A card's last four digits; other numbers stay."""
    digits = re.sub(r"\D", "", text)
    return f"{COVER} {digits[-4:]}" if is_card(digits) else text


def is_card(digits: str) -> bool:
    """Whether digits are the number of a card, by their length and their check digit (Luhn)."""
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()):
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
