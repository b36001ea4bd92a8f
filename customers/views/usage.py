"""The Usage tab: what each subscription has used in its running period, by charge and by day."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Charge, Subscription
from billing.queries.usage import UsageReport, charges_of, current_usage, running_window, usage_window
from billing.queries.usage_advance import fees_count
from billing.queries.usage_totals import received
from billing.rules.errors import BillingError
from billing.rules.expression_trial import sample_properties
from billing.rules.ids import decode
from billing.rules.periods import local_date
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text
from billing.web.htmx import render_page, wants_partial
from billing.web.requests import StaffRequest
from customers.forms.usage import SpanForm
from customers.queries.usage import past_periods, subscriptions_with_usage
from customers.queries.usage_spans import (
    Span,
    billed_usage,
    invoiced_span,
    lifetime_minor,
    own_span,
    rows_of,
    running_span,
)
from customers.rules.ageing import change_percent
from customers.views.frame import customer_frame, customer_url, find_customer
from customers.views.late_usage import late_context
from customers.views.usage_chart import bars, series_tabs, stack
from invoicing.models import InvoicedPeriod
from invoicing.queries.running_commitment import running_commitment

PAST_SHOWN = 24


@access("usage.view")
@require_safe
def customer_usage(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab. `?subscription=` chooses one of several, `?period=` an invoiced period, `?from=&to=` own days,
    `?charge=` what the chart shows.

    The page asks for its panel every few seconds; `?seen=` says what it shows already, and the answer is empty
    as long as nothing has moved, so that an open table or a focused bar stays as it is.
    """
    customer = find_customer(request, id)
    rows = subscriptions_with_usage(customer).annotate(billed_minor=billed_usage())
    subscriptions: list[Subscription] = list(rows)
    subscription = chosen(subscriptions, request.GET.get("subscription", ""))
    url = reverse("customer-usage", args=[customer])
    choices = [
        {"row": row, "url": f"{url}?subscription={row.public_id}", "active": row == subscription}
        for row in subscriptions
    ]

    def frame() -> dict[str, Any]:
        assign = "" if subscription else customer_url("customer-assign", customer)
        return customer_frame(request, customer, "usage") | {"choices": choices, "assign_url": assign}

    base = f"{url}?subscription={subscription.public_id}" if subscription else url
    return usage_answer(request, subscription, base, frame)


def usage_answer(
    request: StaffRequest, subscription: Subscription | None, base: str, frame: Callable[[], dict[str, Any]]
) -> HttpResponse:
    """The page of a subscription's usage (None: nothing has begun) within a frame; `base` is its address, to which
    parameters are added.
    """
    if subscription is None:
        context = {"subscription": None} | frame()
        return render_page(request, "customers/usage/tab.html", context, partials=("usage-panel",))
    at, charges = now(request.organization), charges_of(subscription)
    look = looked_at(request, subscription, at)
    seen = seen_mark(subscription, (look.span.start, look.span.end), charges)
    if wants_partial(request) and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    with_items = bool(request.GET.get("charge"))
    window = (look.span.start, look.span.end)
    report = current_usage(subscription, at, with_items=with_items, window=window, charges=charges)
    here = f"{base}{look.query}"
    item = next((one for one in report.charges if one.charge.public_id == request.GET.get("charge")), None)
    rows, before_minor = rows_of(subscription, report, look.span, charges)
    amount = sum(row.amount_minor for row in rows)
    columns, series = ([], []) if item else stack(report)
    context = frame() | {
        "subscription": subscription,
        "report": report,
        "span": look.span,
        "form": look.form,
        "rows": rows,
        "amount_minor": amount,
        "before_minor": before_minor,
        "percent": None if before_minor is None else change_percent(amount, before_minor),
        "lifetime_minor": lifetime_minor(subscription, amount - report.paid_minor)
        if look.span.running
        else None,
        "commitment": running_commitment(subscription, at, look.span.start) if look.span.running else None,
        "begun": subscription.started_at,
        "tz": report.tz,
        "over": report.at >= report.end or not look.span.running,
        "refresh_url": f"{here}&charge={item.charge.public_id}" if item else here,
        "span_query": look.query.replace("&", "?", 1),
        "seen": seen,
        "chart_tabs": series_tabs(report, item, here),
        "chart": bars(report, item) if item else [],
        "columns": columns,
        "series": series,
        "chart_title": f"{item.charge.invoice_name}, units" if item else "Events by charge",
        "base_url": base,
        "period_choices": period_choices(look, base, report.tz),
        "periods": look.periods,
        **late_context(request, look.span.period),
        "command": "" if report.events_count or not look.span.running else event_command(request, report),
    }
    return render_page(request, "customers/usage/tab.html", context, partials=("usage-panel",))


