"""Acts on many invoices at once: what was asked, and what came of each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped


class InvoiceRun(Scoped):
    """One act on a selection of invoices. `params` is what the act needs and who asked, `query` the list's filters it
    was started from; the rows are fixed when it is confirmed. `file` is the archive that it packed, kept until
    `file_expires_at`.
    """

    PREFIX = "irun"

    act = models.CharField(max_length=20)
    params = models.JSONField(default=dict)
    query = models.CharField(max_length=2000, blank=True)
    actor_label = models.CharField(max_length=200)
    key = models.CharField(max_length=100)
    total = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    file = models.FileField(upload_to="archives/", blank=True, max_length=255)
    file_bytes = models.PositiveBigIntegerField(default=0)
    file_expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="invoice_run_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-created_at"], name="invoice_run_list"),
            models.Index(fields=["file_expires_at"], condition=~Q(file=""), name="invoice_run_files"),
        ]

    def __str__(self) -> str:
        return self.act


class RunOutcome(models.TextChoices):
    """What came of an invoice in a run."""

    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    SKIPPED = "skipped", "Left out"
    FAILED = "failed", "Failed"


class InvoiceRunRow(Scoped):
    """What came of one invoice. It outlives a draft that is deleted: `label` is what it was called."""

    PREFIX = "irow"

    run = models.ForeignKey(InvoiceRun, on_delete=models.CASCADE, related_name="rows")
    invoice = models.ForeignKey("invoicing.Invoice", null=True, on_delete=models.SET_NULL, related_name="+")
    label = models.CharField(max_length=60)
    outcome = models.CharField(max_length=8, choices=RunOutcome.choices, default=RunOutcome.WAITING)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "invoice"], name="invoice_run_row_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["run", "outcome"], name="invoice_run_row_outcome")]

    def __str__(self) -> str:
        return self.outcome
