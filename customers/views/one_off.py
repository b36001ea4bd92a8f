"""A one-off invoice for a customer: items typed by hand, with totals computed while one types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.models import AddOn
from billing.queries.add_ons import price_in
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.views.frame import find_customer
from invoicing.actions.draft import payment_term
from invoicing.actions.one_off import create_one_off
from invoicing.actions.preview import OneOffPreview, preview_one_off
from invoicing.forms.one_off import ItemFormSet, ItemRows, OneOffForm, percent, picked
from invoicing.models import Invoice
from invoicing.queries.rates import Rates

ITEM_ERROR = re.compile(r"items\[(\d+)\]\.(\w+)$")


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def one_off(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer, and the page. `act` says what to do with what was typed: draft, finalize, pick (a row of the
    add-on `pick`), or only totals (no JavaScript).
    """
    customer = find_customer(request, id)
    data: QueryDict | None = request.POST if request.method == "POST" else None
    act = data.get("act", "draft") if data else ""
    add_ons = add_ons_of(request)
    if data is not None and act == "pick" and (add_on := add_ons.get(data.get("pick", ""))):
        data = picked(data, add_on, price_in(add_on, customer.currency), customer.currency)
    form, items = forms_of(request, customer, data, add_ons)
    looking = act in ("totals", "pick")
    if data is not None and not looking and both_valid(form, items):
        try:
            with claimed(form) as first:
                if not first:
                    page = reverse("customer-invoices", args=[customer])
                    return done(request, page, "This invoice was created already.", kind="info")
                invoice = create(request, customer, form, items, finalize=act == "finalize")
            text = f"Invoice {invoice.number} was issued." if invoice.number else "The draft was saved."
            return done(request, reverse("invoice", args=[invoice]), text)
        except BillingError as error:
            show_error(form, items, error)
    context = {
        "customer": customer,
        "form": form,
        "items": items,
        "headings": f"Description,Quantity,Unit price ({customer.currency})",
        "add_ons": [(key, row, price_in(row, customer.currency)) for key, row in add_ons.items()],
        "cancel_url": reverse("customer-invoices", args=[customer]),
    }
    status = 422 if data is not None and not looking else 200
    context |= summary(customer, form, items)
    partials = ("drawer", "one-off-items")
    answer = render_page(request, "customers/one_off/form.html", context, partials=partials, status=status)
    if act == "pick":
        answer["HX-Trigger-After-Swap"] = "items-picked"
    return answer


@require_POST
@access("invoices.edit")
def one_off_totals(request: StaffRequest, id: UUID) -> HttpResponse:
    """The totals of what has been typed so far."""
    customer = find_customer(request, id)
    add_ons = add_ons_of(request)
    context = {"customer": customer} | summary(customer, *forms_of(request, customer, request.POST, add_ons))
    return render_page(request, "customers/one_off/totals.html", context)


def add_ons_of(request: StaffRequest) -> dict[str, AddOn]:
    """What can be picked, by hex id, in the order of names."""
    rows = AddOn.objects.of(request.organization).kept().order_by("name").prefetch_related("prices")
    return {row.pk.hex: row for row in rows}


def forms_of(
    request: StaffRequest, customer: Customer, data: QueryDict | None, add_ons: Mapping[str, AddOn]
) -> tuple[OneOffForm, ItemRows]:
    """The two forms of the page."""
    usual = Rates(request.organization.pk).of_customer(customer.pk)
    named = ", ".join(f"{tax.name} {percent(tax.rate)}" for tax in usual) or "No tax"
    form = OneOffForm(data, organization=request.organization, usual=named, term=payment_term(customer))
    return form, ItemFormSet(data, add_ons)  # type: ignore[return-value, arg-type]


def both_valid(form: OneOffForm, items: ItemRows) -> bool:
    """Checks both, so that errors of both show at once."""
    return all([form.is_valid(), items.is_valid()])


def create(
    request: StaffRequest, customer: Customer, form: OneOffForm, items: ItemRows, *, finalize: bool
) -> Invoice:
    """The invoice that the forms describe."""
    data = form.cleaned_data
    return create_one_off(
        customer,
        [item for _, item in items.given()],
        finalize=finalize,
        due_on=data["due_on"],
        notes=data["notes"],
        purchase_order=data["purchase_order"],
        taxes=form.chosen_taxes(),
        by=request.actor,
        at=now(request.organization),
    )


def show_error(form: OneOffForm, items: ItemRows, error: BillingError) -> None:
    """Put each error at its cell; what belongs to no cell stands above the form."""
    rows = [row for row, _ in items.given()]
    pairs = error.errors if isinstance(error, FieldErrors) else [(error.field, str(error))]
    for name, text in pairs:
        found = ITEM_ERROR.match(name or "")
        if found:
            row, field = rows[int(found[1])], found[2]
            row.add_error(field if field in row.fields else None, text)
        else:
            add_error(form, Invalid(text, field=name))


def summary(customer: Customer, form: OneOffForm, items: ItemRows) -> dict[str, Any]:
    """Totals of the rows that can be read: preview (None without any), and how many rows cannot be."""
    if not form.is_bound:
        return {"preview": None, "unread": 0}
    form.is_valid()
    given = [item for _, item in items.given()]
    read = len(given)
    preview: OneOffPreview | None = None
    while given and preview is None:
        try:
            preview = preview_one_off(customer, given, form.chosen_taxes())
        except FieldErrors as error:
            bad = {int(found[1]) for name, _ in error.errors if (found := ITEM_ERROR.match(name or ""))}
            given = [item for index, item in enumerate(given) if index not in bad]
    return {"preview": preview, "unread": items.unread() + read - len(given)}
