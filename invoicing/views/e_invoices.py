"""E-invoices of invoices and credit notes: whether they are complete, and the files."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.documents import file_name
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from invoicing.models import CreditNote
from invoicing.queries.e_invoice import e_invoice, missing_of
from invoicing.queries.e_invoice_xml import e_invoice_xml
from invoicing.rules.e_invoice import Missing
from invoicing.rules.peppol import lacking
from invoicing.views.frame import Billed, find_credit_note, find_invoice


@require_safe
@access("invoices.view")
def invoice_e_invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of an invoice's e-invoice."""
    return drawer(request, find_invoice(request, id))


@require_safe
@access("credit_notes.view")
def credit_note_e_invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of a credit note's e-invoice."""
    return drawer(request, find_credit_note(request, id))


@require_safe
@access("invoices.view")
def invoice_xml(request: StaffRequest, id: UUID) -> HttpResponse:
    """The file, `?format=ubl` or `cii`."""
    return file_of(request, find_invoice(request, id))


@require_safe
@access("credit_notes.view")
def credit_note_xml(request: StaffRequest, id: UUID) -> HttpResponse:
    """The file, `?format=ubl` or `cii`."""
    return file_of(request, find_credit_note(request, id))


def drawer(request: StaffRequest, row: Billed) -> HttpResponse:
    """What it says, or what is missing and where it is set."""
    note = isinstance(row, CreditNote)
    noun = "credit-note" if note else "invoice"
    document = e_invoice(row)
    context = {
        "document": row,
        "noun": "credit note" if note else "invoice",
        "back_url": reverse(noun, args=[row]),
        "xml_url": reverse(f"{noun}-xml", args=[row]),
        "e": document,
        "missing": missing_rows(request, row, missing_of(row, document)),
        "undelivered": missing_rows(request, row, lacking(document)),
        "voided": row.status == "voided",
        "is_draft": row.status == "draft",
    }
    return render_page(request, "invoicing/e_invoice.html", context, partials=("drawer",))


def missing_rows(request: StaffRequest, row: Billed, found: list[Missing]) -> list[dict[str, Any]]:
    """Each with the form in which it is set, where the member may open that."""
    invoice = row.invoice if isinstance(row, CreditNote) else row
    links: dict[str, tuple[str, str, list[Any], str]] = {
        "seller": ("Billing entity", "billing-entity", [invoice.billing_entity], "settings.view"),
        "buyer": ("Customer", "customer-edit", [invoice.customer], "customers.edit"),
        "tax": ("Taxes", "taxes", [], "catalog.view"),
    }
    rows = []
    for item in found:
        label, name, args, permission = links.get(item.where, ("", "", [], ""))
        url = reverse(name, args=args) if name and may(request.member, permission) else ""
        rows.append({"term": item.term, "text": item.text, "label": label, "url": url})
    return rows


def file_of(request: StaffRequest, row: Billed) -> HttpResponse:
    """The XML as a download, or the page that says why there is none."""
    syntax = request.GET.get("format", "ubl")
    response = HttpResponse(e_invoice_xml(row, syntax), content_type="application/xml")
    name = file_name(row, f"-{syntax}").removesuffix(".pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.xml"'
    return response
