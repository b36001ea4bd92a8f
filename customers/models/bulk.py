"""Acts on many customers at once: what was asked, and what came of each row."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class BulkRun(Scoped):
    """One act on a selection. `params` is what the act needs, `query` the list's filters it was started from; the
    rows are fixed when it is confirmed. Its progress is its job's.
    """

    PREFIX = "bulk"

    act = models.CharField(max_length=30)
    params = models.JSONField(default=dict)
    query = models.CharField(max_length=2000, blank=True)
    actor_label = models.CharField(max_length=200)
    total = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    undone_by = models.OneToOneField("self", null=True, on_delete=models.SET_NULL, related_name="undoes")

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.act


class BulkRow(Scoped):
    """What came of one customer. `before` is what an undo needs."""

    PREFIX = "brow"

    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="rows")
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(
        max_length=8,
        choices=[
            ("waiting", "Waiting"),
            ("changed", "Changed"),
            ("skipped", "Skipped"),
            ("failed", "Failed"),
        ],
        default="waiting",
    )
    note = models.CharField(max_length=500, blank=True)
    before = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "customer"], name="bulk_row_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["run", "outcome"], name="bulk_row_by_outcome")]

    def __str__(self) -> str:
        return self.outcome
