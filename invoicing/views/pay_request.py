"""Where a customer pays what it was asked for: a payment request, or the invoice that a reminder speaks of.

Whoever has the letter's address may see and pay it, and nothing else; a secret stands in the address, so that no
other can be guessed.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.actions.clock import now
from billing.models import BillingEntity
from billing.orm.actor import Actor
from billing.rules.errors import BillingError
from invoicing.actions.paying import open_checkout
from invoicing.models import Invoice, PaymentRequest
from invoicing.queries.pay_links import invoice_of_secret
from invoicing.queries.paying import payable_online, ways_to_pay
from invoicing.queries.payment_requests import parts_of, request_of_token
from invoicing.rules.payment_requests import CloseReason

NOT_NOW = "This cannot be paid online just now. Try again later, or pay as the invoices say."
WORDS = {
    "invoice_paid": "This invoice is paid already.",
    "being_asked": "A payment is under way just now. Look again in a moment.",
    "in_dispute": "What is still open of this request is in dispute.",
}


def private(response: HttpResponse) -> HttpResponse:
    """Never kept by a browser or a proxy, nor by a search engine; its address is told to nobody."""
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def pay_request(request: HttpRequest, secret: str) -> HttpResponse:
    """What is asked for, and what is still to pay of it."""
    row = request_of_token(secret)
    if row is None:
        return private(render(request, "portal/pay_request_closed.html", {}, status=404))
    if row.replaced_by is not None:
        return private(redirect("pay-request", secret=newest(row).token))
    parts = parts_of(row)
    due = [part.invoice for part in parts if part.invoice.due_minor and not part.invoice.in_dispute]
    due_minor = sum(invoice.due_minor for invoice in due)
    payable = payable_online(row.customer, due) if row.open else set()
    several = row.open and len(due) > 1
    context = {
        "asked": row,
        "entity": row.billing_entity,
        "parts": parts,
        "due_minor": due_minor,
        "at_once": several and bool(ways_to_pay(row.customer, due_minor, row.currency).accounts),
        "payable": payable,
    }
    return private(render(request, "portal/pay_request.html", context))


def newest(row: PaymentRequest) -> PaymentRequest:
    """What has replaced a request, however often."""
    while row.close_reason == CloseReason.REPLACED.value and row.replaced_by is not None:
        row = row.replaced_by
    return row


@require_POST
def pay_all(request: HttpRequest, secret: str) -> HttpResponse:
    """Where all that is due of it is paid in one sum."""
    row = request_of_token(secret)
    if row is None or not row.open:
        return private(render(request, "portal/pay_request_closed.html", {}, status=404))
    return link_page(request, row, row, "all invoices")


@require_POST
def pay_invoice(request: HttpRequest, secret: str, id: UUID) -> HttpResponse:
    """Where one of its invoices is paid."""
    row = request_of_token(secret)
    part = row.parts.select_related("invoice").filter(invoice=id).first() if row else None
    if row is None or part is None or not row.open:
        return private(render(request, "portal/pay_request_closed.html", {}, status=404))
    return link_page(request, row, part.invoice, part.invoice.number)


def link_page(
    request: HttpRequest, row: PaymentRequest, subject: Invoice | PaymentRequest, title: str
) -> HttpResponse:
    """Where it is paid, as a link."""
    back = reverse("pay-request", args=[row.token])
    by = Actor("customer", f"{row.customer.display_name} (payment request)"[:200])
    return asked(request, subject, title=title, entity=row.billing_entity, back=back, by=by)


def asked(
    request: HttpRequest,
    subject: Invoice | PaymentRequest,
    *,
    title: str,
    entity: BillingEntity,
    back: str,
    by: Actor,
) -> HttpResponse:
    """Where something is paid, as a link: the payment page is another's. Staff's reasons are not shown."""
    try:
        # A key of its own each time: an open link is found without it, and one that has ended must not come back.
        attempt = open_checkout(subject, key=uuid4().hex, by=by, at=now(subject.organization))
    except BillingError as error:
        messages.error(request, WORDS.get(error.code, NOT_NOW))
        return private(redirect(back))
    context = {"back": back, "entity": entity, "title": title, "attempt": attempt}
    return private(render(request, "portal/pay_request_link.html", context))


@require_safe
def pay_one(request: HttpRequest, secret: str) -> HttpResponse:
    """An invoice that an e-mail speaks of: what is due of it now."""
    row = invoice_of_secret(secret)
    if row is None:
        return private(render(request, "portal/pay_request_closed.html", {}, status=404))
    context = {
        "invoice": row,
        "entity": row.billing_entity,
        "secret": secret,
        "payable": not row.in_dispute and bool(payable_online(row.customer, [row])),
    }
    return private(render(request, "portal/pay_invoice.html", context))


@require_POST
def pay_one_now(request: HttpRequest, secret: str) -> HttpResponse:
    """Where it is paid, as a link."""
    row = invoice_of_secret(secret)
    if row is None:
        return private(render(request, "portal/pay_request_closed.html", {}, status=404))
    back = reverse("pay-invoice", args=[secret])
    by = Actor("customer", f"{row.customer.display_name} (e-mail)"[:200])
    return asked(request, row, title=row.number, entity=row.billing_entity, back=back, by=by)
