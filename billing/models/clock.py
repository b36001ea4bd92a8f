"""The moves of a sandbox organization's clock."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.orm.scoped import Scoped


class ClockMove(Scoped):
    """The clock goes from one moment to a later one, through everything that falls due between.

    `reached_at` is how far it has come: short of `to_at` while the move runs, and when it was stopped by something
    that failed.
    """

    PREFIX = "clk"

    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    reached_at = models.DateTimeField()
    job = models.ForeignKey("billing.Job", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-to_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(to_at__gt=F("from_at"), reached_at__gte=F("from_at"), reached_at__lte=F("to_at")),
                name="clock_moves_forward",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d %H:%M} to {self.to_at:%Y-%m-%d %H:%M}"
