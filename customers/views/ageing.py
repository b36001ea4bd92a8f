"""The ageing report: who owes how much and since when, on any day; the page and the same as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.rules.money import from_minor
from billing.rules.periods import start_of_day
from billing.web.access import access
from billing.web.csv_files import csv_answer
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import PER_PAGE, tidy
from billing.web.requests import StaffRequest
from customers.actions.export import record_export
from customers.forms.ageing import AgeingFilters
from customers.queries.ageing import COLUMNS, SORTS, Aged, Ageing, ageing
from customers.rules.ageing import BUCKETS

HEADINGS = (
    ("not_due", "Not due"),
    *((bucket.name, bucket.label) for bucket in BUCKETS),
    ("disputed", "Disputed"),
    ("total", "Total"),
)
NAMES = ["customer_id", "external_id", "name", "currency", *COLUMNS, "invoices", "as_of"]


def asked(request: StaffRequest) -> tuple[AgeingFilters, date]:
    """The filters of the address, and the organization's today."""
    today = timezone.localtime(now(request.organization)).date()
    return AgeingFilters(request.GET, today=today), today


def found(
    request: StaffRequest, filters: AgeingFilters, today: date, limit: int | None, offset: int
) -> Ageing:
    """What the address asks for."""
    return ageing(
        request.organization,
        filters.day,
        end_of(filters.day, request) if filters.day < today else None,
        currency=filters.values.get("currency", ""),
        words=filters.values.get("q", ""),
        bucket=filters.values.get("bucket", ""),
        sort=sort_of(request),
        limit=limit,
        offset=offset,
    )


def end_of(day: date, request: StaffRequest) -> datetime:
    """The moment at which a day is over in the organization's zone."""
    return start_of_day(day + timedelta(days=1), request.organization.timezone)


def sort_of(request: StaffRequest) -> str:
    """The sort of the address when there is such a column, else the largest debts first."""
    wanted = request.GET.get("sort", "")
    return wanted if wanted.lstrip("-") in SORTS else "-total"


@require_safe
@access("invoices.view")
def report(request: StaffRequest) -> HttpResponse:
    """The page: customers with debts in a currency, twenty at a time, and totals of all by currency."""
    filters, today = asked(request)
    number = request.GET.get("page", "1")
    start = (max(int(number), 1) - 1) * PER_PAGE if number.isdecimal() and len(number) < 7 else 0
    result = found(request, filters, today, PER_PAGE, start)
    pages = Paginator(range(result.count), PER_PAGE)
    page = pages.get_page(number)
    if not result.rows and result.count:  # beyond the last page
        result = found(request, filters, today, PER_PAGE, (page.number - 1) * PER_PAGE)
    current = filters.day == today
    context = {
        "filters": filters,
        "chips": filters.chips(request.GET),
        "narrowed": bool({*filters.values} - {"on"}),
        "rows": [shown(row, today, linked=current) for row in result.rows],
        "totals": [shown(row, today, linked=current) for row in result.totals],
        "headings": [
            {"key": name, "label": label, "disputed": name == "disputed"} for name, label in HEADINGS
        ],
        "any_disputed": any(row.minor["disputed"] for row in result.totals),
        "page": page,
        "day": filters.day,
        "current": current,
        "sort": request.GET.get("sort", ""),
        "export_url": f"{reverse('ageing-export')}?{request.GET.urlencode()}",
    }
    response = render_page(request, "customers/ageing/report.html", context, partials=("ageing-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


def shown(row: Aged, today: date, *, linked: bool) -> SimpleNamespace:
    """A line with its cells; today's lead to the invoices behind them."""
    cells = [
        {
            "key": name,
            "minor": row.minor[name],
            "url": invoices_url(row, name, today) if linked and row.minor[name] else "",
        }
        for name, _ in HEADINGS
    ]
    return SimpleNamespace(row=row, cells=cells, customer=row.customer)


def invoices_url(row: Aged, name: str, today: date) -> str:
    """The invoices behind a cell, in the list's own filters."""
    values = {"tab": "outstanding", "currency": row.currency}
    if row.customer is not None:
        values["customer"] = row.customer.public_id
    if name == "not_due":
        values["due_from"] = today.isoformat()
    for bucket in BUCKETS:
        if bucket.name == name:
            first, last = bucket.due_days(today)
            values |= {"due_to": last.isoformat()} | ({"due_from": first.isoformat()} if first else {})
    if name == "disputed":
        values["tab"] = "disputed"
    return f"{reverse('invoices')}?{urlencode(values)}"


@require_safe
@access("invoices.view")
def export(request: StaffRequest) -> HttpResponse:
    """The report as CSV, all pages, amounts in major units of their currency."""
    filters, today = asked(request)
    result = found(request, filters, today, None, 0)
    record_export(
        request.organization,
        f"ageing {request.GET.urlencode()}".strip(),
        NAMES,
        by=request.actor,
        at=now(request.organization),
    )
    return csv_answer(f"ageing-{filters.day}", NAMES, lines(result, filters.day))


def lines(result: Ageing, day: date) -> Iterator[list[Any]]:
    """The cells of each row."""
    for row in result.rows:
        if (customer := row.customer) is None:
            continue  # a total
        amounts = [from_minor(row.minor[name], row.currency) for name in COLUMNS]
        head = [customer.public_id, customer.external_id, customer.display_name, row.currency]
        yield [*head, *amounts, row.invoices, day]
