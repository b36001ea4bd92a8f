"""Attempts to be paid by a provider, and what providers told us."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Scoped

OPEN_STATES = ("unknown", "pending", "processing")


class PaymentAttempt(Scoped):
    """One try to be paid by an account for an invoice, or for a payment request with all its invoices.

    `url` is where it can be paid until `expires_at`; `key` makes asking twice harmless; `external_id` is the
    provider's id of the checkout, `money_id` that of the money. `method`: a saved method that is charged without the
    customer; else the customer pays by the link. `payment` is what was recorded, `remittance` the transfer when it is
    for several invoices or more came than was due; `problem` says what of the money could not be recorded, until
    somebody has seen to it.
    """

    PREFIX = "patt"

    invoice = models.ForeignKey(
        "invoicing.Invoice", null=True, on_delete=models.PROTECT, related_name="attempts"
    )
    request = models.ForeignKey(
        "invoicing.PaymentRequest", null=True, on_delete=models.PROTECT, related_name="checkouts"
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="payment_attempts"
    )
    provider = models.ForeignKey(
        "invoicing.PaymentProvider", on_delete=models.PROTECT, related_name="attempts"
    )
    payment = models.OneToOneField(
        "invoicing.Payment", null=True, on_delete=models.PROTECT, related_name="attempt"
    )
    remittance = models.OneToOneField(
        "invoicing.Remittance", null=True, on_delete=models.PROTECT, related_name="attempt"
    )
    method = models.ForeignKey(
        "invoicing.PaymentMethod", null=True, on_delete=models.PROTECT, related_name="attempts"
    )
    amount_minor = models.BigIntegerField()
    currency = CurrencyField()
    state = models.CharField(
        max_length=12,
        choices=[
            ("unknown", "No answer yet"),
            ("pending", "Waits for the customer"),
            ("processing", "Processing"),
            ("successful", "Successful"),
            ("failed", "Failed"),
        ],
        default="unknown",
    )
    reason = models.CharField(max_length=500, blank=True)
    key = models.CharField(max_length=200)
    external_id = models.CharField(max_length=255, blank=True)
    money_id = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    note = models.CharField(max_length=255, blank=True)
    received_minor = models.BigIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField(null=True)
    asked = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "key"], name="payment_attempt_once"),
            models.UniqueConstraint(fields=["request", "key"], name="payment_attempt_of_request_once"),
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, request=None) | Q(invoice=None, request__isnull=False),
                name="payment_attempt_for_one",
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="payment_attempt_there_once",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_attempt_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="payment_attempt_due"),
            models.Index(fields=["organization", "-created_at"], name="payment_attempt_by_time"),
            models.Index(fields=["organization"], condition=~Q(problem=""), name="payment_attempt_problem"),
            models.Index(
                fields=["provider", "money_id"], condition=~Q(money_id=""), name="payment_attempt_by_money"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id or self.reference

    @property
    def reference(self) -> str:
        """What the provider knows it by; letters, digits and a dash are taken everywhere."""
        return f"tarn-{self.pk.hex}"

    @property
    def subject(self) -> Any:
        """What is paid by it: an Invoice or a PaymentRequest."""
        return self.request if self.invoice_id is None else self.invoice

    @property
    def open(self) -> bool:
        """Whether it may still be paid."""
        return self.state in OPEN_STATES


class ProviderEvent(Scoped):
    """A message of a provider, kept once. Never its body, which may hold card data: what it is about, and what we
    made of it.
    """

    PREFIX = "pevt"

    provider = models.ForeignKey("invoicing.PaymentProvider", on_delete=models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=255)
    name = models.CharField(max_length=100)
    reference = models.CharField(max_length=255, blank=True)
    outcome = models.CharField(
        max_length=10,
        choices=[
            ("payment", "About a payment"),
            ("method", "About a saved card"),
            ("unknown", "Not known here"),
        ],
    )
    attempt = models.ForeignKey(PaymentAttempt, null=True, on_delete=models.PROTECT, related_name="events")
    received_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-received_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="provider_event_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["provider", "-received_at"], name="provider_event_by_time"),
        ]

    def __str__(self) -> str:
        return self.name