@dataclass(frozen=True)
class Look:
    """What the address asks for: the span, its part of the address, the form of own days, the invoiced periods."""

    span: Span
    query: str
    form: SpanForm
    periods: list[InvoicedPeriod]


def looked_at(request: StaffRequest, subscription: Subscription, at: datetime) -> Look:
    """The running period, unless the address names another; days that make no sense are answered in the form."""
    periods = list(past_periods(subscription)[:PAST_SHOWN])
    window = usage_window(subscription, periods[0].end, at) if periods else running_window(subscription, at)
    running = running_span(window, at, periods)
    if reference := request.GET.get("period", ""):
        key = decode(InvoicedPeriod.PREFIX, reference)
        span = invoiced_span(key, periods) if key else None
        if span is None:
            raise Http404("No such period.")
        return Look(span, f"&period={reference}", SpanForm(), periods)
    if not (request.GET.get("from") or request.GET.get("to")):
        return Look(running, "", SpanForm(), periods)
    form = SpanForm(request.GET)
    if form.is_valid():
        first, last = form.cleaned_data["from"], form.cleaned_data["to"]
        try:
            span = own_span(subscription, first, last, at)
            return Look(span, f"&from={first:%Y-%m-%d}&to={last:%Y-%m-%d}", form, periods)
        except BillingError as error:
            add_error(form, error)
    return Look(running, "", form, periods)


def period_choices(look: Look, base: str, tz: str) -> list[dict[str, Any]]:
    """The entries of the menu: the running period, then the invoiced ones."""
    choices = [{"label": "Running period", "url": base, "active": look.span.running}]
    for period in look.periods:
        first = day_text(local_date(period.start, tz))
        label = f"{first} – {day_text(local_date(period.end - timedelta(microseconds=1), tz))}"
        active = look.span.period is not None and look.span.period.pk == period.pk
        choices.append({"label": label, "url": f"{base}&period={period.public_id}", "active": active})
    return choices


def seen_mark(subscription: Subscription, window: tuple[datetime, datetime], charges: list[Charge]) -> str:
    """What a panel shows, in a word: it changes when an event comes or the period ends. Never newer than the
    figures beside it, because it is read before them.
    """
    start, end = window
    count = received(subscription.pk, [charge.metric for charge in charges], start, end)
    mark = f"{subscription.pk.hex[-8:]}-{start.timestamp():.0f}-{end.timestamp():.0f}-{count}"
    if not any(charge.pay_in_advance for charge in charges):
        return mark
    return f"{mark}-{fees_count(subscription, start, end)}"  # fees follow their events


def chosen(subscriptions: list[Subscription], reference: str) -> Subscription | None:
    """The subscription that the address names, else the first; one of somebody else's is a 404."""
    if not reference:
        return subscriptions[0] if subscriptions else None
    key = decode(Subscription.PREFIX, reference)
    for row in subscriptions:
        if row.pk == key:
            return row
    raise Http404("No such subscription.")


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
    if metric.measures:
        value = "user-1" if metric.aggregation == "unique_count" else 10
        sent["properties"] = sample_properties(metric.field_name, metric.expression, value)
    quoted = json.dumps(sent, ensure_ascii=False).replace("'", "'\\''")
    body = quoted.replace("TRANSACTION", "'$(date +%s%N)'", 1)
    address = request.build_absolute_uri("/api/events")
    return (
        f"curl {address} \\\n"
        '  -H "Authorization: Bearer $TARN_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )
