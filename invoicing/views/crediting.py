"""Crediting an issued invoice, withdrawing a credit note, and giving money back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.crediting import (
    CreditRequest,
    estimate,
    issue_credit_note,
    void_credit_note,
    withdraw_rest,
)
from invoicing.actions.refunding import ask_now, retry_refund
from invoicing.actions.refunds import refund_payment
from invoicing.forms.crediting import TAX, CreditNoteForm, RefundForm
from invoicing.forms.invoices import VoidForm
from invoicing.models import CreditNote, Invoice, InvoiceType, Payment, Refund
from invoicing.queries.crediting import Creditable, creditable
from invoicing.queries.refunds import attempt_of, hindrance
from invoicing.queries.sold_credits import sale_refusal
from invoicing.rules.crediting import CreditReason
from invoicing.rules.shown import creditable_now
from invoicing.views.frame import find_credit_note, find_invoice


@require_http_methods(["GET", "POST"])
@access("credit_notes.edit")
def credit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Issue credit note". Its totals are computed while one types; the button `estimate` does the
    same without JavaScript and writes nothing. `?mode=tax` opens it over all the tax that is left.
    """
    invoice = find_invoice(request, id)
    rest = creditable(invoice)
    form = CreditNoteForm(
        request.POST if request.method == "POST" else None,
        invoice=invoice,
        rest=rest,
        may_refund=may(request.member, "invoices.pay"),
        initial=asked(request, rest),
    )
    context: dict[str, Any] = {
        "invoice": invoice,
        "form": form,
        "rest": rest,
        "refused": refusal(invoice, rest),
    }
    if request.method == "POST" and not context["refused"]:
        if "estimate" in request.POST or request.htmx.target == "credit-estimate":
            return render_page(
                request,
                "invoicing/credit_notes/issue.html",
                context | estimated(invoice, form),
                partials=("drawer", "credit-estimate"),
            )
        if form.is_valid() and (note := issued(request, invoice, form)):
            return done(
                request,
                reverse("credit-note", args=[note]),
                f"Credit note {note.number} was issued. Its PDF is being made.",
            )
    elif not context["refused"] and (form.initial or form.sale):
        context |= totals_of(invoice, CreditRequest(only_tax=not form.sale, everything=form.sale))
    status = 422 if form.errors else 200
    return render_page(
        request,
        "invoicing/credit_notes/issue.html",
        context,
        partials=("drawer",),
        status=status,
    )


def asked(request: StaffRequest, rest: Creditable) -> dict[str, str]:
    """What a link asks the drawer to be filled with: the tax alone, while some is left."""
    wanted = request.GET.get("mode") == TAX and rest.tax_left_minor
    return {"mode": TAX, "reason": CreditReason.TAX_CORRECTION.value} if wanted else {}


def refusal(invoice: Invoice, rest: Creditable) -> str:
    """Why no credit note can be made of the invoice; empty when one can."""
    if creditable_now(invoice.status) and invoice.type == InvoiceType.CREDIT.value:
        return sale_refusal(invoice) or ("" if sum(rest.left.values()) else "It has been credited already.")
    if not creditable_now(invoice.status):
        return f"It is {invoice.status}; only a final invoice can be credited."
    return "" if sum(rest.left.values()) else "Everything on it has been credited already."


def estimated(invoice: Invoice, form: CreditNoteForm) -> dict[str, Any]:
    """The totals of what has been typed so far, or the reason why there are none."""
    if not form.is_valid():
        return {"estimate_error": "Correct the amounts marked above to see the totals."}
    request = form.request()
    typed = [
        form.sale,
        request.everything,
        request.total_minor,
        *request.items.values(),
        *(request.taxes or {}).values(),
    ]
    if not any(typed):
        return {}
    try:
        return totals_of(invoice, request)
    except BillingError as error:
        add_error(form, error)
        return {"estimate_error": str(error)}


def totals_of(invoice: Invoice, request: CreditRequest) -> dict[str, Any]:
    """The totals of a request, or the domain error that refuses it."""
    found = estimate(invoice, request)
    return {
        "estimate": found.credit,
        "refund_minor": found.refund_minor,
        "offset_minor": found.offset_minor,
        "credit_minor": found.credit_minor,
    }


