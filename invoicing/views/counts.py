"""The two numbers beside "Invoices" in the left menu, on every page."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing.actions.clock import now
from billing.models import Member
from billing.web.access import may
from invoicing.queries.counts import open_counts

SECONDS = 15


def menu_counts(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `menu_counts` {drafts, overdue} as text, asked for only by a page that shows the menu.

    Everybody of an organization shares the answer for a quarter of a minute.
    """
    member: Member | None = getattr(request, "member", None)
    return {"menu_counts": SimpleLazyObject(lambda: counts(member))}


def counts(member: Member | None) -> dict[str, str]:
    """Nothing for people who may not see invoices."""
    if not member or not may(member, "invoices.view"):
        return {}
    key = f"menu-counts:{member.organization_id}"
    found: dict[str, str] | None = cache.get(key)
    if found is None:
        at = now(member.organization).astimezone(ZoneInfo(member.organization.timezone))
        found = open_counts(member.organization, at.date())
        cache.set(key, found, SECONDS)
    return found
