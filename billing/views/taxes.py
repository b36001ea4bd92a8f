"""Taxes: list and drawer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.actions.taxes import create_tax, delete_tax, update_tax
from billing.forms.tax import TaxForm
from billing.models import Tax
from billing.queries.catalog_use import tax_use
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest

COLUMNS = {"name": "name", "rate": "rate", "default": "applied_by_default", "created": "created_at"}
CHANGED = ("tax-changed",)


@require_safe
@access("catalog.view")
def taxes(request: StaffRequest) -> HttpResponse:
    """All taxes, searched by name and code."""
    rows = Tax.objects.of(request.organization).kept()
    term = request.GET.get("q", "").strip()[:100]
    if term:
        rows = rows.filter(Q(name__icontains=term) | Q(code__icontains=term))
    rows, sort = sorted_by(request, rows, COLUMNS, "name")
    context = {
        "page": page_of(request, rows),
        "sort": sort,
        "q": term,
        "can_edit": may(request.member, "taxes.edit"),
    }
    return render_page(request, "billing/taxes/list.html", context, partials=("tax-table",))


@access("taxes.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add a tax"."""
    form = TaxForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        try:
            tax = create_tax(
                request.organization, **form.cleaned_data, by=request.actor, at=now(request.organization)
            )
            return done(request, reverse("taxes"), f"{tax.name} created.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    return drawer(request, form, title="Add a tax", submit="Create tax", busy="Creating…")


@access("taxes.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of an existing tax, with what a change touches."""
    tax = Tax.objects.of(request.organization).kept().get_or_404(pk=id)
    form = TaxForm(request.POST or None, organization=request.organization, tax=tax)
    if request.method == "POST" and form.is_valid():
        try:
            update_tax(tax, form.cleaned_data, by=request.actor, at=now(request.organization))
            return done(request, reverse("taxes"), "Tax saved.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    words = {"title": f"Edit {tax.name}", "submit": "Save changes", "busy": "Saving…", "use": tax_use(tax)}
    return drawer(request, form, tax=tax, **words)


def drawer(request: StaffRequest, form: TaxForm, **context: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    context |= {"form": form, "action": request.path}
    status = 422 if form.is_bound else 200
    return render_page(request, "billing/taxes/form.html", context, partials=("drawer",), status=status)


@access("taxes.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Deleting, refused with the reason while something names the tax."""
    tax = Tax.objects.of(request.organization).kept().get_or_404(pk=id)
    refusal = ""
    if request.method == "POST":
        try:
            delete_tax(tax, by=request.actor, at=now(request.organization))
            return done(request, reverse("taxes"), f"{tax.name} deleted.", events=CHANGED)
        except BillingError as error:
            refusal = str(error)
    context = {"tax": tax, "use": tax_use(tax), "refusal": refusal, "action": request.path}
    status = 422 if refusal else 200
    return render_page(request, "billing/taxes/delete.html", context, partials=("dialog",), status=status)
