"""What a subscription has been billed for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.orm.scoped import Scoped
from invoicing.models.invoice import Invoice


class InvoicedPeriod(Scoped):
    """A subscription's period that has been put on an invoice. The unique key makes billing idempotent.

    `kind` is `usage` for what was used in [start, end), `fee` for the plan's fee for [start, end), `fixed` for fixed
    charges paid in advance for it (from its start, or from a change of units), `advance` what stays in use of usage
    that is paid in advance, for the period that it begins, `arrears` for fixed charges in arrears where they are not
    billed with usage, `settling` for the minimum commitment of a subscription that ended between two months of its
    period. `closing` on usage: it completes its period (a bill in between does not); on a fee: the subscription ended
    inside it.
    A voided invoice keeps its rows, so no run bills its periods again. An invoice that is made again from it
    (`voided_invoice`) copies its lines and has no rows of its own.
    """

    PREFIX = "ipd"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="periods")
    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.PROTECT, related_name="invoiced_periods"
    )
    kind = models.CharField(
        max_length=8,
        choices=[
            ("usage", "Usage"),
            ("fee", "Fee"),
            ("fixed", "Fixed charges"),
            ("advance", "In advance"),
            ("arrears", "Fixed charges in arrears"),
            ("settling", "Minimum commitment"),
        ],
    )
    start = models.DateTimeField()
    end = models.DateTimeField()
    closing = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription", "kind", "start"], name="period_is_invoiced_once"),
            models.CheckConstraint(condition=Q(end__gte=F("start")), name="period_forward"),
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"
