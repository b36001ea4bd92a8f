"""The Activity tab: who did what to the customer, when, and what it was before."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_GET

from billing.models import AuditEntry
from billing.queries.schedules import customer_zone
from billing.web.access import access
from billing.web.formats import day_text, zone_of
from billing.web.htmx import render_page
from billing.web.paging import address, day_of
from billing.web.requests import StaffRequest
from billing.web.trail_words import field_words, title, tone, value_text, words
from customers.models import Customer
from customers.views.frame import customer_frame, find_customer

PER_PAGE = 30
CHOICES_FROM = 500  # the filters offer what the latest entries name, not a scan of the whole trail
# Objects that keep their page for good, by the name under which the trail knows them.
PAGES = {
    "invoice": "invoice",
    "creditnote": "credit-note",
    "payment": "payment",
    "subscription": "subscription",
    "wallet": "wallet",
}
FILTERS = {"kind": "Kind", "person": "Who", "from": "From", "to": "Until"}


@require_GET
@access("audit.view")
def activity(request: StaffRequest, id: UUID) -> HttpResponse:
    """The customer's audit trail by days, newest first; `?kind=`, `?person=`, `?from=`, `?to=` (days) narrow it.

    `?before=` is the place of an entry, from which only older ones are shown. Two queries beyond the frame's.
    """
    customer = find_customer(request, id)
    trail = AuditEntry.objects.of(request.organization).filter(customer=customer)
    context = trail_context(request, trail, customer, customer_zone(customer))
    frame = customer_frame(request, customer, "activity")
    return render_page(request, "customers/activity.html", frame | context, partials=("activity-table",))


def trail_context(
    request: StaffRequest, trail: QuerySet[AuditEntry], customer: Customer, tz: str
) -> dict[str, Any]:
    """What the page shows of a trail. Two queries."""
    chosen = {name: request.GET.get(name, "").strip() for name in FILTERS}
    rows = older(narrowed(trail, chosen, tz), request.GET.get("before", ""))
    found = list(rows.order_by("-at", "-id")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    latest = list(trail.order_by("-at", "-id").values_list("subject_type", "actor_label")[:CHOICES_FROM])
    zone = zone_of(tz)
    return {
        "days": [
            (day_text(on), [described(entry, customer) for entry in group])
            for on, group in groupby(shown, key=lambda entry: entry.at.astimezone(zone).date())
        ],
        "chosen": chosen,
        "kinds": [
            (kind, words(kind)) for kind in sorted({kind for kind, _ in latest} | {chosen["kind"]} - {""})
        ],
        "people": sorted({person for _, person in latest} | {chosen["person"]} - {""}),
        "chip_items": chips(request.GET, chosen),
        "clear_url": request.path,
        "newest_url": address(request.GET, "before") if request.GET.get("before") else "",
        "older_url": address(request.GET, before=place(shown[-1])) if len(found) > PER_PAGE else "",
    }


def narrowed(rows: QuerySet[AuditEntry], chosen: dict[str, str], tz: str) -> QuerySet[AuditEntry]:
    """The rows that the filters leave; a day that is none is left out."""
    if chosen["kind"]:
        rows = rows.filter(subject_type=chosen["kind"])
    if chosen["person"]:
        rows = rows.filter(actor_label=chosen["person"])
    if start := day_of(chosen["from"]):
        rows = rows.filter(at__gte=datetime.combine(start, time.min, zone_of(tz)))
    if end := day_of(chosen["to"]):
        rows = rows.filter(at__lt=datetime.combine(end + timedelta(days=1), time.min, zone_of(tz)))
    return rows


def place(entry: AuditEntry) -> str:
    """Where the list goes on after an entry: `2026-11-21T14:05:00.123456_<id>`, in UTC."""
    return f"{entry.at.astimezone(UTC).replace(tzinfo=None).isoformat()}_{entry.pk}"


def older(rows: QuerySet[AuditEntry], before: str) -> QuerySet[AuditEntry]:
    """The rows after a place; what is no place is left out."""
    moment, _, key = before.partition("_")
    try:
        at, pk = datetime.fromisoformat(moment).replace(tzinfo=UTC), UUID(key)
    except ValueError:
        return rows
    return rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk), at__lte=at)


def chips(query: QueryDict, chosen: dict[str, str]) -> list[dict[str, str]]:
    """The filters in force, each with the address without it."""
    return [
        {
            "label": FILTERS[name],
            "value": words(value) if name == "kind" else value,
            "remove_url": address(query, name, "before"),
        }
        for name, value in chosen.items()
        if value
    ]


def described(entry: AuditEntry, customer: Customer) -> dict[str, Any]:
    """An entry for the timeline: at, title ("Wallet created"), subject, actor, tone, changes, reason.

    `changes` is [(field, before, after)] in words.
    """
    currency = entry_currency(entry, customer)
    return {
        "at": entry.at,
        "title": title(entry.action),
        "subject": "" if entry.subject_id == customer.pk else entry.subject_label,
        "url": reverse(PAGES[entry.subject_type], args=[entry.subject_id])
        if entry.subject_type in PAGES
        else "",
        "actor": entry.actor_label,
        "tone": tone(entry.action),
        "reason": entry.reason,
        "changes": [
            (
                field_label(entry, name),
                value_text(name, label_of(entry, name, old), currency),
                value_text(name, label_of(entry, name, new), currency),
            )
            for name, (old, new) in sorted(entry.changes.items())
        ],
    }


def entry_currency(entry: AuditEntry, customer: Customer) -> str:
    """The currency that the entry's amounts are in."""
    pair = entry.changes.get("currency")
    return str(pair[1] or pair[0]) if pair else customer.currency


def field_label(entry: AuditEntry, name: str) -> str:
    """What the form calls the field, for the customer's own; else the column's name in words."""
    if entry.subject_type == "customer" and name in {field.name for field in Customer._meta.get_fields()}:
        label = str(Customer._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    else:
        label = field_words(name)
    return label[:1].upper() + label[1:]


def label_of(entry: AuditEntry, name: str, value: Any) -> Any:
    """What the form calls a code ("Prepaid"); other values as they are."""
    if not isinstance(value, str) or not value:
        return value
    own = {field.name: field for field in Customer._meta.get_fields()}
    choices = getattr(own.get(name), "choices", None) if entry.subject_type == "customer" else None
    return str(dict(choices or ()).get(value, value))
