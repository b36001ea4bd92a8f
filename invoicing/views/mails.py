"""E-mails with documents: the drawer that sends one, its preview, the log, and one that was sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from csp.decorators import csp_replace
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.letters import LETTER, letter_answer
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.mail import mails_customers, send_again
from invoicing.actions.mail_documents import document_text, send_document_mail
from invoicing.actions.publish import ask_for_pdf
from invoicing.forms.mails import MailForm
from invoicing.models import CreditNote, Document, Invoice, Mail, MailKind, Receipt
from invoicing.queries.mail_facts import addresses_of, document_files, file_names, letterhead_of
from invoicing.queries.mail_files import logo_of
from invoicing.views.frame import find_credit_note, find_invoice, find_receipt, noun_of

MOST_NOTE = 1000


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def send_invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer that sends an invoice."""
    return drawer(request, find_invoice(request, id))


@require_http_methods(["GET", "POST"])
@access("credit_notes.edit")
def send_credit_note(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer that sends a credit note."""
    return drawer(request, find_credit_note(request, id))


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def send_receipt(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer that sends a receipt."""
    return drawer(request, find_receipt(request, id))


@require_safe
@access("invoices.edit")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def receipt_preview(request: StaffRequest, id: UUID) -> HttpResponse:
    """The e-mail with a receipt as it would look."""
    return preview(request, find_receipt(request, id))


@require_safe
@access("invoices.edit")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def invoice_preview(request: StaffRequest, id: UUID) -> HttpResponse:
    """The e-mail with an invoice as it would look, `?language=` and `?note=` as typed."""
    return preview(request, find_invoice(request, id))


@require_safe
@access("credit_notes.edit")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def credit_note_preview(request: StaffRequest, id: UUID) -> HttpResponse:
    """The e-mail with a credit note as it would look."""
    return preview(request, find_credit_note(request, id))


def preview(request: StaffRequest, row: Document) -> HttpResponse:
    """The letter alone."""
    note = request.GET.get("note", "")[:MOST_NOTE]
    text = document_text(row, document_files(row), language=request.GET.get("language", ""), note=note)
    return letter_answer(text.html, logo_of(letterhead_of(row).billing_entity))


def page_of_document(row: Document) -> str:
    """The page on which a document is read: a receipt's is that of its money."""
    if not isinstance(row, Receipt):
        return reverse(noun_of(row), args=[row])
    return (
        reverse("payment", args=[row.payment])
        if row.payment
        else reverse("remittance", args=[row.remittance])
    )


def drawer(request: StaffRequest, row: Document) -> HttpResponse:
    """To whom, in which language; below it the e-mail as it will look, which follows what is typed."""
    noun, back = noun_of(row), page_of_document(row)
    own, entity = letterhead_of(row).locale, letterhead_of(row).billing_entity
    posted = request.POST if request.method == "POST" else None
    form = MailForm(posted, known=addresses_of(row.customer), language=own)
    refused = refusal(row)
    sees = request.htmx.target == "mail-preview" or "preview" in request.POST
    if posted is not None and not refused and not sees and form.is_valid() and sent(request, row, form):
        to = ", ".join(form.cleaned_data["to"])
        return done(request, back, f"The e-mail to {to} is on its way.")
    language, note = form["language"].value() or own, (form["note"].value() or "")[:MOST_NOTE]
    context: dict[str, Any] = {
        "document": row,
        "form": form,
        "back_url": back,
        "action_url": reverse(f"{noun}-send", args=[row]),
        "frame_url": f"{reverse(f'{noun}-mail', args=[row])}?{urlencode({'language': language, 'note': note})}",
        "entity": entity,
        "sender": entity.legal_name or entity.name,
        "refused": refused,
        "noun": noun.replace("-", " "),
    }
    if not refused:
        files = document_files(row)
        context["files"] = file_names(files, row.number)
        context["text"] = document_text(row, files, language=language, note=note)
    status = 422 if posted is not None and form.errors and not sees else 200
    return render_page(
        request, "invoicing/mails/send.html", context, partials=("drawer", "mail-preview"), status=status
    )


def refusal(row: Document) -> str:
    """Why it cannot be sent; empty when it can."""
    if not isinstance(row, Receipt) and row.status != "finalized":
        return "Only a document that is final and not voided is sent."
    return (
        ""
        if mails_customers(letterhead_of(row).billing_entity)
        else "This is a sandbox: it mails no customer."
    )


def sent(request: StaffRequest, row: Document, form: MailForm) -> bool:
    """Whether the e-mail is on its way; else the form carries an error."""
    names = ("to", "cc", "bcc", "language", "note")
    values = {name: form.cleaned_data[name] for name in names}
    values |= {"key": f"form:{form.token}", "by": request.actor, "at": now(request.organization)}
    try:
        with claimed(form) as first:
            if first:
                ask_for_pdf(row)
                send_document_mail(row, **values)
    except BillingError as error:
        add_error(form, error)
        return False
    return True


def find_mail(request: StaffRequest, key: UUID) -> Mail:
    """An e-mail of the organization; else 404."""
    rows = Mail.objects.of(request.organization).select_related(
        "billing_entity", "customer", "invoice", "credit_note", "payment"
    )
    found: Mail = rows.get_or_404(pk=key)
    return found


def page_of_mail(mail: Mail) -> str:
    """The page that the e-mail is about."""
    row: Invoice | CreditNote | None = mail.credit_note or mail.invoice
    if row is None and mail.kind == MailKind.RECEIPT.value:
        noun = "payment" if mail.payment else "remittance"
        return reverse(noun, args=[mail.subject_id])
    if row is None and mail.kind == MailKind.PAYMENT_REQUEST.value:
        return reverse("payment-request", args=[mail.subject_id])
    if row is None:
        return reverse("customer", args=[mail.customer])
    return reverse("credit-note" if isinstance(row, CreditNote) else "invoice", args=[row])


@require_safe
@access("invoices.view")
def mail(request: StaffRequest, id: UUID) -> HttpResponse:
    """One e-mail as it was sent, or is about to be."""
    row = find_mail(request, id)
    context = {"mail": row, "back_url": page_of_mail(row), "token": uuid4().hex}
    return render_page(request, "invoicing/mails/detail.html", context, partials=("drawer",))


@require_safe
@access("invoices.view")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def mail_html(request: StaffRequest, id: UUID) -> HttpResponse:
    """Its HTML alone, for the frame."""
    row = find_mail(request, id)
    return letter_answer(row.html, logo_of(row.billing_entity))


@require_POST
@access("invoices.edit")
def again(request: StaffRequest, id: UUID) -> HttpResponse:
    """Send it again: one that failed as it is, of one that went out a second one."""
    row = find_mail(request, id)
    send_again(row, token=request.POST.get("token", "")[:64] or uuid4().hex, by=request.actor)
    return done(request, page_of_mail(row), f"The e-mail to {', '.join(row.to)} is on its way.")
