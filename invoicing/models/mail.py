"""E-mails to customers: what was sent, to whom, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped, ScopedQuerySet


class MailKind(models.TextChoices):
    """What an e-mail is about."""

    INVOICE = "invoice", "Invoice"
    CREDIT_NOTE = "credit_note", "Credit note"
    RECEIPT = "receipt", "Receipt"
    REMINDER = "reminder", "Reminder"
    PAYMENT_REQUEST = "payment_request", "Payment request"
    PAYMENT_FAILED = "payment_failed", "Failed payment"


class MailState(models.TextChoices):
    """Where an e-mail stands."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Not sent"


class MailQuerySet(ScopedQuerySet):
    """E-mails by what they are about."""

    def about(self, subject: models.Model) -> MailQuerySet:
        """Those about an invoice, a credit note, a payment or a payment request, newest first."""
        return self.filter(subject_id=subject.pk).order_by("-created_at", "-id")


class Mail(Scoped):
    """An e-mail as it was sent, or is about to be. `key` makes asking twice harmless.

    `to`, `cc` and `bcc` are lists of addresses. `attachments` is [{"of": invoice | credit_note | receipt, "id": hex
    of its key, "form": pdf | ubl | cii}], read when it is sent. `subject_id` is the row that it is about, also one
    for which there is no column here. `attempts` is how often a mail server was asked, `sent_at` when it took it;
    `error` then names those of the addresses for which it did not. Canceled: when its turn came there was no reason
    for it any more (`error` says which).
    """

    PREFIX = "mail"

    billing_entity = models.ForeignKey("billing.BillingEntity", on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="mails")
    kind = models.CharField(max_length=20, choices=MailKind.choices)
    subject_id = models.UUIDField()
    invoice = models.ForeignKey(
        "invoicing.Invoice", null=True, blank=True, on_delete=models.PROTECT, related_name="mails"
    )
    credit_note = models.ForeignKey(
        "invoicing.CreditNote", null=True, blank=True, on_delete=models.PROTECT, related_name="mails"
    )
    payment = models.ForeignKey(
        "invoicing.Payment", null=True, blank=True, on_delete=models.PROTECT, related_name="mails"
    )
    to = models.JSONField(default=list)
    cc = models.JSONField(default=list, blank=True)
    bcc = models.JSONField(default=list, blank=True)
    sender_name = models.CharField(max_length=200, blank=True)
    reply_to = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=10, default="en")
    subject = models.CharField(max_length=300)
    text = models.TextField()
    html = models.TextField()
    attachments = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=8, choices=MailState.choices, default=MailState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    by_label = models.CharField("asked for by", max_length=200)
    key = models.CharField(max_length=200)

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = "e-mail"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="mail_once"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at=None),
                name="mail_sent_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subject_id", "-created_at"], name="mail_by_subject"),
            models.Index(fields=["organization", "-created_at"], name="mail_by_time"),
        ]

    def __str__(self) -> str:
        return self.subject
