"""What the pages of invoices and credit notes share: finding a row, its document, its history."""

from __future__ import annotations

from datetime import date
from typing import Any, cast
from uuid import UUID

from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from billing.actions.clock import now
from billing.models import AuditEntry, Job
from billing.rules.ids import decode
from billing.rules.states import JobState
from billing.web.access import may
from billing.web.activity import timeline_items
from billing.web.formats import money_text
from billing.web.requests import StaffRequest
from invoicing.actions.publish import ask_for_pdf, job_key
from invoicing.models import (
    CreditNote,
    Document,
    Invoice,
    Mail,
    MailState,
    Payment,
    PdfState,
    Receipt,
    Remittance,
    StoredCopy,
)

Billed = Invoice | CreditNote
MOST_HISTORY = 50
MOST_MAILS = 20


def find_invoice(request: StaffRequest, key: UUID) -> Invoice:
    """An invoice of the organization, also of a deleted customer; else 404. Closed ones are not shown."""
    rows = Invoice.objects.of(request.organization).exclude(status="closed")
    return cast(
        Invoice, rows.select_related("customer", "billing_entity", "wallet", "review").get_or_404(pk=key)
    )


def find_credit_note(request: StaffRequest, key: UUID) -> CreditNote:
    """A credit note of the organization, also of a deleted customer; else 404."""
    rows = CreditNote.objects.of(request.organization).select_related("customer", "invoice__billing_entity")
    return cast(CreditNote, rows.get_or_404(pk=key))


def today_of(request: StaffRequest) -> date:
    """The organization's day, in its own zone and by its own clock."""
    return timezone.localtime(now(request.organization)).date()


def customer_named(request: StaffRequest, text: str) -> str:
    """The name of the customer that a filter asks for; the text itself when there is none."""
    key = decode("cust", text)
    customers = apps.get_model("customers", "Customer").objects.of(request.organization)
    found = customers.filter(pk=key).first() if key else None
    return found.display_name if found else text


def document_context(request: StaffRequest, row: Document) -> dict[str, Any]:
    """What `invoicing/document.html` needs: the addresses of the PDF, and the job that makes it.

    `pdf_view` is ready, waiting, failed or none; `issued_url` leads to what a voided document was before;
    `can_retry`: this member may run a failed job again.
    """
    noun = noun_of(row)
    if row.number and PdfState.NONE in (row.pdf_state, row.current_copy.state):
        ask_for_pdf(row)  # old documents are printed when somebody looks at them
    copy, job = row.current_copy, None
    if copy.state in (PdfState.PENDING, PdfState.FAILED):
        jobs = Job.objects.of(request.organization).filter(key=job_key(row, copy))
        job = jobs.order_by("-created_at").first()
    return {
        "document": row,
        "pdf_url": reverse(f"{noun}-pdf", args=[row]),
        "e_invoice_url": ""
        if isinstance(row, Receipt) or row.status == "voided"
        else reverse(f"{noun}-e-invoice", args=[row]),
        "issued_url": reverse(f"{noun}-pdf-issued", args=[row])
        if copy.stamped and row.issued_copy.ready
        else "",
        "poll_url": reverse(f"{noun}-document", args=[row]),
        "pdf_job": job,
        "pdf_view": pdf_view(copy, job),
        "can_retry": may(request.member, "jobs.retry"),
    }


def noun_of(row: Document) -> str:
    """How addresses call a kind of document."""
    if isinstance(row, Receipt):
        return "receipt"
    return "invoice" if isinstance(row, Invoice) else "credit-note"


def find_receipt(request: StaffRequest, key: UUID) -> Receipt:
    """A receipt of the organization, also of a deleted customer; else 404."""
    rows = Receipt.objects.of(request.organization)
    return cast(
        Receipt, rows.select_related("customer", "billing_entity", "payment", "remittance").get_or_404(pk=key)
    )


def pdf_view(copy: StoredCopy, job: Job | None) -> str:
    """What the panel shows: ready, none, failed, or waiting (also while a failed job is being run again)."""
    if copy.state in (PdfState.READY, PdfState.NONE):
        return str(copy.state)
    running = job is not None and job.state in (JobState.QUEUED.value, JobState.RUNNING.value)
    if copy.state == PdfState.PENDING:
        running = job is None or job.state != JobState.FAILED.value
    return "waiting" if running else "failed"


def mail_log(row: Document | Payment | Remittance) -> dict[str, Any]:
    """What `invoicing/mails/log.html` needs; `mail_busy`: one of them is being sent for the first time, and not put
    off for a while.
    """
    mails = list(Mail.objects.of(row.organization_id).about(row).defer("html", "text")[:MOST_MAILS])
    busy = any(mail.state == MailState.WAITING.value and not (mail.attempts or mail.error) for mail in mails)
    return {"mails": mails, "mail_busy": busy}


def history(row: Invoice | CreditNote) -> list[dict[str, Any]]:
    """The audit entries of an invoice or credit note as a timeline, newest first, amounts in words."""
    zone = row.timezone if isinstance(row, Invoice) else row.invoice.timezone
    return history_of(row.organization_id, [row.pk], row.currency, zone)


def history_of(organization: UUID, subjects: list[UUID], currency: str, zone: str) -> list[dict[str, Any]]:
    """The audit entries of what a page is about, as a timeline in that zone."""
    entries = list(AuditEntry.objects.of(organization).filter(subject_id__in=subjects)[:MOST_HISTORY])
    for entry in entries:
        entry.subject_label = ""  # the page is about it
        entry.changes = {
            name: [money_text(value, currency) for value in pair] if name.endswith("_minor") else pair
            for name, pair in entry.changes.items()
        }
    return timeline_items(entries, zone)
