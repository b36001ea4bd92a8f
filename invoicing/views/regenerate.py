"""Making an invoice again from a voided one."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.ids import decode
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.regenerate import Remade, preview_regeneration, refusal, regenerate_invoice
from invoicing.forms.one_off import ItemFormSet, ItemRows
from invoicing.forms.regenerate import RegenerateForm
from invoicing.models import Invoice, InvoiceType
from invoicing.queries.copied_lines import rows_of
from invoicing.views.frame import find_invoice

PREVIEW = "regenerate-preview"
LINE = re.compile(r"lines\[(\w+)\]\.(\w+)$")
ITEM = re.compile(r"items\[(\d+)\]\.(\w+)$")
FIELDS = {"unitAmount": "price"}


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def regenerate(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer with a copy of the lines. Its totals are computed while one types; the button `estimate` does the
    same without JavaScript and writes nothing.
    """
    invoice = find_invoice(request, id)
    why = refusal(invoice)
    successor = Invoice.objects.of(request.organization).filter(voided_invoice=invoice).first()
    context: dict[str, Any] = {"invoice": invoice, "refused": why, "successor": successor}
    posted = request.method == "POST"
    if why and posted and successor:  # sent twice
        text = f"It was made again as {successor.number}."
        return done(request, reverse("invoice", args=[successor]), text, kind="info")
    if why:
        return answer(request, context, status=409 if posted else 200)
    data = request.POST if posted else None
    sold = invoice.type == InvoiceType.CREDIT.value
    form = RegenerateForm(data, rows=[] if sold else rows_of(invoice))
    items: ItemRows = ItemFormSet(data)  # type: ignore[assignment]
    context |= {
        "form": form,
        "items": items,
        "sold": sold,
        "headings": f"Item,Units,Price ({invoice.currency})",
    }
    looking = posted and ("estimate" in request.POST or request.htmx.target == PREVIEW)
    ready = all([form.is_valid(), sold or items.is_valid()]) if posted else False
    if looking or not posted:
        return answer(request, context | foreseen(request, invoice, form, items, ready, sold))
    if ready:
        try:
            with claimed(form) as first:
                if not first:
                    return done(request, reverse("invoice", args=[invoice]))
                made = regenerate_invoice(
                    invoice, asked(form, items, sold), by=request.actor, at=now(request.organization)
                )
            text = f"Invoice {made.number} was issued in place of {invoice.number}."
            return done(request, reverse("invoice", args=[made]), text)
        except BillingError as error:
            shown_at(form, items, error)
    return answer(request, context, status=422)


def asked(form: RegenerateForm, items: Any, sold: bool) -> Remade:
    """What the form wants on the new invoice."""
    return Remade() if sold else Remade(form.wanted(), [item for _, item in items.given()])


def foreseen(
    request: StaffRequest, invoice: Invoice, form: RegenerateForm, items: Any, ready: bool, sold: bool
) -> dict[str, Any]:
    """The totals of what has been typed so far (a fresh form: of the lines as they were), or why there are none."""
    if form.is_bound and not ready:
        return {"preview_error": "Correct what is marked to see the totals."}
    wanted = asked(form, items, sold) if form.is_bound else Remade()
    try:
        return {
            "preview": preview_regeneration(invoice, wanted, by=request.actor, at=now(request.organization))
        }
    except BillingError as error:
        if form.is_bound:
            shown_at(form, items, error)
        return {"preview_error": str(error)}


def shown_at(form: RegenerateForm, items: ItemRows, error: BillingError) -> None:
    """Put each error at its cell; what belongs to no cell stands above the form."""
    rows = [row for row, _ in items.given()]
    pairs = error.errors if isinstance(error, FieldErrors) else [(error.field, str(error))]
    for name, text in pairs:
        line, item = LINE.match(name or ""), ITEM.match(name or "")
        if item:
            row = rows[int(item[1])]
            row.add_error(item[2] if item[2] in row.fields else None, text)
        elif line and (key := decode("line", line[1])):
            add_error(form, BillingError(text, field=f"{FIELDS.get(line[2], line[2])}-{key.hex}"))
        else:
            add_error(form, BillingError(text, field=name))


def answer(request: StaffRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The drawer, its totals, or the page."""
    return render_page(
        request,
        "invoicing/invoices/regenerate.html",
        context | {"currency": context["invoice"].currency},
        partials=("drawer", PREVIEW),
        status=status,
    )
