"""Wallets: prepaid credits as an append-only ledger."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, ExactField, MinorField
from billing.orm.scoped import Scoped, ScopedQuerySet


class WalletQuerySet(ScopedQuerySet):
    """Wallets by state."""

    def active(self) -> WalletQuerySet:
        """Those that can pay and be topped up."""
        return self.filter(status="active")

    def in_order_of_use(self) -> WalletQuerySet:
        """By priority (1 first), then the oldest."""
        return self.order_by("priority", "created_at", "pk")


class Wallet(Scoped):
    """A customer's prepaid credits. `rate` is the money that one credit is worth, in major units.

    `balance_minor` always equals the sum of the entries and is never below zero.
    """

    PREFIX = "wal"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="wallets")
    name = models.CharField(max_length=100, blank=True)
    currency = CurrencyField()
    rate = ExactField(default=1)
    priority = models.PositiveSmallIntegerField(
        default=50, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    status = models.CharField(
        max_length=12, choices=[("active", "Active"), ("terminated", "Terminated")], default="active"
    )
    balance_minor = MinorField()
    credits_balance = ExactField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    terminated_at = models.DateTimeField(null=True, blank=True)

    objects = WalletQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["priority", "created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(balance_minor__gte=0), name="wallet_balance_not_negative"),
            models.CheckConstraint(condition=Q(credits_balance__gte=0), name="wallet_credits_not_negative"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="wallet_rate_positive"),
            models.CheckConstraint(
                condition=Q(status="active", terminated_at=None)
                | Q(status="terminated", terminated_at__isnull=False, balance_minor=0),
                name="wallet_status",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.currency} wallet"


class EntryKind(models.TextChoices):
    """Why a balance changed."""

    GRANTED = "granted", "Granted"
    PURCHASED = "purchased", "Purchased"
    CONSUMED = "consumed", "Used on an invoice"
    RETURNED = "returned", "Returned from a voided invoice"
    VOIDED = "voided", "Voided"


class WalletEntry(Scoped):
    """One movement. Signed: credits in are positive, credits out negative. Rows are never changed or removed
    (a database trigger refuses it). `key` makes a repeat harmless.
    """

    PREFIX = "wtx"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=12, choices=EntryKind.choices)
    credits = ExactField()
    amount_minor = models.BigIntegerField()
    balance_after_minor = models.BigIntegerField()
    invoice = models.ForeignKey(
        "invoicing.Invoice", null=True, on_delete=models.PROTECT, related_name="wallet_entries"
    )
    reason = models.CharField(max_length=255, blank=True)
    key = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "key"], name="wallet_entry_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["granted", "purchased", "returned"], amount_minor__gte=0)
                | Q(kind__in=["consumed", "voided"], amount_minor__lte=0),
                name="wallet_entry_direction",
            ),
            models.CheckConstraint(condition=Q(balance_after_minor__gte=0), name="wallet_entry_balance"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.credits}"
