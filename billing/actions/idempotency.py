"""A call of the API that is sent twice is done once: the first answer is kept under the caller's key.

Laws.
- While a call runs, an advisory lock of PostgreSQL stands for its key. The lock ends with the transaction or with the
  connection, so a killed process leaves nothing locked.
- Where a call only writes to the database, its answer is kept in the transaction of what it did: both are there or
  neither. Where it speaks with another system no transaction is held; those actions have keys of their own.
- Only what was done is kept. A refusal has changed nothing, so the same key may try again once its cause is gone.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from billing.clients.http import nothing_outside
from billing.clients.sealed import Unsealable, seal_bytes, unseal_bytes
from billing.models import IdempotentCall
from billing.rules.errors import Conflict

KEPT_FOR = timedelta(hours=48)
DROPPED_AT_ONCE = 5000


@dataclass(frozen=True)
class Call:
    """What is called: `place` is method and path, `fingerprint` stands for query, body and the rights of who asks."""

    organization_id: UUID
    key: str
    place: str
    fingerprint: str

    @property
    def lock_number(self) -> int:
        """The number of its advisory lock."""
        digest = hashlib.sha256(f"idempotency {self.organization_id} {self.key}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(frozen=True)
class Answer:
    """What was answered: the body as text."""

    status: int
    body: str


class Running(Conflict):
    """The first call with this key is not done yet."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__(
            "A call with this Idempotency-Key is still running. Repeat it in a second.",
            code="idempotency_key_in_use",
        )


def first_answer(call: Call) -> Answer | None:
    """What the first call with this key was answered. Conflict (idempotency_key_reused) when it was another call."""
    row = IdempotentCall.objects.filter(organization_id=call.organization_id, key=call.key).first()
    if row is None:
        return None
    if (row.place, row.fingerprint) != (call.place, call.fingerprint):
        where = (
            "with another body or by a key with other rights"
            if row.place == call.place
            else f"for {row.place}"
        )
        raise Conflict(
            f"This Idempotency-Key was used {where}. Use a new key for another call.",
            code="idempotency_key_reused",
            field="Idempotency-Key",
        )
    try:
        return Answer(row.status, zlib.decompress(unseal_bytes(row.sealed)).decode())
    except Unsealable as error:
        raise Conflict(
            "This call was done, but its answer cannot be read any more.", code="idempotency_answer_lost"
        ) from error


def keep(call: Call, answer: Answer) -> None:
    """Remember the answer for whoever repeats the call."""
    IdempotentCall.objects.create(
        organization_id=call.organization_id,
        key=call.key,
        place=call.place,
        fingerprint=call.fingerprint,
        status=answer.status,
        sealed=seal_bytes(zlib.compress(answer.body.encode(), 1)),
    )


@contextmanager
def in_one_transaction(call: Call) -> Iterator[None]:
    """The call together with its answer, in a transaction of their own. Raises Running when another connection does
    the same, and `SpeaksOut`, with everything taken back, as soon as something would leave this machine.
    """
    with transaction.atomic(), nothing_outside():
        if not ask("SELECT pg_try_advisory_xact_lock(%s)", call):
            raise Running()
        yield


@contextmanager
def one_at_a_time(call: Call) -> Iterator[None]:
    """The call without a transaction around it. Raises Running when another connection does the same."""
    if not ask("SELECT pg_try_advisory_lock(%s)", call):
        raise Running()
    try:
        yield
    finally:
        ask("SELECT pg_advisory_unlock(%s)", call)


def ask(statement: str, call: Call) -> bool:
    """A question about the advisory lock of a call."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [call.lock_number])
        return bool(cursor.fetchone()[0])


def drop_old(at: datetime) -> int:
    """Forget answers that are older than `KEPT_FOR`, some thousands at once. How many went."""
    old = IdempotentCall.objects.filter(created_at__lt=at - KEPT_FOR).order_by("created_at")
    keys = list(old.values_list("pk", flat=True)[:DROPPED_AT_ONCE])
    return IdempotentCall.objects.filter(pk__in=keys).delete()[0]
