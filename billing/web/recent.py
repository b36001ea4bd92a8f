"""What a person has looked at last: the newest eight customers, invoices and plans, kept in the session.

Only ids are kept, so that a name is always today's and what was deleted is gone. The session is written only when the
newest one changes.
"""

from __future__ import annotations

from uuid import UUID

from billing.orm.scoped import Scoped
from billing.web.requests import StaffRequest

KEY = "recent"
MOST = 8
NOUNS = frozenset({"customer", "invoice", "plan"})


def remember(request: StaffRequest, noun: str, row: Scoped) -> None:
    """Put the row first."""
    if noun not in NOUNS:
        raise LookupError(f"Nobody shows a recent {noun}.")
    entry = [noun, row.pk.hex, request.organization.pk.hex]
    entries = request.session.get(KEY, [])
    if entries[:1] != [entry]:
        request.session[KEY] = [entry, *(other for other in entries if other != entry)][:MOST]


def recent(request: StaffRequest) -> list[tuple[str, UUID]]:
    """(noun, id) of this organization, the newest first."""
    mine = request.organization.pk.hex
    return [(noun, UUID(key)) for noun, key, owner in request.session.get(KEY, []) if owner == mine]
