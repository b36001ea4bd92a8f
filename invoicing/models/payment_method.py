"""Ways to pay that customers have left with a provider: cards and accounts that can be charged without them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped, ScopedQuerySet


class MethodKind(models.TextChoices):
    """What is charged."""

    CARD = "card", "Card"
    BANK = "bank", "Bank account"
    OTHER = "other", "Other"


class PaymentMethodQuerySet(ScopedQuerySet):
    """Methods by what can be done with them."""

    def saved(self) -> PaymentMethodQuerySet:
        """Those that were not removed."""
        return self.filter(removed_at=None)


class PaymentMethod(Scoped):
    """A card or account that a provider keeps for us, by its id there; we hold no card data but the last four digits.

    `holder` is whom it belongs to at the provider: Stripe's customer, for the others the e-mail address under which
    it was saved. `mark` tells the same card from another one (Stripe's fingerprint, Paystack's signature): saved
    again, it is the same row. One of a customer's is the default.
    """

    PREFIX = "pmt"

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="payment_methods"
    )
    provider = models.ForeignKey(
        "invoicing.PaymentProvider", on_delete=models.PROTECT, related_name="methods"
    )
    external_id = models.CharField(max_length=255)
    holder = models.CharField(max_length=255)
    mark = models.CharField(max_length=255)
    kind = models.CharField(max_length=5, choices=MethodKind.choices, default=MethodKind.CARD)
    brand = models.CharField(max_length=40, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    expires_on = models.DateField(null=True)
    is_default = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)

    objects = PaymentMethodQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-is_default", "-created_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "customer", "mark"], name="payment_method_once"),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(is_default=True, removed_at=None),
                name="one_default_payment_method",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand or self.get_kind_display()} {f'•••• {self.last4}' if self.last4 else ''}".strip()


class MethodSetup(Scoped):
    """A customer is asked to leave a card at a provider's page. `key` makes asking twice harmless; `method` is what
    came of it.
    """

    PREFIX = "pset"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="method_setups")
    provider = models.ForeignKey("invoicing.PaymentProvider", on_delete=models.PROTECT, related_name="setups")
    method = models.ForeignKey(PaymentMethod, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        max_length=10,
        choices=[("pending", "Waits for the customer"), ("successful", "Saved"), ("failed", "Failed")],
        default="pending",
    )
    reason = models.CharField(max_length=500, blank=True)
    external_id = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    key = models.CharField(max_length=200)
    expires_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "key"], name="method_setup_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="method_setup_due"),
        ]

    def __str__(self) -> str:
        return self.external_id or self.reference

    @property
    def reference(self) -> str:
        """What the provider knows it by."""
        return f"tarn-{self.pk.hex}"
