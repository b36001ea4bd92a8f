"""The lines of a draft: the drawers "Change the line" and "Add a line", with what they make of the invoice."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.models import AddOn
from billing.queries.add_ons import price_in
from billing.rules.errors import BillingError, Conflict
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.line_edits import ALTERABLE, add_item, add_usage, correct_line, reset_line, version_of
from invoicing.actions.line_plans import (
    Preview,
    is_typed,
    preview_addition,
    preview_correction,
)
from invoicing.forms.draft_lines import NAME, PRICE, UNITS, LineForm, NewLineForm
from invoicing.forms.one_off import percent
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.draft_lines import edit_of, offers, pricing_of_row
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import LINES, units_alone
from invoicing.rules.lines import LineKind
from invoicing.views.frame import find_invoice

FORM_NAMES = {"unitAmount": "unit_amount"}
PREVIEW = "line-preview"


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def edit(request: StaffRequest, id: UUID, line: UUID) -> HttpResponse:
    """The drawer of one line. Its effect on the invoice is computed while one types; the button `estimate` does the
    same without JavaScript. `act=reset` takes back what was changed, or removes what was added.
    """
    invoice = find_invoice(request, id)
    row = line_of(invoice, line)
    posted = request.method == "POST"
    data = request.POST if posted else None
    refused = refusal(invoice)
    context: dict[str, Any] = {"invoice": invoice, "line": row, "refused": refused, "typed": typed_line(row)}
    if refused:
        return answer(request, "edit", context, status=409 if posted else 200)
    if data is not None and data.get("act") == "reset":
        reset_line(invoice, row.pk, by=request.actor, at=now(request.organization))
        gone = is_typed(invoice) or (row.edited or {}).get("added")
        text = "The line was removed." if gone else "The line is as it was computed."
        return done(request, reverse("invoice", args=[invoice]), text)
    form = line_form(row, data)
    if posted and looking(request):
        return answer(request, "edit", context | {"form": form} | previewed(form, invoice, row))
    if posted and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    correct_line(
                        invoice,
                        row.pk,
                        form.correction(),
                        seen=form.cleaned_data["seen"],
                        by=request.actor,
                        at=now(request.organization),
                    )
            return done(request, reverse("invoice", args=[invoice]), "The line was changed.")
        except Conflict as error:
            if error.code != "line_changed":
                raise
            fresh = request.POST.copy()
            fresh["seen"] = version_of(row)
            form = line_form(row, fresh)
            form.is_valid()
            form.add_error(None, f"{error} Save again to keep what you typed.")
        except BillingError as error:
            shown_at(form, error)
    return answer(request, "edit", context | {"form": form}, status=422 if posted else 200)


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer that adds a line to a draft: a charge without usage, an add-on, or something typed."""
    invoice = find_invoice(request, id)
    posted = request.method == "POST"
    data = request.POST if posted else None
    context: dict[str, Any] = {"invoice": invoice, "refused": refusal(invoice)}
    if context["refused"]:
        return answer(request, "add", context, status=409 if posted else 200)
    usual = Rates(request.organization.pk).of_customer(invoice.customer_id)
    add_ons = AddOn.objects.of(request.organization).kept().order_by("name").prefetch_related("prices")
    form = NewLineForm(
        data,
        organization=request.organization,
        usual=", ".join(f"{tax.name} {percent(tax.rate)}" for tax in usual) or "No tax",
        currency=invoice.currency,
        add_ons=[(row, price_in(row, invoice.currency)) for row in add_ons],
        offers=offers(invoice),
    )
    context["form"] = form
    if posted and looking(request):
        return answer(request, "add", context | previewed(form, invoice, None))
    if posted and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    added(request, invoice, form)
            return done(request, reverse("invoice", args=[invoice]), "The line was added.")
        except BillingError as error:
            shown_at(form, error)
    return answer(request, "add", context, status=422 if posted else 200)


def added(request: StaffRequest, invoice: Invoice, form: NewLineForm) -> None:
    """Add what the form says."""
    at = now(request.organization)
    if form.offer:
        add_usage(invoice, form.offer.key, form.correction(), by=request.actor, at=at)
    else:
        key = uuid5(LINES, f"{invoice.pk}:{form.token}")
        add_item(invoice, form.item(), form.chosen_taxes(), key=key, by=request.actor, at=at)


def line_of(invoice: Invoice, key: UUID) -> InvoiceLine:
    """A line of the invoice, or 404."""
    row = invoice.lines.select_related("subscription__plan", "charge").filter(pk=key).first()
    if row is None:
        raise Http404("No such line.")
    row.invoice = invoice
    return row


def typed_line(row: InvoiceLine) -> bool:
    """Whether nothing but what was typed makes the line."""
    return is_typed(row.invoice) or row.kind == LineKind.ONE_OFF.value


def line_form(row: InvoiceLine, data: Any) -> LineForm:
    """The form of a line, filled with what it says."""
    why = "" if typed_line(row) else units_alone(LineKind(row.kind), pricing_of_row(row))
    made = None if typed_line(row) else edit_of(row)
    mode = PRICE if why else UNITS
    if made is not None:
        mode = NAME if made.units is None else UNITS if made.unit_amount is None and not why else PRICE
    return LineForm(data, line=row, typed=typed_line(row), why=why, mode=mode, seen=version_of(row))


def refusal(invoice: Invoice) -> str:
    """Why the lines of an invoice cannot be changed; empty when they can."""
    if invoice.status != "draft":
        return f"The invoice is {invoice.status}. Correct it with a credit note, or void it."
    return "" if invoice.type in ALTERABLE else "The lines of this invoice cannot be changed."


def looking(request: StaffRequest) -> bool:
    """Whether somebody only wants to see the effect."""
    return "estimate" in request.POST or request.htmx.target == PREVIEW


def previewed(form: LineForm | NewLineForm, invoice: Invoice, row: InvoiceLine | None) -> dict[str, Any]:
    """The effect of what has been typed so far, or the reason why there is none."""
    if not form.is_valid():
        return {"preview_error": "Correct what is marked to see the effect."}
    try:
        found: Preview
        if isinstance(form, LineForm) and row is not None:
            found = preview_correction(invoice, row, form.correction())
        else:
            assert isinstance(form, NewLineForm)  # noqa: S101 - the other form always has its line
            what = form.correction() if form.offer else form.item()
            found = preview_addition(invoice, form.offer, what, form.chosen_taxes())
    except BillingError as error:
        shown_at(form, error)
        return {"preview_error": str(error)}
    return {"preview": found}


def shown_at(form: LineForm | NewLineForm, error: BillingError) -> None:
    """Put a domain error at its field."""
    names = dict(FORM_NAMES)
    if isinstance(form, LineForm) and form.cleaned_data.get("mode") == NAME:
        names["units"] = "name"
    add_error(form, error, names)


def answer(
    request: StaffRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The drawer, its preview, or the page."""
    return render_page(
        request,
        f"invoicing/draft_lines/{template}.html",
        context | {"currency": context["invoice"].currency},
        partials=("drawer", PREVIEW),
        status=status,
    )
