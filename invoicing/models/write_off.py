"""What was given up of an invoice: no money came, and none is expected any more."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Scoped


class WriteOffKind(models.TextChoices):
    """Why the rest is given up."""

    SMALL_DIFFERENCE = "small_difference", "Small difference"
    BAD_DEBT = "bad_debt", "Bad debt"
    GOODWILL = "goodwill", "Goodwill"
    OTHER = "other", "Another reason"


class WriteOff(Scoped):
    """The rest of an invoice that was given up, and when that was taken back. At most one of an invoice is in force;
    its amount is the invoice's `written_off_minor`, which counts among what is paid as far as nothing is due of it.
    """

    PREFIX = "wof"

    invoice = models.ForeignKey("invoicing.Invoice", on_delete=models.PROTECT, related_name="write_offs")
    amount_minor = models.BigIntegerField()
    currency = CurrencyField()
    kind = models.CharField(max_length=20, choices=WriteOffKind.choices)
    reason = models.CharField(max_length=500, blank=True)
    written_off_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    key = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["-written_off_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "key"], name="write_off_once"),
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(undone_at=None), name="write_off_one_in_force"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="write_off_positive"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
