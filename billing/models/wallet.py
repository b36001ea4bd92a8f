"""Wallets: prepaid credits as an append-only ledger."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from billing.orm.fields import CurrencyField, ExactField, MinorField
from billing.orm.scoped import Scoped, ScopedQuerySet
from billing.rules.wallet_terms import FEE_TYPES
from billing.rules.wallets import LAST_PRIORITY

LISTED = ("currency", "status", "balance_minor", "is_primary", "auto_top_up_enabled", "untouched")


class WalletQuerySet(ScopedQuerySet):
    """Wallets by state."""

    def active(self) -> WalletQuerySet:
        """Those that can pay and be topped up."""
        return self.filter(status="active")

    def in_use(self) -> WalletQuerySet:
        """All but those that were made by themselves and that nobody has touched."""
        return self.filter(untouched=False)

    def untouched(self) -> WalletQuerySet:
        """Those that were made by themselves, without a movement, a sale, a rule or an alert ever since."""
        return self.filter(untouched=True)

    def in_order_of_use(self) -> WalletQuerySet:
        """By priority (1 first), then the oldest."""
        return self.order_by("priority", "created_at", "pk")


class Wallet(Scoped):
    """A customer's prepaid credits. `rate` is the money that one credit is worth, in major units.

    `balance_minor` always equals the sum of the entries. It is never below zero, but for a postpaid customer it may
    go down to minus the credit limit. `is_primary`: the one wallet that a customer always has. Limits that are empty
    do not limit. `auto_top_up_minor` is bought when the balance falls below `low_balance_minor`. `untouched`: opened
    by itself and not used yet; the first movement, sale, alert or change of its rules ends that for good.
    `fee_types` and `metric_ids` limit what it pays for (a match of either is enough; both empty: everything). They
    stand on the row, so that a bill reads them with the balance.
    `ongoing_usage_minor` is what usage on no invoice and drafts would take from it, as looked at `ongoing_at`, and
    `depleted` whether they left nothing (`invoicing/actions/ongoing.py`).
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
    is_primary = models.BooleanField(default=False)
    untouched = models.BooleanField(default=False, editable=False)
    credit_limit_minor = MinorField()
    max_balance_minor = models.BigIntegerField(null=True, blank=True)
    max_single_credit_minor = models.BigIntegerField(null=True, blank=True)
    low_balance_minor = models.BigIntegerField(null=True, blank=True)
    auto_top_up_enabled = models.BooleanField(default=False)
    auto_top_up_minor = models.BigIntegerField(null=True, blank=True)
    fee_types = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    metric_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    terminated_at = models.DateTimeField(null=True, blank=True)
    ongoing_usage_minor = MinorField(editable=False)
    ongoing_at = models.DateTimeField(null=True, blank=True, editable=False)
    depleted = models.BooleanField(default=False, editable=False)

    objects = WalletQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["priority", "created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(credit_limit_minor__gte=0, balance_minor__gte=-F("credit_limit_minor")),
                name="wallet_balance_within_limit",
            ),
            models.CheckConstraint(
                condition=Q(balance_minor__lt=0) | Q(credits_balance__gte=0),
                name="wallet_credits_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(auto_top_up_enabled=False)
                | Q(auto_top_up_minor__gt=0, low_balance_minor__isnull=False),
                name="wallet_auto_top_up_is_whole",
            ),
            models.CheckConstraint(
                condition=(Q(max_balance_minor=None) | Q(max_balance_minor__gt=0))
                & (Q(max_single_credit_minor=None) | Q(max_single_credit_minor__gt=0))
                & (Q(auto_top_up_minor=None) | Q(auto_top_up_minor__gt=0))
                & (Q(low_balance_minor=None) | Q(low_balance_minor__gte=0)),
                name="wallet_limits_make_sense",
            ),
            models.CheckConstraint(
                condition=(
                    Q(low_balance_minor=None)
                    | Q(max_balance_minor=None)
                    | Q(low_balance_minor__lte=F("max_balance_minor"))
                )
                & (
                    Q(auto_top_up_minor=None)
                    | Q(max_single_credit_minor=None)
                    | Q(auto_top_up_minor__lte=F("max_single_credit_minor"))
                ),
                name="wallet_limits_agree",
            ),
            models.UniqueConstraint(
                fields=["customer"], condition=Q(is_primary=True, status="active"), name="one_primary_wallet"
            ),
            models.CheckConstraint(condition=Q(rate__gt=0), name="wallet_rate_positive"),
            models.CheckConstraint(
                condition=Q(fee_types__contained_by=list(FEE_TYPES)), name="wallet_fee_types_known"
            ),
            models.CheckConstraint(
                condition=Q(ongoing_usage_minor__gte=0), name="wallet_ongoing_usage_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(untouched=False) | Q(balance_minor=0, credits_balance=0),
                name="wallet_untouched_is_empty",
            ),
            models.CheckConstraint(
                condition=Q(status="active", terminated_at=None)
                | Q(status="terminated", terminated_at__isnull=False, balance_minor=0),
                name="wallet_status",
            ),
        ]
        indexes: ClassVar = [
            # The list along its order, with what it filters by; most customers never use theirs, so that it has two.
            models.Index(
                fields=["organization", "-created_at", "-id"], include=LISTED, name="wallet_by_creation"
            ),
            models.Index(
                fields=["organization", "-created_at", "-id"],
                include=LISTED,
                condition=Q(untouched=False),
                name="wallet_in_use",
            ),
            # What few wallets have is found at once. The conditions are written as the list asks for them.
            models.Index(
                fields=["organization", "name", "id"], condition=Q(name__gt=""), name="wallet_by_name"
            ),
            models.Index(
                fields=["organization"],
                condition=Q(
                    status="active",
                    untouched=False,
                    low_balance_minor__isnull=False,
                    balance_minor__lt=F("low_balance_minor"),
                ),
                name="wallet_low",
            ),
            models.Index(fields=["organization"], condition=Q(balance_minor__lt=0), name="wallet_negative"),
            models.Index(
                fields=["organization", "status"], condition=~Q(status="active"), name="wallet_ended"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.currency} wallet"

    @property
    def limited(self) -> bool:
        """Whether it pays for some parts of an invoice only."""
        return bool(self.fee_types or self.metric_ids)

    @property
    def ongoing_balance_minor(self) -> int:
        """What is left when all that is used and not billed yet is taken off; it may be below zero."""
        return self.balance_minor - self.ongoing_usage_minor


class WalletActivity(models.Model):
    """The ongoing balances of a customer's wallets are to be looked at. Rows are only added and taken away, never
    changed: what happens while they are being looked at has a row of its own. Without a foreign key in the database:
    its check would let events wait for whoever has locked the customer.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        "billing.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="+", db_constraint=False
    )

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.customer_id)


class EntryKind(models.TextChoices):
    """Why a balance changed."""

    GRANTED = "granted", "Granted"
    PURCHASED = "purchased", "Purchased"
    CONSUMED = "consumed", "Used on an invoice"
    RETURNED = "returned", "Returned from a voided invoice"
    VOIDED = "voided", "Voided"
    EXPIRED = "expired", "Expired"
    SETTLED = "settled", "Settled by invoice"
    MOVED_IN = "moved_in", "Moved in"
    MOVED_OUT = "moved_out", "Moved out"


class WalletEntry(Scoped):
    """One movement. Signed: credits in are positive, credits out negative. Rows are never changed or removed
    (a database trigger refuses it). `key` makes a repeat harmless. What a debit took from which lot, and for which
    line, stands in its `uses`.
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
                condition=Q(kind__in=["granted", "purchased", "returned", "settled"], amount_minor__gte=0)
                | Q(kind__in=["consumed", "voided", "expired"], amount_minor__lte=0)
                | Q(kind__in=["moved_in", "moved_out"]),
                name="wallet_entry_direction",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.credits}"


class WalletLot(Scoped):
    """Credits that came in by one entry, and what is left of them: priority 1 is used first. Promotional ones
    (granted) may expire on a day of their own. The lots of a wallet sum to its balance while that is not negative.
    """

    PREFIX = "lot"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="lots")
    entry = models.OneToOneField(WalletEntry, on_delete=models.PROTECT, related_name="lot")
    promotional = models.BooleanField()
    priority = models.PositiveSmallIntegerField(default=LAST_PRIORITY)
    remaining_minor = MinorField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(remaining_minor__gte=0), name="wallet_lot_not_negative"),
            models.CheckConstraint(
                condition=Q(priority__gte=1, priority__lte=LAST_PRIORITY), name="wallet_lot_priority"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                condition=Q(remaining_minor__gt=0, expires_at__isnull=False),
                name="wallet_lot_expiring",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.remaining_minor} left"
