"""The Usage tab: what each subscription has used in its running period, by charge and by day."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Charge, Subscription
from billing.queries.usage import ChargeUsage, UsageReport, charges_of, current_usage, running_window
from billing.queries.usage_events import latest_events
from billing.queries.usage_totals import received
from billing.rules.charges.base import Step
from billing.rules.charges.registry import CHARGE_MODELS
from billing.rules.ids import decode
from billing.web.access import access
from billing.web.formats import day_text, money_text, units_text
from billing.web.htmx import render_page, wants_partial
from billing.web.requests import StaffRequest
from customers.queries.usage import past_periods, subscriptions_with_usage
from customers.views.frame import customer_frame, customer_url, find_customer

PAST_SHOWN = 24
EVENTS_SHOWN = 20
AGGREGATED = {
    "count": "The number of events.",
    "sum": "The sum of “{field}” over all events.",
    "max": "The highest “{field}” of any event.",
    "latest": "The last “{field}” that was sent.",
    "unique_count": "The number of different values of “{field}”.",
}


@access("usage.view")
@require_safe
def customer_usage(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab. `?subscription=` chooses one of several, `?charge=` what the chart shows.

    The page asks for its panel every few seconds; `?seen=` says what it shows already, and the answer is empty
    as long as nothing has moved, so that an open table or a focused bar stays as it is.
    """
    customer = find_customer(request, id)
    subscriptions = list(subscriptions_with_usage(customer))
    subscription = chosen(subscriptions, request.GET.get("subscription", ""))
    if subscription is None:
        context = customer_frame(request, customer, "usage")
        context |= {"subscription": None, "assign_url": customer_url("customer-assign", customer)}
        return render_page(request, "customers/usage/tab.html", context, partials=("usage-panel",))
    at = now(request.organization)
    window, charges = running_window(subscription, at), charges_of(subscription)
    seen = seen_mark(subscription, window, charges)
    if wants_partial(request) and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    with_items = bool(request.GET.get("charge"))
    report = current_usage(subscription, at, with_items=with_items, window=window, charges=charges)
    base = reverse("customer-usage", args=[customer])
    here = f"{base}?subscription={subscription.public_id}"
    item = next((one for one in report.charges if one.charge.public_id == request.GET.get("charge")), None)
    context = customer_frame(request, customer, "usage") | {
        "subscription": subscription,
        "choices": [
            {"row": row, "url": f"{base}?subscription={row.public_id}", "active": row == subscription}
            for row in subscriptions
        ],
        "report": report,
        "tz": report.tz,
        "over": report.at >= report.end,
        "refresh_url": f"{here}&charge={item.charge.public_id}" if item else here,
        "seen": seen,
        "series": series_tabs(report, item, here),
        "chart": bars(report, item),
        "chart_title": item.charge.invoice_name if item else "Events",
        "periods": list(past_periods(subscription)[:PAST_SHOWN]),
        "command": "" if report.events_count else event_command(request, report),
    }
    return render_page(request, "customers/usage/tab.html", context, partials=("usage-panel",))


def seen_mark(subscription: Subscription, window: tuple[datetime, datetime], charges: list[Charge]) -> str:
    """What a panel shows, in a word: it changes when an event comes or the period ends. Never newer than the
    figures beside it, because it is read before them.
    """
    start, end = window
    count = received(subscription.pk, [charge.metric for charge in charges], start, end)
    return f"{subscription.pk.hex[-8:]}-{start.timestamp():.0f}-{end.timestamp():.0f}-{count}"


def chosen(subscriptions: list[Subscription], reference: str) -> Subscription | None:
    """The subscription that the address names, else the first; one of somebody else's is a 404."""
    if not reference:
        return subscriptions[0] if subscriptions else None
    key = decode(Subscription.PREFIX, reference)
    for row in subscriptions:
        if row.pk == key:
            return row
    raise Http404("No such subscription.")


