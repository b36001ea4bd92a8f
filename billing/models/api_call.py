"""What the API remembers of calls: first answers, to be given again to a repeat."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class IdempotentCall(Scoped):
    """The first answer to a POST with an `Idempotency-Key`. Never changed, dropped after a while.

    `place` is method and path, `fingerprint` a digest of query and body; `sealed` is the answer, encrypted, since it
    may hold a secret that is shown only once.
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
