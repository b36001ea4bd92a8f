"""Why a charge costs what it costs: steps, breakdown, days and the latest events, as a drawer and as a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Subscription
from billing.queries.usage import charges_of, current_usage
from billing.queries.usage_advance import fees_of_events
from billing.queries.usage_events import latest_events
from billing.queries.usage_pricing import ChargeUsage
from billing.rules.charges.base import Step
from billing.rules.charges.registry import CHARGE_MODELS
from billing.rules.periods import local_date
from billing.web.access import access
from billing.web.formats import money_text, units_text
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.queries.usage import subscriptions_with_usage
from customers.queries.usage_spans import rows_of
from customers.views.find import subscription_or_404
from customers.views.frame import find_customer
from customers.views.usage import looked_at
from customers.views.usage_chart import counted

EVENTS_SHOWN = 20
STEPS_SHOWN, PARTS_SHOWN = 60, 200
AGGREGATED = {
    "count": "The number of events.",
    "sum": "The sum of “{field}” over all events.",
    "max": "The highest “{field}” of any event.",
    "latest": "The last “{field}” that was sent.",
    "unique_count": "The number of different values of “{field}”.",
    "weighted_sum": "The sum of “{field}”, each value by the time that it stood in the period.",
}


@access("usage.view")
@require_safe
def customer_usage_charge(
    request: StaffRequest, id: UUID, subscription_id: UUID, charge_id: UUID
) -> HttpResponse:
    """From the customer's Usage tab."""
    customer = find_customer(request, id)
    subscription = subscriptions_with_usage(customer).filter(pk=subscription_id).first()
    if subscription is None:
        raise Http404("No such subscription.")
    back = f"{reverse('customer-usage', args=[customer])}?subscription={subscription.public_id}"
    return charge_answer(request, subscription, charge_id, back)


@access("usage.view")
@require_safe
def subscription_usage_charge(request: StaffRequest, id: UUID, charge_id: UUID) -> HttpResponse:
    """From the subscription's own Usage tab, which stays when the customer is deleted."""
    subscription = subscription_or_404(request, id)
    tab = reverse("subscription-usage", args=[subscription])
    return charge_answer(request, subscription, charge_id, f"{tab}?", crumbs="subscription")


def charge_answer(
    request: StaffRequest, subscription: Subscription, charge_id: UUID, back: str, *, crumbs: str = "customer"
) -> HttpResponse:
    """The charge in the span that the address names; `back` is the address of the tab that lists it, to which the
    span is added, and `crumbs` whose tab it is.
    """
    if subscription.started_at is None:
        raise Http404("Nothing has begun.")
    at, charges = now(request.organization), charges_of(subscription)
    look = looked_at(request, subscription, at)
    report = current_usage(subscription, at, window=(look.span.start, look.span.end), charges=charges)
    item = next((one for one in report.charges if one.charge.pk == charge_id), None)
    if item is None:
        raise Http404("No such charge.")
    priced, _ = rows_of(subscription, report, look.span, charges)
    row = next(row for row in priced if row.item is item)
    days = [day for day in report.days_by_charge.get(item.charge.pk, []) if day.events_count]
    events: list[Any] = latest_events(subscription, item.metric, report.start, report.end, EVENTS_SHOWN)
    fees = fees_of_events(item.charge, events) if item.charge.pay_in_advance else {}
    for event in events:
        event.fee = fees.get(event.pk)
    context = {
        "customer": subscription.customer,
        "subscription": subscription,
        "report": report,
        "item": item,
        "row": row,
        "span": look.span,
        "tz": report.tz,
        "amount": money_text(item.amount_minor, report.currency),
        "formula": formula(item),
        "columns": ["Step", "Units", "Price", f"Amount, {report.currency}"],
        "steps": [step_row(step) for step in item.priced.steps[:STEPS_SHOWN]],
        "more_steps": max(len(item.priced.steps) - STEPS_SHOWN, 0),
        "parts": [] if item.charge.sorting.plain else item.parts[:PARTS_SHOWN],
        "more_parts": max(len(item.parts) - PARTS_SHOWN, 0),
        "days": list(reversed(days)),
        "events": events,
        "events_url": events_address(request, subscription, item, report.start, report.end),
        "back_url": f"{back}{look.query}",
        "crumbs": crumbs,
    }
    return render_page(request, "customers/usage/charge.html", context, partials=("drawer",))


def events_address(
    request: StaffRequest, subscription: Subscription, item: ChargeUsage, start: datetime, end: datetime
) -> str:
    """The list of all events of the charge's metric in the span, page by page. Its days are the organization's,
    so that it may begin and end within a day of the span.
    """
    zone = request.organization.timezone
    last = max(start, end - timedelta(microseconds=1))
    wanted = {
        "subscription": subscription.external_id,
        "code": item.metric.code,
        "from": local_date(start, zone).isoformat(),
        "to": local_date(last, zone).isoformat(),
    }
    return f"{reverse('events')}?{urlencode(wanted)}"


def formula(item: ChargeUsage) -> str:
    """How the units and the price came about, in words."""
    units = AGGREGATED.get(item.metric.aggregation, "").format(field=item.metric.measures)
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
