"""Receipts: their PDF, the panel that waits for it, and the way to it from a payment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.web.access import access
from billing.web.documents import READER, pdf_answer
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from invoicing.actions.receipts import ensure_receipt
from invoicing.models import RECEIVED, Payment, Receipt, Remittance
from invoicing.queries.receipts import money_behind
from invoicing.views.frame import document_context, find_receipt, mail_log


@require_safe
@access("invoices.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def receipt_pdf(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF of a receipt, inline; `?download=1` as an attachment."""
    return pdf_answer(request, find_receipt(request, id))


@require_safe
@access("invoices.view")
def receipt_document(request: StaffRequest, id: UUID) -> HttpResponse:
    """The panel with the receipt's PDF; while it is being made it asks for itself each second."""
    return render_page(
        request, "invoicing/document.html", document_context(request, find_receipt(request, id))
    )


@require_safe
@access("invoices.view")
def payment_receipt(request: StaffRequest, id: UUID) -> HttpResponse:
    """From a payment to its receipt: the file, or the page on which it is being made."""
    rows = Payment.objects.of(request.organization).select_related("remittance__receipt", "receipt")
    payment: Payment = rows.get_or_404(pk=id)
    money = money_behind(payment)
    found: Receipt | None = getattr(money, "receipt", None)
    if found is not None and found.current_copy.ready:
        return redirect(f"{reverse('receipt-pdf', args=[found])}?download=1")
    page = "payment" if isinstance(money, Payment) else "remittance"
    return redirect(reverse(page, args=[money]))


def receipt_panel(request: StaffRequest, money: Payment | Remittance) -> dict[str, Any]:
    """What a page about money shows of its receipt, and of the e-mails with it. Money of old is given its receipt."""
    if isinstance(money, Payment) and money.status not in RECEIVED:
        return {"receipt": None}
    receipt = ensure_receipt(money, at=now(request.organization))
    return {"receipt": receipt} | document_context(request, receipt) | mail_log(money)
