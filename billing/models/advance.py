"""Charges in advance: events that wait to be billed, and what each of them came to.

Laws. Taking in an event of a metric that some charge bills in advance leaves an `AdvanceEvent` in the same
transaction; billing it takes that away in the transaction that writes its `AdvanceFee`, so no event is lost and none
is billed twice (unique key). Fees of a part follow each other without a gap (unique key), so two workers cannot go on
from the same mark. A fee is never changed but for the invoice that asks for it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.fields import ExactField, MinorField
from billing.orm.scoped import Scoped, ScopedQuerySet


class AdvanceEvent(models.Model):
    """An event that is to be billed at once. `held`: billing it failed, and a job stands for it.

    Its parents are guarded by its event; a constraint would make taking in events wait while its subscription is
    being billed.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        "billing.Organization",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    event_id = models.UUIDField(unique=True)
    held = models.BooleanField(default=False)

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.event_id)


class AdvanceFee(Scoped):
    """What one event costs under a charge in advance, in the subscription's currency.

    `part` names the filter and group it fell into (a digest of both), `charge_filter` and `charge_group` are theirs
    as on an invoice line. The period [period_start, period_end) holds the event, `position` counts its fees.
    `change`: what the event did to the quantity; `units`: what it added, `billed_units` what of that was above the
    highest. `current`, `highest` and `prorated_units` are the mark after it (billing/rules/advance.py). `counts_at`:
    the moment by which the period's invoice gathers it; none where it has an `invoice` of its own or asks for
    nothing.
    """

    PREFIX = "fee"

    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.PROTECT, related_name="advance_fees"
    )
    charge = models.ForeignKey("billing.Charge", on_delete=models.PROTECT, related_name="+")
    event_id = models.UUIDField()
    transaction_id = models.CharField(max_length=255)
    timestamp = models.DateTimeField()
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    part = models.CharField(max_length=32)
    position = models.PositiveIntegerField()
    charge_filter = models.JSONField(null=True)
    charge_group = models.JSONField(null=True)
    change = ExactField(max_digits=55, decimal_places=30)
    units = ExactField(max_digits=55, decimal_places=30)
    billed_units = ExactField(max_digits=55, decimal_places=30)
    amount = ExactField()
    amount_minor = MinorField()
    steps = models.JSONField(default=list)
    current = ExactField(max_digits=55, decimal_places=30)
    highest = ExactField(max_digits=55, decimal_places=30)
    prorated_units = ExactField(max_digits=55, decimal_places=30)
    counts_at = models.DateTimeField(null=True)
    invoice = models.ForeignKey(
        "invoicing.Invoice", null=True, on_delete=models.PROTECT, related_name="advance_fees"
    )

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["charge", "event_id"], name="one_fee_per_event"),
            models.UniqueConstraint(
                fields=["subscription", "charge", "part", "period_start", "position"], name="fees_in_a_row"
            ),
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="fee_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subscription", "counts_at"], name="fee_by_moment"),
            models.Index(fields=["subscription", "period_start"], name="fee_by_period"),
        ]

    def __str__(self) -> str:
        return self.transaction_id
