"""The words of a customer's choices, in the spellings of other systems too.

Example: `customer_type("COMPANY")` is "business", `mode("POSTPAID")` is "postpaid".
"""

from __future__ import annotations

from typing import Any

from customers.rules.values import Refused, text

TYPES = {
    "business": "business",
    "company": "business",
    "consumer": "consumer",
    "individual": "consumer",
    "unknown": "unknown",
}
STATUSES = ("active", "inactive")
BILLING_MODELS = ("prepaid", "postpaid", "hybrid")
MODES = ("prepaid", "postpaid")
PROVIDERS = ("manual", "stripe", "flutterwave", "paystack", "mpesa")


def listed(words: tuple[str, ...]) -> str:
    """`a, b or c`."""
    return f"{', '.join(words[:-1])} or {words[-1]}"


def one_of(value: Any, words: tuple[str, ...]) -> str:
    """The word in lower case."""
    word = text(value).lower()
    if word not in words:
        raise Refused(f"Use {listed(words)}.")
    return word


def customer_type(value: Any) -> str:
    """business, consumer or unknown; company and individual are understood."""
    word = text(value).lower() or "unknown"
    if word not in TYPES:
        raise Refused("Use business, consumer or unknown.")
    return TYPES[word]


def status(value: Any) -> str:
    """active or inactive."""
    return one_of(value, STATUSES)


def billing_model(value: Any) -> str:
    """prepaid, postpaid or hybrid."""
    return one_of(value, BILLING_MODELS)


def mode(value: Any) -> str:
    """prepaid or postpaid."""
    return one_of(value, MODES)


def provider(value: Any) -> str:
    """A payment provider, or empty for none preferred."""
    return one_of(value, PROVIDERS) if text(value) else ""


def providers(value: Any) -> list[str]:
    """Payment providers, each once, in the order of our table."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise Refused("Send a list of payment providers.")
    found = {one_of(item, PROVIDERS) for item in value}
    return [name for name in PROVIDERS if name in found]
