"""What is remembered of calls of the API: first answers, to be given again to a repeat, and a log."""

from __future__ import annotations

from typing import ClassVar

from django.db import connection, models
from django.utils import timezone

from billing.orm.scoped import Scoped


class IdempotentCall(Scoped):
    """The first answer to a POST with an `Idempotency-Key`. Never changed, dropped after a while.

    `place` is method and path, `fingerprint` a digest of query, body and the caller's scopes; `sealed` is the answer,
    packed and encrypted, since it may hold a secret that is shown only once.
    """

    PREFIX = "idem"

    key = models.CharField(max_length=200)
    place = models.CharField(max_length=2000)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="one_answer_per_idempotency_key"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotent_call_by_age")]

    def __str__(self) -> str:
        return self.place


class ApiCall(Scoped):
    """A call of the API that wanted to change something, whatever became of it. Never changed, dropped after a while.

    `route` is the address without its ids; `code` that of the error; bodies are JSON without their secrets, or a
    remark in brackets why they are not kept. `replayed`: answered from what was kept under its `Idempotency-Key`.
    """

    PREFIX = "call"

    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    route = models.CharField(max_length=200, blank=True)
    query = models.CharField(max_length=1000, blank=True)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60, blank=True)
    request_id = models.CharField(max_length=64)
    api_key = models.ForeignKey(
        "billing.ApiKey", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    key_label = models.CharField(max_length=130)
    address = models.CharField(max_length=45)
    replayed = models.BooleanField(default=False)
    duration_ms = models.PositiveIntegerField()
    request_body = models.TextField(blank=True)
    response_body = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "API call"
        indexes: ClassVar = [
            models.Index(fields=["organization", "-id"], name="api_call_newest_first"),
            models.Index(fields=["request_id"], name="api_call_by_request"),
            models.Index(fields=["created_at"], name="api_call_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


COLUMNS = tuple(str(field.column) for field in ApiCall._meta.concrete_fields)
# One statement, in a transaction that does not wait for the disk: a log may lose its last moment with the machine.
WRITE = f"""
    WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO {ApiCall._meta.db_table} ({", ".join(COLUMNS)})
    SELECT {", ".join(["%s"] * len(COLUMNS))} FROM lazily
"""  # noqa: S608 - names of our own columns


def write_call(call: ApiCall) -> None:
    """Save a new row by the cheapest way there is."""
    call.created_at = call.updated_at = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [getattr(call, field.attname) for field in ApiCall._meta.concrete_fields])
