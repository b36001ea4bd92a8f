"""A customer's statement of account: the page, and the same as CSV."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.queries.schedules import customer_zone
from billing.rules.money import from_minor
from billing.rules.periods import local_date
from billing.web.access import access
from billing.web.csv_files import csv_answer
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.forms.statement import StatementForm
from customers.models import Customer
from customers.queries.statement import Movement, Statement, currencies_of, statement
from customers.rules.ageing import BUCKETS
from customers.views.frame import customer_frame, find_customer
from invoicing.models import WriteOffKind

KINDS = {
    "invoice": "Invoice",
    "void": "Invoice voided",
    "credit_note": "Credit note",
    "payment": "Payment",
    "refund": "Refund",
    "write_off": "Written off",
    "write_off_undone": "Write-off undone",
}
NAMES = ["day", "kind", "number", "note", "due_on", "amount", "charged", "credited", "balance", "currency"]


def asked_for(customer: Customer, query: Any, at: Any) -> tuple[StatementForm, Statement]:
    """The statement that an address asks for."""
    today = local_date(at, customer_zone(customer))
    form = StatementForm(query, currencies=currencies_of(customer), today=today)
    return form, statement(customer, form.chosen_currency, form.since, form.until, at)


@require_safe
@access("invoices.view")
def customer_statement(request: StaffRequest, id: UUID) -> HttpResponse:
    """The page; `?currency=&first=&last=`."""
    customer = find_customer(request, id)
    form, found = asked_for(customer, request.GET, now(request.organization))
    context = statement_context(form, found) | {
        "csv_url": f"{reverse('customer-statement-csv', args=[customer])}?{form.query}",
        "pdf_url": f"{reverse('customer-statement-pdf', args=[customer])}?{form.query}",
        "linked": True,
    }
    frame = customer_frame(request, customer, "invoices")
    return render_page(request, "customers/statement/page.html", frame | context, partials=("statement",))


def statement_context(form: StatementForm, found: Statement, *, outside: bool = False) -> dict[str, Any]:
    """What the page shows, for staff and, `outside`, for the customer."""
    return {
        "form": form,
        "statement": found,
        "lines": [
            {"line": line, "kind": KINDS[line.kind], "note": note_of(line, outside)} for line in found.lines
        ],
        "ages": ages_of(found),
    }


def ages_of(found: Statement) -> list[dict[str, Any]]:
    """The closing balance by how late it is; what is disputed only where something is."""
    minor = found.aged.minor if found.aged else {}
    named = [("not_due", "Not due"), *((one.name, one.label) for one in BUCKETS), ("disputed", "Disputed")]
    return [
        {"label": label, "minor": minor.get(name, 0)}
        for name, label in named
        if name != "disputed" or minor.get(name)
    ]


def note_of(line: Movement, outside: bool) -> str:
    """What is said beside a line. Why something was given up, "bad debt" say, is not for the customer to read."""
    if line.kind == "credit_note":
        return f"for {line.note}"
    if line.kind in ("write_off", "write_off_undone"):
        return "" if outside else str(dict(WriteOffKind.choices).get(line.note, line.note))
    return line.note


@require_safe
@access("invoices.view")
def customer_statement_csv(request: StaffRequest, id: UUID) -> HttpResponse:
    """The statement as CSV, with its opening and closing balance."""
    customer = find_customer(request, id)
    _, found = asked_for(customer, request.GET, now(request.organization))
    return statement_file(found, customer)


def statement_file(found: Statement, customer: Customer, *, outside: bool = False) -> HttpResponse:
    """The file, amounts in major units."""
    return csv_answer(f"statement-{customer.external_id[:60]}-{found.last}", NAMES, cells(found, outside))


def cells(found: Statement, outside: bool) -> list[list[Any]]:
    """Its lines."""

    def money(minor: int) -> Any:
        return from_minor(minor, found.currency)

    lines: list[list[Any]] = [
        [found.first, "opening", "", "", None, None, None, None, money(found.opening_minor), found.currency]
    ]
    lines += [
        [
            line.day,
            line.kind,
            line.number,
            note_of(line, outside),
            line.due_on,
            money(line.amount_minor),
            money(line.charged_minor),
            money(line.credited_minor),
            money(line.balance_minor),
            found.currency,
        ]
        for line in found.lines
    ]
    closing = money(found.closing_minor)
    charged, credited = money(found.charged_minor), money(found.credited_minor)
    return [*lines, [found.last, "closing", "", "", None, None, charged, credited, closing, found.currency]]
