"""Counters that hand out document numbers without a gap."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class Sequence(Scoped):
    """The last number of one series. Locked, raised and used in the transaction that issues the document, so
    a rollback gives the number back: never MAX()+1, never a gap.
    """

    PREFIX = "seq"

    key = models.CharField(max_length=120)
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="one_counter_per_series"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.last}"
