"""What happened, for others to hear of: written in the transaction in which it happened."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class EmittedEvent(Scoped):
    """One event (`customer.created`) with what it says. Never changed."""

    PREFIX = "hook"

    name = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    data = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-at", "-id"], name="emitted_by_time"),
            models.Index(fields=["subject_id", "-at"], name="emitted_by_subject"),
        ]

    def __str__(self) -> str:
        return self.name
