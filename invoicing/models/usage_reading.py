"""What a final bill has seen of the events."""

from __future__ import annotations

from django.db import models

from billing.orm.scoped import ScopedQuerySet


class UsageReading(models.Model):
    """A bill that is final at once with its commit has read the usage of a period: `snapshot` is PostgreSQL's
    `pg_current_snapshot()` just before. An event that was being stored then is neither on the bill nor noted as
    late; `actions/second_looks.py` finds it afterwards and takes the row away. `seen_at`: when the bill was first
    seen to be committed, by the database's clock; `held`: a look has failed and waits for staff.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        "billing.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    period = models.OneToOneField(
        "invoicing.InvoicedPeriod", on_delete=models.CASCADE, related_name="reading"
    )
    snapshot = models.TextField()
    seen_at = models.DateTimeField(null=True)
    held = models.BooleanField(default=False)

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return self.snapshot
