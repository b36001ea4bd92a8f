"""Demands for several overdue invoices at once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Scoped, ScopedQuerySet
from billing.rules.money import from_minor
from invoicing.rules.payment_requests import OPEN_VALUES, RequestStatus


class RequestOrigin(models.TextChoices):
    """Who asked."""

    MANUAL = "manual", "By hand"
    CAMPAIGN = "campaign", "Campaign"


class PaymentRequestQuerySet(ScopedQuerySet):
    """Requests by where they stand."""

    def open(self) -> PaymentRequestQuerySet:
        """Those for which something is still to come."""
        return self.filter(status__in=OPEN_VALUES)


class PaymentRequest(Scoped):
    """One demand over `amount_minor`, what was due of its invoices when it was made (`parts`) at `requested_at`, by
    the organization's clock. `attempts` counts the e-mails about it, the last one at `last_asked_at`. `token` opens
    the page on which it is paid without signing in. `case` is the chase that asked. `replaced_by` is the newer
    request that holds its invoices. `key` makes asking twice harmless.
    """

    PREFIX = "preq"

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="payment_requests"
    )
    billing_entity = models.ForeignKey("billing.BillingEntity", on_delete=models.PROTECT, related_name="+")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    status = models.CharField(
        max_length=10,
        choices=[(status.value, status.value) for status in RequestStatus],
        default=RequestStatus.PENDING.value,
    )
    origin = models.CharField(
        max_length=10, choices=RequestOrigin.choices, default=RequestOrigin.MANUAL.value
    )
    case = models.ForeignKey(
        "invoicing.DunningCase", null=True, blank=True, on_delete=models.PROTECT, related_name="requests"
    )
    language = models.CharField(max_length=10, default="en")
    note = models.CharField(max_length=1000, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_at = models.DateTimeField()
    last_asked_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(
        max_length=10,
        choices=[
            ("paid", "Paid"),
            ("settled", "Nothing is due any more"),
            ("replaced", "Replaced by a newer request"),
            ("withdrawn", "Withdrawn"),
        ],
        blank=True,
    )
    replaced_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaces"
    )
    token = models.CharField(max_length=64, unique=True)
    key = models.CharField(max_length=200)

    objects = PaymentRequestQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="payment_request_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_request_positive"),
            models.CheckConstraint(
                condition=Q(status__in=OPEN_VALUES, closed_at=None, close_reason="")
                | ~Q(status__in=OPEN_VALUES) & Q(closed_at__isnull=False) & ~Q(close_reason=""),
                name="payment_request_closed_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-requested_at"], name="payment_request_by_time"),
            models.Index(
                fields=["customer"], condition=Q(status__in=OPEN_VALUES), name="payment_request_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{from_minor(self.amount_minor, self.currency):,f} {self.currency}"

    @property
    def open(self) -> bool:
        """Whether something is still to come."""
        return self.status in OPEN_VALUES


class RequestedInvoice(Scoped):
    """An invoice of a request: what was due of it then, and what had come in for it. `open` follows the request, so
    that the database holds an invoice to one open request.
    """

    PREFIX = "prqi"

    request = models.ForeignKey(PaymentRequest, on_delete=models.CASCADE, related_name="parts")
    invoice = models.ForeignKey("invoicing.Invoice", on_delete=models.PROTECT, related_name="requested")
    amount_minor = models.BigIntegerField()
    received_minor = models.BigIntegerField(default=0)
    open = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["created_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "invoice"], name="requested_invoice_once"),
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(open=True), name="requested_invoice_open_once"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="requested_invoice_positive"),
        ]

    def __str__(self) -> str:
        return str(self.invoice)
