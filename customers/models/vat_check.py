"""Checks of VAT numbers: what was asked, what was answered, and what people decided instead."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped


class VatCheckSource(models.TextChoices):
    """Who says so."""

    OFFLINE = "offline", "Format and check digits"
    VIES = "vies", "VIES"
    MANUAL = "manual", "By hand"


class VatCheckState(models.TextChoices):
    """How a check stands."""

    PENDING = "pending", "Pending"
    VALID = "valid", "Valid"
    INVALID = "invalid", "Invalid"
    MANUAL = "manual", "Confirmed by hand"
    FAILED = "failed", "No answer"


class VatCheck(Scoped):
    """One check of one number. At most one is open (pending or manual) per customer.

    `reference` is VIES' consultation number; `fault` its word for why there is no answer; `next_at` when it is asked
    again, or, on a manual one, `expires_at` when it stops counting.
    """

    PREFIX = "vat"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="vat_checks")
    source = models.CharField(max_length=10, choices=VatCheckSource.choices)
    state = models.CharField(max_length=10, choices=VatCheckState.choices)
    number = models.CharField(max_length=50)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fault = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=500, blank=True)
    reference = models.CharField(max_length=50, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-asked_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(state__in=["pending", "manual"]), name="one_open_vat_check"
            ),
            models.CheckConstraint(
                condition=~Q(state="manual") | Q(expires_at__isnull=False) & ~Q(reason=""),
                name="manual_vat_check_has_reason_and_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="vat_check_due"),
            models.Index(fields=["expires_at"], condition=Q(state="manual"), name="vat_override_due"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"
