"""The timeline of the Overview tab in words: days in the customer's time zone, with what comes and what happened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from itertools import groupby
from typing import Any

from babel.dates import format_date

from billing.models import Subscription
from billing.queries.schedules import customer_zone
from billing.rules.periods import local_date
from billing.web.access import may
from billing.web.formats import current_locale
from billing.web.requests import StaffRequest
from billing.web.trail_words import title
from customers.models import Customer
from customers.queries.coming import Coming, coming
from customers.queries.timeline import DECISIONS, Happened, past, read_place

SOON = 8
TONES = {
    "paid": "success",
    "not_paid": "danger",
    "voided": "warning",
    "issued": "info",
    "credited": "info",
    "expired": "warning",
    "granted": "success",
    "purchased": "success",
    "ended": "warning",
    "started": "success",
    "lot": "warning",
    "wallet": "warning",
    "vat": "warning",
    "bill": "info",
    "dunning": "warning",
    "requested": "warning",
}


def timeline(
    request: StaffRequest, customer: Customer, subscriptions: Iterable[Subscription], at: datetime
) -> dict[str, Any]:
    """The card's context: days to come and days gone by, and where the past goes on. Two queries.

    `?before=` is a place in the past, from which only older things are shown; `?coming=all` shows all that comes.
    """
    today = local_date(at, customer_zone(customer))
    allowed = partial(may, request.member)
    place = read_place(request.GET.get("before", ""))
    context: dict[str, Any] = {"older": bool(place), **history(request, customer, at)}
    if place is not None:
        return context
    items = coming(customer, subscriptions, at, allowed)
    shown = items if request.GET.get("coming") == "all" else items[:SOON]
    first_bill = next((item for item in shown if item.money), None)
    return context | {
        "coming_days": [
            day_of(on, today, [shown_coming(item, item is first_bill) for item in group])
            for on, group in groupby(shown, key=lambda item: item.day)
        ],
        "more_coming": len(items) - len(shown),
    }


def history(request: StaffRequest, customer: Customer, at: datetime) -> dict[str, Any]:
    """A page of the past by days, and the place where it goes on. One query."""
    tz = customer_zone(customer)
    today = local_date(at, tz)
    place = read_place(request.GET.get("before", ""))
    found, place_after = past(customer, partial(may, request.member), place)
    days = [
        day_of(on, today, [shown_past(item) for item in group])
        for on, group in groupby(found, key=lambda item: local_date(item.at, tz))
    ]
    if days and place is not None and days[0]["on"] == local_date(place.at, tz):
        days[0]["goes_on"] = True
    return {"past_days": days, "before": place_after}


def day_of(on: date, today: date, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A day with its weekday, how far away it is, and what belongs to it."""
    text = format_date(on, format="EEE d MMM y", locale=current_locale())
    return {"on": on, "text": text, "away": away((on - today).days), "items": items, "goes_on": False}


def away(days: int) -> str:
    """ "today", "tomorrow", "in 12 days", "3 days ago"; beyond two months the date says it better."""
    if days in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[days + 1]
    if abs(days) > 60:
        return ""
    return f"in {days} days" if days > 0 else f"{-days} days ago"


def shown_coming(item: Coming, estimated: bool) -> dict[str, Any]:
    """For `overview/coming.html`; `estimated`: this is the next invoice, whose amount the page asks for."""
    return {"item": item, "kind": item.kind, "tone": TONES.get(item.kind, "neutral"), "estimated": estimated}


def shown_past(item: Happened) -> dict[str, Any]:
    """For `overview/happened.html`."""
    shown: dict[str, Any] = {"item": item, "kind": item.kind, "tone": TONES.get(item.kind, "neutral")}
    if item.kind == "decided":
        shown["sentences"] = decided(item)
    return shown


def decided(item: Happened) -> list[str]:
    """What a line of the audit trail decided: ["Mode changed from Prepaid to Postpaid"]."""
    changes: dict[str, Any] = json.loads(item.note or "{}")
    if item.label in ("customer.created", "customer.merged"):
        return [title(item.label)]
    found = []
    for name in DECISIONS:
        if name in changes:
            field: Any = Customer._meta.get_field(name)
            words = dict(field.choices)
            old, new = (str(words.get(value, value or "none")) for value in changes[name])
            label = "Billing model" if name == "billing_model" else str(field.verbose_name).capitalize()
            found.append(f"{label} changed from {old} to {new}")
    if not found:
        words_of = title(item.label).replace("Customer vat", "VAT").replace("_", " ")
        found = [words_of[:1].upper() + words_of[1:]]
    return found
