"""Finding rows by their metadata: by a value that was written into an address, where everything is text."""

from __future__ import annotations

import json
from math import isfinite

from django.db.models import Q


def with_value(key: str, value: str) -> Q:
    """Rows whose `metadata` has this value under a key: as a text, or as the number, truth or null that the text
    spells. "1e999", which is more than a float holds, is a text alone: PostgreSQL knows no infinite JSON.
    """
    found = Q(metadata__contains={key: value})
    try:
        typed = json.loads(value, parse_constant=str)
    except ValueError:
        return found
    if isinstance(typed, str | dict | list) or (isinstance(typed, float) and not isfinite(typed)):
        return found
    return found | Q(metadata__contains={key: typed})
