"""Invoices that somebody should look at again, because the customer turned out to be a business."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from billing.orm.scoped import Scoped, ScopedQuerySet
from invoicing.models.credit_note import CreditNote

SHOWN_FOR = timedelta(days=60)


class InvoiceReviewQuerySet(ScopedQuerySet):
    """Reviews by what is to be done."""

    def current(self, today: date) -> InvoiceReviewQuerySet:
        """Asked for within sixty days, of an invoice in force whose customer is still a business, and without a
        credit note that came afterwards.
        """
        credited = CreditNote.objects.filter(
            invoice=OuterRef("invoice"), status="finalized", created_at__gte=OuterRef("created_at")
        )
        return self.filter(
            ~Exists(credited),
            asked_on__gt=today - SHOWN_FOR,
            invoice__status="finalized",
            invoice__customer__customer_type="business",
            invoice__customer__deleted_at=None,
        )

    def waiting(self) -> InvoiceReviewQuerySet:
        """Those that nobody has marked as reviewed."""
        return self.filter(reviewed_at=None)

    def of_customer(self, customer: Any) -> InvoiceReviewQuerySet:
        """Those of one customer's invoices, oldest first."""
        found = self.filter(invoice__customer=customer).select_related("invoice")
        return found.order_by("invoice__issuing_on", "invoice_id")


class InvoiceReview(Scoped):
    """One invoice that a change of type put in question, and who has looked at it since.

    `batch` names the invoices that were marked together, so that marking them can be taken back together.
    """

    PREFIX = "rev"

    invoice = models.OneToOneField("invoicing.Invoice", on_delete=models.PROTECT, related_name="review")
    asked_on = models.DateField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewer = models.ForeignKey("billing.User", null=True, on_delete=models.SET_NULL, related_name="+")
    reviewer_label = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=500, blank=True)
    batch = models.UUIDField(null=True, blank=True)

    objects = InvoiceReviewQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reviewed_at=None, reviewer=None, reviewer_label="", note="", batch=None)
                | Q(reviewed_at__isnull=False, batch__isnull=False) & ~Q(reviewer_label=""),
                name="invoice_review_has_a_reviewer",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "asked_on"], condition=Q(reviewed_at=None), name="invoice_review_open"
            )
        ]

    def __str__(self) -> str:
        return self.invoice.number or self.public_id
