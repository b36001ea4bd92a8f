"""Who may write the roll-ups of a metric: everybody who takes in events, or one who writes them anew.

Ingestion shares a lock for each metric that it meets, until its transaction ends; whoever changes what the roll-ups
are divided by, or counts them again, waits for it and keeps others out. So an hour is never counted while
events of it are on their way, and no event is rolled up by dimensions that have changed meanwhile. The locks
are kept in memory by PostgreSQL and named by organization and code, because ingestion knows the code before
it has read anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID

from billing.orm.planned import planned

SHARE = "SELECT pg_advisory_xact_lock_shared(key) FROM unnest(%s::bigint[]) AS key"
OWN = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"


def share_roll_ups(organization_id: UUID, codes: Iterable[str]) -> None:
    """Wait until nobody owns the roll-ups of these metrics, and let nobody until the transaction ends."""
    lock(SHARE, organization_id, codes)


def own_roll_ups(organization_id: UUID, codes: Iterable[str]) -> None:
    """Wait for all who take in events of these metrics, and keep others out until the transaction ends."""
    lock(OWN, organization_id, codes)


def lock(sql: str, organization_id: UUID, codes: Iterable[str]) -> None:
    """The locks of these codes, always in one order: two who want several cannot wait for each other."""
    keys = sorted(number(organization_id, code) for code in set(codes))
    with planned() as cursor:
        cursor.execute(sql, ["{" + ",".join(map(str, keys)) + "}"])


def number(organization_id: UUID, code: str) -> int:
    """The name of a metric's lock: 64 bits."""
    digest = blake2b(organization_id.bytes + code.encode(), digest_size=8, person=b"roll-ups").digest()
    return int.from_bytes(digest, signed=True)
