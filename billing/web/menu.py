"""The shell of every page: left menu, organization switcher, theme. One table of entries, filtered by
role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from billing.models import Member
from billing.rules.roles import PERMISSIONS
from billing.web.access import may


@dataclass(frozen=True)
class Entry:
    """A menu entry: what it says, its icon, the URL's name, the permission it needs."""

    label: str
    icon: str
    url_name: str
    permission: str
    also: tuple[str, ...] = ()  # further starts of addresses that belong to it


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("Reports", (Entry("Home", "house", "home", "customers.view"),)),
    (
        "Configuration",
        (
            Entry("Billable metrics", "gauge", "metrics", "catalog.view"),
            Entry("Plans", "layers", "plans", "catalog.view"),
            Entry("Coupons", "ticket-percent", "coupons", "coupons.view"),
            Entry("Taxes", "percent", "taxes", "catalog.view"),
        ),
    ),
    (
        "Operations",
        (
            Entry("Customers", "users", "customers", "customers.view"),
            Entry("Subscriptions", "repeat", "subscriptions", "subscriptions.view"),
            Entry("Invoices", "file-text", "invoices", "invoices.view"),
            Entry("Payments", "credit-card", "payments", "invoices.view"),
            Entry("Credit notes", "file-minus", "credit-notes", "credit_notes.view"),
            Entry("Wallets", "wallet", "wallets", "wallets.view"),
        ),
    ),
)
BOTTOM: tuple[Entry, ...] = (
    Entry("Settings", "settings", "settings", "settings.view"),
    Entry("Developers", "terminal", "developers", "events.view", ("/jobs", "/events")),
)


def entries(request: HttpRequest, member: Member, rows: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """The entries that this member may open, as the template shows them."""
    shown = []
    for entry in rows:
        if not may(member, entry.permission):
            continue
        try:
            url = reverse(entry.url_name)
        except NoReverseMatch:
            continue
        starts = (url, *entry.also)
        active = request.path == url if url == "/" else request.path.startswith(starts)
        shown.append({"label": entry.label, "icon": entry.icon, "url": url, "active": active})
    return shown


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what base.html needs. Empty for people who are not signed in."""
    theme = request.COOKIES.get("theme", "system")
    shown: dict[str, Any] = {"theme": theme if theme in {"light", "dark"} else "system"}
    member = getattr(request, "member", None)
    if not member or request.path.startswith("/admin/"):
        return shown
    return shown | {
        "member": member,
        "organization": member.organization,
        "can": {name.replace(".", "_"): may(member, name) for name in PERMISSIONS},
        "memberships": Member.objects.filter(user=member.user).select_related("organization"),
        "menu": [
            {"heading": heading, "items": items}
            for heading, rows in MENU
            if (items := entries(request, member, rows))
        ],
        "menu_bottom": entries(request, member, BOTTOM),
    }
