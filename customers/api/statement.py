"""GET /api/customers/{id}/statement."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest

from billing.actions.clock import now
from billing.queries.schedules import customer_zone
from billing.rules.ids import encode
from billing.rules.money import from_minor
from billing.rules.periods import local_date
from billing.web.api import ApiRequest, envelope
from billing.web.shapes import Object
from customers.api.lookup import present_customer
from customers.api.router import router
from customers.forms.statement import StatementForm
from customers.queries.ageing import COLUMNS
from customers.queries.shapes import StatementOut
from customers.queries.statement import Statement, currencies_of, statement

PREFIXES = {"invoice": "inv", "void": "inv", "credit_note": "cn", "payment": "pay", "refund": "ref"}


@router.get("/{id}/statement")
def customer_statement(request: HttpRequest, id: str) -> Object[StatementOut]:
    """The statement of account of `currency` (else the customer's own) from `first` to `last` (ISO days, both
    included; else from the first of the month two months ago up to today). `balance` is what is owed after each line.
    """
    staff = cast(ApiRequest, request)
    customer = present_customer(request, id)
    at = now(staff.organization)
    today = local_date(at, customer_zone(customer))
    form = StatementForm(request.GET, currencies=currencies_of(customer), today=today)
    found = statement(customer, form.chosen_currency, form.since, form.until, at)
    return envelope(statement_payload(customer.pk, found))


def statement_payload(customer_id: Any, found: Statement) -> StatementOut:
    """The statement in camelCase, amounts in major units."""

    def money(minor: int) -> Any:
        return from_minor(minor, found.currency)

    aged = found.aged.minor if found.aged else dict.fromkeys(COLUMNS, 0)
    return {
        "customerId": encode("cust", customer_id),
        "currency": found.currency,
        "from": found.first,
        "to": found.last,
        "openingBalance": money(found.opening_minor),
        "closingBalance": money(found.closing_minor),
        "charged": money(found.charged_minor),
        "credited": money(found.credited_minor),
        "onAccount": None if found.on_account_minor is None else money(found.on_account_minor),
        "ageing": {
            "notDue": money(aged["not_due"]),
            "days1To30": money(aged["late_30"]),
            "days31To60": money(aged["late_60"]),
            "days61To90": money(aged["late_90"]),
            "over90Days": money(aged["late_more"]),
            "disputed": money(aged["disputed"]),
            "total": money(aged["total"]),
        },
        "lines": [
            {
                "date": line.day,
                "type": line.kind,
                "id": encode(PREFIXES.get(line.kind, "wof"), line.id),
                "invoiceId": encode("inv", line.invoice_id),
                "number": line.number,
                "note": line.note,
                "dueDate": line.due_on,
                "amount": money(line.amount_minor),
                "change": money(line.change_minor),
                "balance": money(line.balance_minor),
            }
            for line in found.lines
        ],
    }
