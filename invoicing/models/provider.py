"""Payment providers, and under which id each knows a customer."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from billing.orm.scoped import Kept, Scoped


class ProviderType(models.TextChoices):
    """Which service."""

    STRIPE = "stripe", "Stripe"
    FLUTTERWAVE = "flutterwave", "Flutterwave"
    PAYSTACK = "paystack", "Paystack"
    MPESA = "mpesa", "M-Pesa"
    MANUAL = "manual", "Manual"


class PaymentProvider(Kept):
    """An account with a provider. `credentials` is encrypted; priority 1 comes first."""

    PREFIX = "pprv"

    type = models.CharField(max_length=20, choices=ProviderType.choices)
    name = models.CharField(max_length=100)
    credentials = models.BinaryField(editable=False)
    active = models.BooleanField(default=True)
    priority = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    sync_customers = models.BooleanField(default=True)
    tested_at = models.DateTimeField(null=True)
    test_error = models.CharField(max_length=500, blank=True)
    bad_signatures = models.PositiveIntegerField(default=0)
    bad_signature_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["priority", "created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "name"], condition=Q(deleted_at=None), name="provider_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LinkState(models.TextChoices):
    """Whether the provider knows what we know."""

    SYNCED = "synced", "In step"
    PENDING = "pending", "Waiting"
    FAILED = "failed", "Failed"
    DELETED = "deleted", "Deleted there"


class ProviderLink(Scoped):
    """A customer at a provider. `external_id` is the provider's id, empty until it has one; `sent` is what the
    provider was last told; `drift` {field: [ours, theirs]} as the last comparison found it.
    """

    PREFIX = "plnk"

    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="links")
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="provider_links"
    )
    external_id = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=10, choices=LinkState.choices, default=LinkState.PENDING)
    sent = models.JSONField(default=dict)
    drift = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    compared_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["provider", "created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "customer"], name="one_link_per_provider"),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="provider_customer_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=Q(state__in=["pending", "failed"]), name="provider_link_due"
            ),
            models.Index(fields=["organization", "external_id"], name="provider_link_lookup"),
        ]

    def __str__(self) -> str:
        return self.external_id or "not linked"
