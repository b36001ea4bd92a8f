"""The tabs of Settings and of Developers, filtered by role: one table for all their pages."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from billing.web.access import may

SETTINGS = (
    ("Organization", "settings", "settings.view"),
    ("Billing entities", "billing-entities", "settings.view"),
    ("Members", "members", "members.view"),
    ("Taxes", "taxes", "catalog.view"),
    ("VAT", "vat-settings", "settings.view"),
    ("Integrations", "integrations", "settings.view"),
    ("Dunning", "dunning", "settings.view"),
    ("Tags", "tags", "customers.view"),
    ("Custom fields", "custom-fields", "customers.view"),
    ("Privacy", "privacy", "customers.erase"),
)
DEVELOPERS = (
    ("Quick start", "developers", "events.view"),
    ("API keys", "api-keys", "api_keys.view"),
    ("API log", "api-log", "api_keys.view"),
    ("Webhooks", "webhooks", "webhooks.view"),
    ("Events", "events", "events.view"),
    ("Quarantine", "events-quarantine", "events.view"),
    ("Usage check", "usage-check", "events.view"),
    ("Clock", "clock", "events.view"),
    ("Jobs", "jobs", "jobs.view"),
    ("Mailbox", "mailbox", "api_keys.view"),
    ("Activity log", "audit", "audit.view"),
)


def tabs(
    request: HttpRequest, rows: tuple[tuple[str, str, str], ...], active: str, **counts: int
) -> list[dict[str, Any]]:
    """Items for `{% tabs %}`: those the member may open. `active` is the url name of the page itself."""
    shown = []
    for label, name, permission in rows:
        if not may(request.member, permission):  # type: ignore[attr-defined]
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        if name == "mailbox" and not settings.LOCAL_MAILBOX:
            continue
        item = {"label": label, "url": url, "active": name == active}
        shown.append(item | ({"count": counts[name]} if name in counts else {}))
    return shown


def settings_tabs(request: HttpRequest, active: str) -> list[dict[str, Any]]:
    """The tabs of a settings page."""
    return tabs(request, SETTINGS, active)


def developer_tabs(request: HttpRequest, active: str) -> list[dict[str, Any]]:
    """The tabs of a developers page."""
    return tabs(request, DEVELOPERS, active)
