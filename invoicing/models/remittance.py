"""Money as it came, when it is for several invoices or for more than is due."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Scoped, ScopedQuerySet

GONE = F("applied_minor") + F("returned_minor") + F("refunding_minor")  # what is not on account any more


class RemittanceQuerySet(ScopedQuerySet):
    """Remittances by what is left of them."""

    def with_rest(self) -> RemittanceQuerySet:
        """Those of which something is still on account."""
        return self.filter(amount_minor__gt=GONE)


class Remittance(Scoped):
    """One transfer of a customer. Its parts are payments, one for each invoice: `applied_minor` is their sum. What is
    neither applied nor given back stays on account (`left_minor`) until it is used for invoices or given back;
    `refunding_minor` is on its way back through a provider, and nobody can use it.
    `key` makes recording it twice harmless.
    """

    PREFIX = "rem"

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="remittances")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    applied_minor = MinorField()
    returned_minor = MinorField()
    refunding_minor = MinorField(db_default=0)
    provider = models.CharField(max_length=30, default="manual")
    reference = models.CharField(max_length=100, blank=True)
    paid_at = models.DateTimeField()
    key = models.CharField(max_length=150)

    objects = RemittanceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-paid_at", "-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="remittance_once"),
            models.CheckConstraint(
                condition=Q(
                    amount_minor__gt=0,
                    applied_minor__gte=0,
                    returned_minor__gte=0,
                    refunding_minor__gte=0,
                    amount_minor__gte=GONE,
                ),
                name="remittance_adds_up",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "customer"],
                condition=Q(amount_minor__gt=GONE),
                name="remittance_with_rest",
            ),
        ]

    def __str__(self) -> str:
        return self.reference or self.public_id

    @property
    def left_minor(self) -> int:
        """What is on account."""
        return int(self.amount_minor - self.applied_minor - self.returned_minor - self.refunding_minor)


class RemittanceReturn(Scoped):
    """Money on account that was given back. `key` makes a repeat harmless."""

    PREFIX = "rrt"

    remittance = models.ForeignKey(Remittance, on_delete=models.PROTECT, related_name="returns")
    amount_minor = models.BigIntegerField()
    currency = CurrencyField()
    reason = models.CharField(max_length=500, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    returned_at = models.DateTimeField()
    key = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["-returned_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["remittance", "key"], name="remittance_return_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="remittance_return_positive"),
        ]

    def __str__(self) -> str:
        return self.reference or self.reason
