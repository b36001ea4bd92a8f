"""Who may see a page of the customer portal: whoever holds a link that works.

The link's secret is traded for a signed cookie of its own, for the portal's addresses only, so that it does not stand
in addresses, logs or referrers. Each request looks the link up: a revoked one opens nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from billing.actions.clock import now
from customers.actions.portal import note_use, working
from customers.models import Customer, PortalLink

COOKIE = "portal"
SALT = "customers.portal"
PATH = "/portal"
View = Callable[..., HttpResponse]


class PortalRequest(HttpRequest):
    """A request of a customer."""

    customer: Customer
    link: PortalLink


def private(response: HttpResponse) -> HttpResponse:
    """Never kept by a browser or a proxy, nor by a search engine."""
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex"
    return response


def closed(request: HttpRequest) -> HttpResponse:
    """No link, or one that works no more: the same answer for both."""
    return private(render(request, "portal/closed.html", status=403))


def portal(view: View) -> View:
    """Guard a view of the portal; dates show in the customer's time zone."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.get_signed_cookie(COOKIE, default=None, salt=SALT)
        rows = PortalLink.objects.select_related("customer__billing_entity", "customer__organization")
        found = rows.filter(pk=key).first() if key else None
        link = working(found, now(found.customer.organization)) if found else None
        if link is None:
            return closed(request)
        mine = cast(PortalRequest, request)
        mine.customer, mine.link = link.customer, link
        note_use(link, now(link.customer.organization))
        zone = link.customer.timezone or link.customer.billing_entity.timezone
        with timezone.override(zone):
            return private(view(mine, *args, **kwargs))

    return checked


def frame(request: PortalRequest, tab: str) -> dict[str, Any]:
    """What all pages of the portal show: who bills whom."""
    customer = request.customer
    return {
        "customer": customer,
        "entity": customer.billing_entity,
        "tab": tab,
        "tz": customer.timezone or customer.billing_entity.timezone,
    }
