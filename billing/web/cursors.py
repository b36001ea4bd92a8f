"""Walking a long list of the API: a cursor says after which row to go on, so rows that come in meanwhile neither
repeat nor hide others. The order is by creation, ties by id.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from billing.rules.errors import Invalid


def cursor_after(created_at: datetime, key: UUID) -> str:
    """The cursor that goes on after this row."""
    return urlsafe_b64encode(f"{created_at.isoformat()}|{key.hex}".encode()).decode().rstrip("=")


def moment_and_key(cursor: str) -> tuple[datetime, UUID]:
    """The moment and id of the row after which a cursor goes on. Raises Invalid for a text that is none of ours."""
    try:
        moment, _, key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        at, pk = datetime.fromisoformat(moment), UUID(key)
        if at.tzinfo is None:
            raise ValueError(moment)
    except ValueError:
        raise Invalid("This is no cursor: send the nextCursor of the page before.", field="cursor") from None
    return at, pk


def rows_after(rows: Any, cursor: str, *, descending: bool) -> Any:
    """The rows that follow the cursor's. Raises Invalid for a text that is no cursor of ours."""
    at, pk = moment_and_key(cursor)
    way = "lt" if descending else "gt"
    return rows.filter(Q(**{f"created_at__{way}": at}) | Q(created_at=at, **{f"pk__{way}": pk}))