def issued(request: StaffRequest, invoice: Invoice, form: CreditNoteForm) -> CreditNote | None:
    """The note, also for a form that was sent twice; None when the form now carries an error."""
    key = f"form:{form.token}"
    try:
        with claimed(form) as first:
            if not first:
                return CreditNote.objects.of(request.organization).filter(key=key).first()
            return issue_credit_note(
                invoice,
                form.request(),
                reason=CreditReason(form.cleaned_data["reason"]),
                description=form.cleaned_data["description"],
                key=key,
                by=request.actor,
                at=now(request.organization),
            )
    except BillingError as error:
        add_error(form, error)
        return None


@require_http_methods(["GET", "POST"])
@access("credit_notes.edit")
def void_note(request: StaffRequest, id: UUID) -> HttpResponse:
    """Withdraw an unused credit note, or what is left of a used one."""
    note = find_credit_note(request, id)
    form = VoidForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason, page = form.cleaned_data["reason"], reverse("credit-note", args=[note])
        if note.untouched or not note.balance_minor:
            void_credit_note(note, reason=reason, by=request.actor, at=now(request.organization))
            return done(request, page, f"Credit note {note.number} was voided.")
        withdraw_rest(note, reason=reason, by=request.actor, at=now(request.organization))
        return done(request, page, f"What was left of credit note {note.number} was withdrawn.")
    context = {"note": note, "form": form}
    status = 422 if form.errors else 200
    return render_page(
        request, "invoicing/credit_notes/void.html", context, partials=("dialog",), status=status
    )


def find_refund(request: StaffRequest, key: UUID) -> Refund:
    """A refund of the organization; else 404."""
    rows = Refund.objects.of(request.organization).select_related("payment", "remittance", "account")
    found: Refund = rows.get_or_404(pk=key)
    return found


def page_of_source(refund: Refund) -> str:
    """The page of the payment or transfer that a refund gives back of."""
    return reverse("payment" if refund.payment_id else "remittance", args=[refund.source])


@access("invoices.pay")
@require_POST
def refund_ask(request: StaffRequest, id: UUID) -> HttpResponse:
    """Ask the provider now how a refund goes."""
    row = ask_now(find_refund(request, id))
    words = {
        "successful": ("The money went back.", "success"),
        "failed": (f"It has failed. {row.failure}", "error"),
        "pending": (row.failure or "The provider is still working on it.", "info"),
    }
    text, kind = words[row.status]
    return done(request, page_of_source(row), text, kind=kind)


@access("invoices.pay")
@require_POST
def refund_retry(request: StaffRequest, id: UUID) -> HttpResponse:
    """Try a failed refund once more."""
    row = retry_refund(find_refund(request, id), by=request.actor, at=now(request.organization))
    return done(request, page_of_source(row), f"{row.account} is asked once more.", kind="info")


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def refund(request: StaffRequest, id: UUID) -> HttpResponse:
    """Money of a payment goes back: through its provider where that can be asked, else it is noted that it went."""
    payment = Payment.objects.of(request.organization).select_related("invoice").get_or_404(pk=id)
    attempt = attempt_of(payment)
    hindered = hindrance(attempt)
    account = attempt.provider if attempt and not hindered else None
    form = RefundForm(request.POST if request.method == "POST" else None, source=payment, account=account)
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    refund_payment(
                        payment,
                        amount_minor=form.cleaned_data["amount"],
                        reason=form.cleaned_data["reason"],
                        reference=form.cleaned_data["reference"],
                        by_hand=form.cleaned_data.get("how") == "hand",
                        key=f"form:{form.token}",
                        by=request.actor,
                        at=now(request.organization),
                    )
            online = account is not None and form.cleaned_data.get("how") != "hand"
            said = f"{account} sends the money back." if online else "The refund was recorded."
            return done(
                request, reverse("payment", args=[payment]), said, kind="info" if online else "success"
            )
        except BillingError as error:
            add_error(form, error)
    context = {
        "payment": payment,
        "invoice": payment.invoice,
        "form": form,
        "left_minor": payment.left_minor,
        "account": account,
        "hindered": hindered,
    }
    status = 422 if form.errors else 200
    return render_page(
        request, "invoicing/payments/refund.html", context, partials=("drawer",), status=status
    )
