"""The dialogs that give up the rest of an invoice, and take that back."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.rules.errors import BillingError, Invalid
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import money_text
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.write_offs import check_due, undo_write_off, write_off
from invoicing.forms.invoices import WriteOffForm
from invoicing.models import Invoice, WriteOff
from invoicing.views.frame import find_invoice


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def write_off_rest(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog says what is given up; a payment that came meanwhile shows the new amount first."""
    row = find_invoice(request, id)
    form = WriteOffForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    write_off(
                        row,
                        kind=form.cleaned_data["kind"],
                        reason=form.cleaned_data["reason"],
                        expected_minor=form.cleaned_data["expected"],
                        key=f"form:{form.token}",
                        by=request.actor,
                        at=now(request.organization),
                    )
            text = f"The rest of {row.number} was written off."
            return done(request, page_of(row), text, undo_url=reverse("invoice-write-off-undo", args=[row]))
        except BillingError as error:
            add_error(form, error)
            row = find_invoice(request, id)
            data = request.POST.copy()
            data["expected"] = str(row.due_minor)
            form.data = data
    if form.errors:
        status = 422
    elif not form.is_bound:
        form.initial["expected"] = row.due_minor
    context = {"invoice": row, "form": form, "refused": refusal(row)}
    return render_page(
        request, "invoicing/write_offs/write_off.html", context, partials=("dialog",), status=status
    )


def refusal(row: Invoice) -> str:
    """Why nothing of it can be given up; empty when it can."""
    try:
        check_due(row, None)
    except Invalid as error:
        return str(error)
    return ""


def page_of(row: Invoice) -> str:
    """The invoice's page."""
    return reverse("invoice", args=[row])


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def undo(request: StaffRequest, id: UUID) -> HttpResponse:
    """What was given up is owed again."""
    row = find_invoice(request, id)
    if request.method == "POST":
        taken = undo_write_off(row, by=request.actor, at=now(request.organization))
        amount = money_text(taken.amount_minor, taken.currency)
        return done(request, page_of(row), f"{amount} of {row.number} is owed again.")
    found = WriteOff.objects.filter(invoice=row, undone_at=None).first()
    context = {"invoice": row, "row": found}
    return render_page(request, "invoicing/write_offs/undo.html", context, partials=("dialog",))
