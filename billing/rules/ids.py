"""Public ids: a short prefix that names the noun, an underscore, the 32 hex digits of the UUID.

Law: `decode(p, encode(p, u)) == u`. What is shown is always the prefixed form in lower case; what
is accepted is the prefixed form, the bare UUID and the UUID with dashes, in any case. `cus_` is
accepted for customers because two of the source systems write it so.

Example: `encode("cust", UUID("018f2f6e-7c3b-7cc0-8000-0123456789ab"))` is
`cust_018f2f6e7c3b7cc080000123456789ab`.
"""

import re
from uuid import UUID

PREFIXES: dict[str, str] = {
    "customer": "cust",
    "subscription": "sub",
    "plan": "pln",
    "invoice": "inv",
    "payment": "pay",
    "refund": "ref",
    "credit_note": "cn",
    "wallet": "wal",
    "wallet_transaction": "wtx",
    "event": "evt",
    "webhook": "whk",
    "metric": "met",
    "charge": "chg",
    "plan_price": "prc",
    "add_on": "add",
    "fixed_charge": "fxc",
    "price_change": "pch",
    "coupon": "cpn",
    "applied_coupon": "acp",
    "tax": "tax",
    "billing_entity": "ent",
    "organization": "org",
    "api_key": "key",
    "user": "usr",
    "member": "mem",
    "audit_entry": "aud",
    "job": "job",
    "line": "line",
}

SYNONYMS: dict[str, frozenset[str]] = {"cust": frozenset({"cus"})}

_HEX = re.compile(r"[0-9a-f]{32}")
_DASHED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def encode(prefix: str, value: UUID) -> str:
    """The shown form: `encode("inv", u)` -> "inv_<32 hex>"."""
    return f"{prefix}_{value.hex}"


def decode(prefix: str, text: str) -> UUID | None:
    """The UUID behind any accepted form, or None when the text is none of them.

    A prefix of another noun is refused (None), so that an invoice id never finds a customer.
    """
    rest = text.strip().lower()
    head, underscore, tail = rest.rpartition("_")
    if underscore:
        if head != prefix and head not in SYNONYMS.get(prefix, frozenset()):
            return None
        rest = tail
    if _HEX.fullmatch(rest) or _DASHED.fullmatch(rest):
        return UUID(rest)
    return None
