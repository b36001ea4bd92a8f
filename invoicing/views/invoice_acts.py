"""What staff do with an invoice: refresh, finalize, record a payment, void, delete a draft."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError, Conflict
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.draft import refresh_draft
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import delete_draft
from invoicing.actions.payments import record_payment
from invoicing.actions.void import void_invoice
from invoicing.forms.invoices import FinalizeForm, PaymentForm, VoidForm
from invoicing.forms.receiving import moment_of
from invoicing.models import Invoice
from invoicing.queries.deductions import named_deductions
from invoicing.queries.e_invoice import e_invoice, missing_of, wants_e_invoice
from invoicing.queries.preview import final_totals
from invoicing.rules.shown import possible_acts
from invoicing.views.e_invoices import missing_rows
from invoicing.views.frame import find_invoice


def url_of(invoice: Invoice) -> str:
    """The invoice's page."""
    return reverse("invoice", args=[invoice])


@require_POST
@access("invoices.edit")
def refresh(request: StaffRequest, id: UUID) -> HttpResponse:
    """Compute a draft anew; says whether something changed."""
    row = find_invoice(request, id)
    fresh = refresh_draft(row, by=request.actor, at=now(request.organization))
    same = fresh.total_minor == row.total_minor
    return done(request, url_of(row), "Nothing has changed." if same else "The draft is up to date now.")


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def finalize(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog states the fresh total and what is taken off it; the total goes back as what was agreed to.

    When it has changed meanwhile, the dialog comes again with the new one (409).
    """
    row = find_invoice(request, id)
    at = now(request.organization)
    form = FinalizeForm(request.POST if request.method == "POST" else None)
    status = 200
    changed = ""
    if request.method == "POST" and form.is_valid():
        try:
            final = finalize_invoice(
                row, by=request.actor, at=at, expected_total=form.cleaned_data["expected_total"]
            )
        except Conflict as error:
            if error.code != "total_changed":
                raise
            changed, status = str(error), error.status
        else:
            if final.status == "closed":
                return done(
                    request, reverse("invoices"), "There was nothing to ask for. The draft was closed."
                )
            return done(request, url_of(final), f"Invoice {final.number} is final. Its PDF is being made.")
    totals = final_totals(row, at)
    total = row.total_minor if totals is None else totals.total_minor
    context = {
        "invoice": row,
        "lines_minor": row.lines_minor if totals is None else totals.lines_minor,
        "taxes_minor": row.taxes_minor if totals is None else totals.tax_minor,
        "total_minor": total,
        "deductions": [] if totals is None else named_deductions(totals),
        "empty": totals is not None and not totals.lines,
        "changed": changed,
        "differs": total != row.total_minor,
        "form": FinalizeForm(initial={"expected_total": total}),
        "missing": missing_rows(request, row, missing_of(row, e_invoice(row)))
        if wants_e_invoice(row)
        else [],
    }
    return render_page(
        request, "invoicing/invoices/finalize.html", context, partials=("dialog",), status=status
    )


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def pay(request: StaffRequest, id: UUID) -> HttpResponse:
    """Record money received; as it comes up it says that everything was paid today."""
    row = find_invoice(request, id)
    at = now(request.organization)
    today = at.astimezone(timezone.get_current_timezone()).date()
    form = PaymentForm(request.POST if request.method == "POST" else None, invoice=row, today=today)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            with claimed(form) as first:
                if first:
                    record_payment(
                        row,
                        amount_minor=data["amount"],
                        paid_at=moment_of(data["paid_on"], today, at, request.organization.timezone),
                        reference=data["reference"],
                        key=f"form:{form.token}",
                        by=request.actor,
                        at=at,
                    )
            return done(request, url_of(row), "The payment was recorded.")
        except BillingError as error:
            add_error(form, error)
    several = reverse("customer-payment-add", args=[row.customer]) + f"?currency={row.currency}"
    context = {"invoice": row, "form": form, "several_url": "" if row.customer.deleted_at else several}
    status = 422 if form.errors else 200
    return render_page(request, "invoicing/invoices/pay.html", context, partials=("drawer",), status=status)


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def void(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog states what is given back."""
    row = find_invoice(request, id)
    form = VoidForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            void_invoice(
                row, reason=form.cleaned_data["reason"], by=request.actor, at=now(request.organization)
            )
            again = form.cleaned_data["again"] and possible_acts("voided", row.type, 0)
            url = reverse("invoice-regenerate", args=[row]) if again else url_of(row)
            return done(request, url, f"Invoice {row.number} was voided.")
        except BillingError as error:
            add_error(form, error)
    context = {
        "invoice": row,
        "form": form,
        "deductions": row.deductions.exclude(kind="progressive"),
        "notes": row.credit_notes.exclude(status="voided"),
        "refused": row.status != "finalized" or bool(row.paid_minor),
        "remakable": bool(possible_acts("voided", row.type, 0)) and not row.customer.deleted_at,
    }
    status = 422 if form.errors else 200
    return render_page(request, "invoicing/invoices/void.html", context, partials=("dialog",), status=status)


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Remove a one-off draft."""
    row = find_invoice(request, id)
    if request.method == "POST":
        delete_draft(row, by=request.actor, at=now(request.organization))
        return done(request, reverse("invoices"), "The draft was deleted.")
    return render_page(request, "invoicing/invoices/delete.html", {"invoice": row}, partials=("dialog",))
