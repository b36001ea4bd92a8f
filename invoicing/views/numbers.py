"""The proof that documents are numbered without a gap: all series, one with its voids and gaps, and both as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.rules.money import from_minor
from billing.web.access import access
from billing.web.csv_files import csv_answer
from billing.web.htmx import render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from invoicing.models import CreditNote, Invoice, Payment, Remittance, Sequence
from invoicing.queries.series import (
    PER_PAGE,
    SERIES,
    Kind,
    Series,
    Sums,
    all_series,
    deleted_drafts,
    documents_of,
    ends_of,
    every_place,
    gaps_of,
    kind_of,
    one_series,
    series_page,
    sums_of,
    titles_of,
)

LIST_HEAD = (
    *("kind", "billing_entity", "series_of", "first_place", "last_place", "first_number", "last_number"),
    *("documents", "voided", "missing", "outside", "gaps"),
)
ONE_HEAD = (
    "place",
    "number",
    "state",
    "issuing_date",
    "customer",
    "currency",
    "total",
    "voided_at",
    "void_reason",
)


def asked_kind(request: StaffRequest) -> Kind:
    """The kind of documents that the address asks for; invoices when it names none."""
    return SERIES.get(request.GET.get("kind", ""), next(iter(SERIES.values())))


@require_safe
@access("invoices.view")
def numbers(request: StaffRequest) -> HttpResponse:
    """Every series of a kind, twenty at a time, those with something wrong first."""
    organization, kind = request.organization, asked_kind(request)
    every = {one.key: sums_of(organization, one) for one in SERIES.values()}
    page = Paginator(range(every[kind.key].series), PER_PAGE).get_page(request.GET.get("page"))
    found = series_page(organization, kind, page.number)
    context = {
        "kind": kind,
        "sums": every[kind.key],
        "whole": all(sums.whole for sums in every.values()),
        "documents": sum(sums.documents for sums in every.values()),
        "rows": shown(request, kind, found),
        "page": page,
        "tab_items": tabs(kind, every),
        "deleted": deleted_drafts(organization) if kind.key == "invoice" else 0,
        "export_url": f"{reverse('document-numbers-export')}?kind={kind.key}",
    }
    return render_page(request, "invoicing/numbers/list.html", context, partials=("number-table",))


def tabs(kind: Kind, every: dict[str, Sums]) -> list[dict[str, Any]]:
    """The kinds of documents."""
    path = reverse("document-numbers")
    return [
        {
            "label": one.label,
            "url": f"{path}?kind={one.key}",
            "active": one == kind,
            "count": every[one.key].documents,
        }
        for one in SERIES.values()
    ]


def shown(request: StaffRequest, kind: Kind, found: list[Series]) -> list[dict[str, Any]]:
    """Series with what they are called, the numbers at their ends, and where those that are not whole have gaps."""
    titles = titles_of(request.organization, kind, [row.key for row in found])
    ends = ends_of(request.organization, kind, found)
    return [
        {
            "series": row,
            "url": reverse("document-series", args=[Sequence(id=row.id)]),
            "entity": titles[row.key][0],
            "whose": titles[row.key][1],
            "low": ends.get((row.key, row.low or 0), ""),
            "high": ends.get((row.key, row.high or 0), ""),
            "gaps": gap_words(request, kind, row),
        }
        for row in found
    ]


def gap_words(request: StaffRequest, kind: Kind, row: Series, most: int = 5) -> str:
    """Where numbers are missing: "4, 7 to 9"."""
    if not row.missing:
        return ""
    found = gaps_of(request.organization, kind, row, most + 1)
    said = [str(low) if low == high else f"{low} to {high}" for low, high in found[:most]]
    return ", ".join(said) + (" and more" if len(found) > most else "")


def find_series(request: StaffRequest, id: UUID) -> tuple[Series, Kind]:
    """A series of documents of the organization; else 404."""
    counter = cast(Sequence, Sequence.objects.of(request.organization).get_or_404(pk=id))
    kind = kind_of(counter)
    if kind is None:
        raise Http404("This counter numbers no documents.")
    return one_series(request.organization, counter, kind), kind


@require_safe
@access("invoices.view")
def series(request: StaffRequest, id: UUID) -> HttpResponse:
    """One series: where it has gaps, its voided documents with their reasons, and all of its documents."""
    found, kind = find_series(request, id)
    (row,) = shown(request, kind, [found])
    documents = documents_of(request.organization, kind, found.key)
    voided = kind.voids and request.GET.get("only") == "voided"
    page = page_of(request, documents.filter(status="voided") if voided else documents)
    path = reverse("document-series", args=[Sequence(id=found.id)])
    tab_items = [
        {"label": "All", "url": path, "active": not voided, "count": found.count},
        {"label": "Voided", "url": f"{path}?only=voided", "active": voided, "count": found.voided},
    ]
    gaps = gaps_of(request.organization, kind, found) if found.missing else []
    context = {
        "kind": kind,
        "row": row,
        "series": found,
        "gaps": [SimpleNamespace(low=low, high=high, size=high - low + 1) for low, high in gaps],
        "page": page,
        "rows": [document_row(kind, document) for document in page.object_list],
        "tab_items": tab_items if found.voided else [],
        "list_url": f"{reverse('document-numbers')}?kind={kind.key}",
        "export_url": reverse("document-series-export", args=[Sequence(id=found.id)]),
    }
    return render_page(request, "invoicing/numbers/series.html", context, partials=("place-table",))


def address_of(document: Any) -> str:
    """Where a document is shown; a receipt stands on the page of its payment or transfer."""
    if isinstance(document, Invoice):
        return reverse("invoice", args=[document])
    if isinstance(document, CreditNote):
        return reverse("credit-note", args=[document])
    if document.payment_id:
        return reverse("payment", args=[Payment(id=document.payment_id)])
    return reverse("remittance", args=[Remittance(id=document.remittance_id)])


def document_row(kind: Kind, document: Any) -> dict[str, Any]:
    """A document of a series."""
    return {
        "place": document.series_number,
        "number": document.number,
        "url": address_of(document),
        "day": getattr(document, kind.day),
        "party": document.customer_name,
        "minor": getattr(document, kind.total),
        "currency": document.currency,
        "voided": getattr(document, "status", "") == "voided",
        "voided_at": getattr(document, "voided_at", None),
        "reason": getattr(document, "void_reason", ""),
    }


@require_safe
@access("invoices.view")
def export(request: StaffRequest) -> HttpResponse:
    """All series of a kind as CSV."""
    kind = asked_kind(request)
    return csv_answer(f"{kind.key.replace('_', '-')}-series", LIST_HEAD, list_lines(request, kind))


def list_lines(request: StaffRequest, kind: Kind) -> Iterator[list[Any]]:
    """A line for each series; what they are called is read for twenty at a time."""
    every = all_series(request.organization, kind)
    for start in range(0, len(every), PER_PAGE):
        for row in shown(request, kind, every[start : start + PER_PAGE]):
            one = row["series"]
            yield [
                *(kind.key, row["entity"], row["whose"], one.first, one.last, row["low"], row["high"]),
                *(one.count, one.voided, one.missing, one.outside, row["gaps"]),
            ]


@require_safe
@access("invoices.view")
def series_export(request: StaffRequest, id: UUID) -> HttpResponse:
    """Every place of a series as CSV, also those without a document."""
    found, kind = find_series(request, id)
    return csv_answer(f"{kind.key.replace('_', '-')}-places", ONE_HEAD, place_lines(request, kind, found))


def place_lines(request: StaffRequest, kind: Kind, found: Series) -> Iterator[list[Any]]:
    """A line for each place."""
    for place, document in every_place(request.organization, kind, found):
        if document is None:
            yield [place, "", "missing", *[""] * 6]
            continue
        row = document_row(kind, document)
        total = from_minor(row["minor"], row["currency"])
        state = "voided" if row["voided"] else "issued"
        yield [
            *(place, row["number"], state, row["day"], row["party"], row["currency"], total),
            *(row["voided_at"], row["reason"]),
        ]
