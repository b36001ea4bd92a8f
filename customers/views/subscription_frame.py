"""What all tabs of a subscription's page share: its header, its tabs and what is announced above them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from billing.models import Subscription
from billing.queries.payloads_subscriptions import scheduled_change
from billing.queries.schedules import customer_zone
from billing.rules.states import SubscriptionStatus
from billing.web.access import may
from billing.web.requests import StaffRequest
from customers.forms.subscription import last_day

# tab, label, permission; the tab's page is `subscription-<tab>`, Overview's is `subscription`
TABS = (
    ("overview", "Overview", "subscriptions.view"),
    ("plan", "Plan", "subscriptions.view"),
    ("usage", "Usage", "usage.view"),
    ("thresholds", "Thresholds", "subscriptions.view"),
    ("alerts", "Alerts", "subscriptions.view"),
    ("invoices", "Invoices", "invoices.view"),
    ("activity", "Activity", "audit.view"),
)


def subscription_frame(request: StaffRequest, row: Subscription, tab: str) -> dict[str, Any]:
    """The context of `customers/subscriptions/view.html`. A query for the change of plan that may wait."""
    tz = customer_zone(row.customer)
    return {
        "subscription": row,
        "customer": row.customer,
        "tz": tz,
        "frame": "customers/subscriptions/view.html",
        "subscription_tabs": [
            {
                "label": label,
                "url": reverse("subscription" if name == "overview" else f"subscription-{name}", args=[row]),
                "active": name == tab,
            }
            for name, label, permission in TABS
            if may(request.member, permission)
        ],
        "change": scheduled_change(row),
        "last_day": last_day(row.ending_at, tz) if row.ending_at else None,
        "is_pending": row.status == SubscriptionStatus.PENDING.value,
    }
