"""E-mail addresses that people type, before anything is sent to them.

Laws: an address has no line break, blank or control character, so that no header can be smuggled in; what is twice
stands once, compared without case, in the order of its first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from billing.rules.errors import Invalid

MOST = 20
LONGEST = 254
SHAPE = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
BETWEEN = re.compile(r"[,;\s]+")
BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def split(text: str) -> list[str]:
    """What stands between commas, semicolons, blanks and line breaks."""
    return [part for part in BETWEEN.split(text) if part]


def addresses(values: Iterable[str], field: str) -> list[str]:
    """The addresses once each. Raises `Invalid` with the field and the one that is none."""
    kept: dict[str, str] = {}
    for value in values:
        address = value.strip(" ")
        if not address:
            continue
        if len(address) > LONGEST or not SHAPE.fullmatch(address):
            raise Invalid(
                f"“{one_line(address, 80)}” is no e-mail address.", code="invalid_address", field=field
            )
        kept.setdefault(address.lower(), address)
    if len(kept) > MOST:
        raise Invalid(f"At most {MOST} addresses.", code="too_many_addresses", field=field)
    return list(kept.values())


def one_line(text: str, most: int = 200) -> str:
    """Text for a header: breaks and control characters become a blank."""
    return " ".join(BREAKS.sub(" ", text).split())[:most].strip()
