"""The Activity tab: who did what to the customer, when, and what it was before."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from billing.models import AuditEntry
from billing.web.access import access
from billing.web.formats import UNKNOWN, money_text
from billing.web.htmx import render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.views.frame import customer_frame, find_customer

TONES = {
    "created": "success",
    "started": "success",
    "paid": "success",
    "finalized": "info",
    "updated": "neutral",
    "terminated": "warning",
    "voided": "warning",
    "canceled": "warning",
    "failed": "danger",
    "deleted": "danger",
}


@require_GET
@access("audit.view")
def activity(request: StaffRequest, id: UUID) -> HttpResponse:
    """The customer's audit trail, newest first."""
    customer = find_customer(request, id)
    page = page_of(request, AuditEntry.objects.of(request.organization).filter(customer=customer))
    context = {"page": page, "entries": [described(entry, customer) for entry in page.object_list]}
    frame = customer_frame(request, customer, "activity")
    return render_page(request, "customers/activity.html", frame | context, partials=("activity-table",))


def described(entry: AuditEntry, customer: Customer) -> dict[str, Any]:
    """An entry for the timeline: at, title ("Wallet created"), subject, actor, tone, changes, reason.

    `changes` is [(field, before, after)] in words.
    """
    noun, _, verb = entry.action.partition(".")
    title = f"{noun} {verb}".replace("_", " ").capitalize()
    currency = entry_currency(entry, customer)
    return {
        "at": entry.at,
        "title": title,
        "subject": "" if entry.subject_id == customer.pk else entry.subject_label,
        "actor": entry.actor_label,
        "tone": TONES.get(verb, "neutral"),
        "reason": entry.reason,
        "changes": [
            (field_label(entry, name), value_text(name, old, currency), value_text(name, new, currency))
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
        label = name.removesuffix("_minor").removesuffix("_at").removesuffix("_on").replace("_", " ")
    return label[:1].upper() + label[1:]


def value_text(name: str, value: Any, currency: str) -> str:
    """A stored value for people; nothing is a dash."""
    if value in (None, "", {}, []):
        return UNKNOWN
    if name.endswith("_minor") and isinstance(value, int):
        return money_text(value, currency)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
