"""Add-ons: list, one add-on with where it was used, and its drawer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.add_ons import create_add_on, delete_add_on, update_add_on
from billing.actions.clock import now
from billing.forms.add_on import AddOnForm, PriceRows, price_rows
from billing.models import AddOn, AuditEntry
from billing.queries.add_ons import add_on_use, found, lines_of
from billing.rules.errors import BillingError
from billing.views.plans import words
from billing.web.access import access, may
from billing.web.activity import timeline_items
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest

COLUMNS = {"name": "name", "price": "amount_minor", "customers": "customers_count", "created": "created_at"}
FIELD_OF = {"amount_minor": "amount"}
CHANGED = ("add-on-changed",)
LINES_SHOWN = 20
ENTRIES_SHOWN = 20


def find_add_on(request: StaffRequest, id: UUID) -> AddOn:
    """The organization's add-on that is not deleted; else 404."""
    rows = AddOn.objects.of(request.organization).kept().prefetch_related("taxes", "prices")
    add_on: AddOn = rows.get_or_404(pk=id)
    return add_on


@require_safe
@access("catalog.view")
def add_ons(request: StaffRequest) -> HttpResponse:
    """All add-ons, searched by name and code."""
    lines = apps.get_model("invoicing", "InvoiceLine").objects.exclude(invoice__status="voided")
    billed = lines.filter(add_on=OuterRef("pk")).order_by().values("add_on")
    count = billed.annotate(n=Count("invoice__customer_id", distinct=True)).values("n")
    rows = AddOn.objects.of(request.organization).kept().prefetch_related("taxes", "prices")
    rows = rows.annotate(customers_count=Coalesce(Subquery(count), 0))
    term = request.GET.get("q", "").strip()[:100]
    if term:
        rows = rows.filter(found(term))
    rows, sort = sorted_by(request, rows, COLUMNS, "name")
    context = {
        "page": page_of(request, rows),
        "sort": sort,
        "q": term,
        "can_edit": may(request.member, "catalog.edit"),
    }
    return render_page(request, "billing/add_ons/list.html", context, partials=("add-on-table",))


@require_safe
@access("catalog.view")
def add_on(request: StaffRequest, id: UUID) -> HttpResponse:
    """What it costs, and the invoices that bill it."""
    row = find_add_on(request, id)
    lines = lines_of(row).select_related("invoice").order_by("-invoice__issuing_on", "-invoice_id")
    entries = list(AuditEntry.objects.of(request.organization).filter(subject_id=row.pk)[:ENTRIES_SHOWN])
    for entry in entries:
        entry.changes = {
            name: [words(name, v, row.currency) for v in pair] for name, pair in entry.changes.items()
        }
    context = {
        "add_on": row,
        "use": add_on_use(row),
        "lines": lines[:LINES_SHOWN] if may(request.member, "invoices.view") else None,
        "timeline": timeline_items(entries, request.organization.timezone)
        if may(request.member, "audit.view")
        else [],
        "can_edit": may(request.member, "catalog.edit"),
    }
    return render_page(request, "billing/add_ons/detail.html", context)


@access("catalog.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add an add-on"."""
    return drawer(request, None, title="Add an add-on", submit="Create add-on", busy="Creating…")


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of an existing one."""
    row = find_add_on(request, id)
    return drawer(request, row, title=f"Edit {row.name}", submit="Save changes", busy="Saving…")


def drawer(request: StaffRequest, row: AddOn | None, **words: str) -> HttpResponse:
    """Show the form, or save it."""
    data = request.POST if request.method == "POST" else None
    form = AddOnForm(data, organization=request.organization, add_on=row)
    prices = price_rows(data, row)
    if data is not None and all([form.is_valid(), prices.is_valid()]):
        try:
            saved = save(request, row, form, prices)
            text = "Add-on saved." if row else f"{saved.name} created."
            return done(request, reverse("add-on", args=[saved.public_id]), text, events=CHANGED)
        except BillingError as error:
            add_error(form, error, FIELD_OF)
    cancel = reverse("add-on", args=[row.public_id]) if row else reverse("add-ons")
    context: dict[str, Any] = words | {"form": form, "prices": prices, "add_on": row, "action": request.path}
    context |= {"cancel": cancel}
    status = 422 if data is not None else 200
    return render_page(request, "billing/add_ons/form.html", context, partials=("drawer",), status=status)


def save(request: StaffRequest, row: AddOn | None, form: AddOnForm, prices: PriceRows) -> AddOn:
    """Write what was typed."""
    values: dict[str, Any] = {
        "taxes": list(form.cleaned_data["taxes"]),
        "prices": prices.prices(),
        "by": request.actor,
        "at": now(request.organization),
    }
    if row is None:
        return create_add_on(request.organization, **form.columns(), **values)
    return update_add_on(row, form.columns(), **values)


@access("catalog.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Deleting, refused with the reason while a plan includes it."""
    row = find_add_on(request, id)
    refusal = ""
    if request.method == "POST":
        try:
            delete_add_on(row, by=request.actor, at=now(request.organization))
            return done(request, reverse("add-ons"), f"{row.name} deleted.", events=CHANGED)
        except BillingError as error:
            refusal = str(error)
    context = {"add_on": row, "use": add_on_use(row), "refusal": refusal, "action": request.path}
    status = 422 if refusal else 200
    return render_page(request, "billing/add_ons/delete.html", context, partials=("dialog",), status=status)
