"""What staff have changed by hand on a draft: corrected lines, and lines that were added."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import ExactField
from billing.orm.scoped import Scoped
from invoicing.models.invoice import Invoice, LineKind


class LineEdit(Scoped):
    """One line of a draft as somebody wants it. It is applied whenever the draft is computed, and stays as a record
    once the invoice is final.

    `line_key` is the line's (invoicing/rules/adjusting.py:line_key), of an item that was added its own id. `units`
    without `unit_amount` (major units): priced anew by the charge's model. Subscription, charge, filter, group and
    `period_start` say which part of a charge it is, so that its line can be made where nothing was measured.
    `tax_ids` of an added item: the taxes chosen for it, null for the usual ones.
    """

    PREFIX = "edit"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="line_edits")
    line_key = models.UUIDField()
    kind = models.CharField(max_length=12, choices=LineKind.choices)
    name = models.CharField(max_length=1000, blank=True)
    units = ExactField(null=True)
    unit_amount = ExactField(null=True)
    subscription = models.ForeignKey(
        "billing.Subscription", null=True, on_delete=models.PROTECT, related_name="+"
    )
    charge = models.ForeignKey("billing.Charge", null=True, on_delete=models.PROTECT, related_name="+")
    add_on = models.ForeignKey("billing.AddOn", null=True, on_delete=models.PROTECT, related_name="+")
    charge_filter = models.JSONField(null=True)
    charge_group = models.JSONField(null=True)
    period_start = models.DateTimeField(null=True)
    tax_ids = models.JSONField(null=True)

    class Meta:
        ordering: ClassVar = ["created_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "line_key"], name="line_edited_once"),
            models.CheckConstraint(
                condition=(Q(units=None) | Q(units__gte=0)) & (Q(unit_amount=None) | Q(unit_amount__gte=0)),
                name="line_edit_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(unit_amount=None) | Q(units__isnull=False), name="line_edit_price_has_units"
            ),
            models.CheckConstraint(
                condition=Q(units__isnull=False) | ~Q(name=""), name="line_edit_changes_something"
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.line_key)