def series_tabs(report: UsageReport, item: ChargeUsage | None, here: str) -> list[dict[str, Any]]:
    """The switch of the chart: all events, or the units of one charge."""
    if len(report.charges) < 1:
        return []
    tabs = [{"label": "Events", "url": here, "active": item is None}]
    for one in report.charges:
        url = f"{here}&charge={one.charge.public_id}"
        tabs.append({"label": one.charge.invoice_name, "url": url, "active": one is item})
    return tabs


def bars(report: UsageReport, item: ChargeUsage | None) -> list[dict[str, Any]]:
    """The days of the period as the chart takes them."""
    days = report.days_by_charge.get(item.charge.pk, []) if item else report.days
    word = "event" if item is None else "unit"
    return [
        {"label": day_text(day.on), "value": day.units, "title": counted(day.units, word)} for day in days
    ]


def counted(value: Decimal | int, word: str) -> str:
    """ "1 event", "1,200 events"."""
    return f"{units_text(value)} {word}" + ("" if value == 1 else "s")


def event_command(request: StaffRequest, report: UsageReport) -> str:
    """A shell command that pushes a first event to this very subscription; empty when nothing is charged."""
    if not report.charges or report.at >= report.end:
        return ""
    metric = report.charges[0].metric
    sent: dict[str, Any] = {
        "transactionId": "TRANSACTION",
        "subscriptionId": report.subscription.external_id,
        "code": metric.code,
    }
    if metric.field_name:
        sent["properties"] = {metric.field_name: "user-1" if metric.aggregation == "unique_count" else 10}
    quoted = json.dumps(sent, ensure_ascii=False).replace("'", "'\\''")
    body = quoted.replace("TRANSACTION", "'$(date +%s%N)'", 1)
    address = request.build_absolute_uri("/api/events")
    return (
        f"curl {address} \\\n"
        '  -H "Authorization: Bearer $TARN_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )


@access("usage.view")
@require_safe
def customer_usage_charge(
    request: StaffRequest, id: UUID, subscription_id: UUID, charge_id: UUID
) -> HttpResponse:
    """Why a charge costs what it costs: steps, days and the latest events."""
    customer = find_customer(request, id)
    rows = subscriptions_with_usage(customer)
    subscription = rows.filter(pk=subscription_id).first()
    if subscription is None:
        raise Http404("No such subscription.")
    report = current_usage(subscription, now(request.organization))
    item = next((one for one in report.charges if one.charge.pk == charge_id), None)
    if item is None:
        raise Http404("No such charge.")
    days = [day for day in report.days_by_charge.get(item.charge.pk, []) if day.events_count]
    context = {
        "customer": customer,
        "subscription": subscription,
        "report": report,
        "item": item,
        "tz": report.tz,
        "amount": money_text(item.amount_minor, report.currency),
        "formula": formula(item),
        "columns": ["Step", "Units", "Price", f"Amount, {report.currency}"],
        "steps": [step_row(step) for step in item.priced.steps],
        "days": list(reversed(days)),
        "events": latest_events(subscription, item.metric, report.start, report.end, EVENTS_SHOWN),
        "back_url": f"{reverse('customer-usage', args=[customer])}?subscription={subscription.public_id}",
    }
    return render_page(request, "customers/usage/charge.html", context, partials=("drawer",))


def formula(item: ChargeUsage) -> str:
    """How the units and the price came about, in words."""
    units = AGGREGATED.get(item.metric.aggregation, "").format(field=item.metric.field_name)
    model = CHARGE_MODELS[item.charge.charge_model].title.lower()
    return (
        f"{units} {counted(item.units, 'unit')} from {counted(item.events_count, 'event')}, priced {model}."
    )


def step_row(step: Step) -> list[str]:
    """A step as cells of the table: exact figures, because the amount is rounded only at its end."""
    price = ""
    if step.unit_amount is not None:
        price = units_text(step.unit_amount)
    elif step.rate is not None:
        price = f"{units_text(step.rate)} %"
    if step.flat_amount:
        price = f"{price} + {units_text(step.flat_amount)}" if price else units_text(step.flat_amount)
    units = "" if step.units is None else units_text(step.units)
    return [step.label, units, price, units_text(step.amount)]
