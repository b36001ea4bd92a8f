"""The shell of every page: left menu, organization switcher, theme. One table of entries, filtered by
role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from billing.models import Member
from billing.rules.roles import PERMISSIONS
from billing.web.access import may, memberships_of, must_set_up


@dataclass(frozen=True)
class Entry:
    """A menu entry: what it says, its icon, the URL's name, the permission it needs."""

    label: str
    icon: str
    url_name: str
    permission: str
    also: tuple[str, ...] = ()  # further starts of addresses that belong to it
    key: str = ""  # the letter that follows g


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Reports",
        (
            Entry("Home", "house", "home", "customers.view", key="h"),
            Entry("Ageing", "hourglass", "ageing", "invoices.view", key="r"),
            Entry("Numbers", "list-ordered", "document-numbers", "invoices.view", key="u"),
        ),
    ),
    (
        "Configuration",
        (
            Entry("Billable metrics", "gauge", "metrics", "catalog.view", key="m"),
            Entry("Plans", "layers", "plans", "catalog.view", key="p"),
            Entry("Add-ons", "package", "add-ons", "catalog.view", key="a"),
            Entry("Coupons", "ticket-percent", "coupons", "coupons.view", key="o"),
            Entry("Taxes", "percent", "taxes", "catalog.view", key="t"),
        ),
    ),
    (
        "Operations",
        (
            Entry("Customers", "users", "customers", "customers.view", key="c"),
            Entry("Subscriptions", "repeat", "subscriptions", "subscriptions.view", key="s"),
            Entry("Invoices", "file-text", "invoices", "invoices.view", key="i"),
            Entry("Payments", "credit-card", "payments", "invoices.view", key="y"),
            Entry("Credit notes", "file-minus", "credit-notes", "credit_notes.view", key="n"),
            Entry("Wallets", "wallet", "wallets", "wallets.view", key="w"),
        ),
    ),
)
BOTTOM: tuple[Entry, ...] = (
    Entry("Settings", "settings", "settings", "settings.view", key="e"),
    Entry("Developers", "terminal", "developers", "events.view", ("/jobs", "/events"), key="d"),
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
        item = {"name": entry.url_name, "label": entry.label, "icon": entry.icon, "url": url}
        shown.append(item | {"active": active, "key": entry.key})
    return shown


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what base.html needs. Empty for people who are not signed in."""
    theme = request.COOKIES.get("theme", "system")
    keys = "off" if request.COOKIES.get("keys") == "off" else "on"
    shown: dict[str, Any] = {"theme": theme if theme in {"light", "dark"} else "system", "keys": keys}
    member = getattr(request, "member", None)
    if not member or request.path.startswith("/admin/"):
        return shown
    memberships = memberships_of(request)
    if must_set_up(request):  # nothing of the organization opens: no menu, no search
        return shown | {"organization": member.organization, "memberships": memberships, "must_set_up": True}
    return shown | {
        "member": member,
        "organization": member.organization,
        "can": {name.replace(".", "_"): may(member, name) for name in PERMISSIONS},
        "memberships": memberships,
        "menu": [
            {"heading": heading, "items": items}
            for heading, rows in MENU
            if (items := entries(request, member, rows))
        ],
        "menu_bottom": entries(request, member, BOTTOM),
    }
