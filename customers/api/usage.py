"""/api/customers/{id}/usage: the running periods, and those that have been invoiced."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Query
from typing_extensions import TypedDict

from billing.actions.clock import now
from billing.models import Subscription
from billing.queries.payloads_usage import usage_list_payload, usage_payload
from billing.queries.shapes import Between, UsageListOut, UsageOut
from billing.queries.usage import current_usage
from billing.rules.errors import NotFound
from billing.rules.money import from_minor
from billing.web.api import ApiRequest, envelope
from billing.web.api_lists import ListQuery, window_of
from billing.web.shapes import Listing, Object
from customers.api.router import router
from customers.api.subscriptions import router as subscriptions
from customers.models import Customer
from customers.queries.usage import lines_of, past_periods, running_usage, subscriptions_with_usage, usage_tax
from invoicing.models import InvoicedPeriod, InvoiceLine


def find_customer(request: ApiRequest, reference: str) -> Customer:
    """The organization's customer that is not deleted; else 404."""
    return cast(Customer, Customer.objects.of(request.organization).present().by_public_id(reference))


class PastFilters(ListQuery):
    """Which of the past periods."""

    SORTS: ClassVar = {"from": "start"}

    subscription_id: str = ""


class PastChargeOut(TypedDict):
    """What was billed of a charge."""

    chargeId: str | None
    metricCode: str | None
    name: str
    units: Decimal
    eventsCount: int | None
    amount: Decimal
    steps: list[dict[str, Any]]


class PastUsageOut(Between):
    """A period that has been invoiced."""

    subscriptionId: str
    currency: str
    amount: Decimal
    invoiceId: str
    invoiceNumber: str | None
    invoiceStatus: str
    charges: list[PastChargeOut]


@router.get("/{id}/usage")
def customer_usage(request: HttpRequest, id: str) -> UsageListOut:
    """The running period of each subscription, and the sum over all in `meta`."""
    staff = cast(ApiRequest, request)
    customer = find_customer(staff, id)
    reports = running_usage(customer, now(staff.organization))
    return usage_list_payload(reports, customer.currency)


@router.get("/{id}/usage/past")
def past_usage(request: HttpRequest, id: str, filters: Query[PastFilters]) -> Listing[PastUsageOut]:
    """The periods on invoices, newest first, with the usage lines that were billed."""
    customer = find_customer(cast(ApiRequest, request), id)
    chosen = list(subscriptions_with_usage(customer))
    if filters.subscription_id:
        named = [
            row
            for row in chosen
            if filters.subscription_id in (row.external_id, row.public_id, str(row.pk), row.pk.hex)
        ]
        if not named:
            raise NotFound("There is no such subscription.")
        chosen = named
    rows = [period for row in chosen for period in past_periods(row)]
    found, meta = window_of(request, rows, InvoicedPeriod, filters)
    lines: dict[Any, list[InvoiceLine]] = {}
    for line in lines_of(found):
        lines.setdefault((line.invoice_id, line.subscription_id, line.period_start), []).append(line)
    return {"data": [past_payload(period, lines) for period in found], "meta": meta}


def past_payload(period: InvoicedPeriod, lines: dict[Any, list[InvoiceLine]]) -> PastUsageOut:
    """A period that has been invoiced."""
    invoice = period.invoice
    own = lines.get((invoice.pk, period.subscription_id, period.start), [])
    return {
        "subscriptionId": period.subscription.public_id,
        "from": period.start,
        "to": period.end,
        "currency": invoice.currency,
        "amount": from_minor(sum(line.amount_minor for line in own), invoice.currency),
        "invoiceId": invoice.public_id,
        "invoiceNumber": invoice.number or None,
        "invoiceStatus": invoice.status,
        "charges": [
            {
                "chargeId": line.charge.public_id if line.charge else None,
                "metricCode": line.charge.metric.code if line.charge else None,
                "name": line.description,
                "units": line.units,
                "eventsCount": line.events_count,
                "amount": from_minor(line.amount_minor, invoice.currency),
                "steps": line.steps,
            }
            for line in own
        ],
    }


@subscriptions.get("/{id}/usage")
def subscription_usage(request: HttpRequest, id: str) -> Object[UsageOut]:
    """The running period of one subscription."""
    staff = cast(ApiRequest, request)
    rows = Subscription.objects.of(staff.organization).select_related("plan", "customer__billing_entity")
    report = current_usage(rows.by_public_id(id), now(staff.organization), with_days=False)
    return envelope(usage_payload(report, usage_tax(report)))
