"""All addresses of the product, read from the URLconf and from the API's routers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from billing.web.api import api
from tests.factories.world import World

# Pages of people who are not signed in, of the machine, and of the gallery.
PUBLIC = frozenset(
    {
        "login",
        "login-code",
        "logout",
        "password-reset",
        "password-reset-sent",
        "password-reset-confirm",
        "invitation",
        "health",
        # the customer portal: guarded by its own link, tests/customers/views/test_portal.py
        "portal",
        "portal-enter",
        "portal-leave",
        "portal-invoices",
        "portal-invoice-pdf",
        "portal-invoice-pay",
        "portal-credit-note-pdf",
        "portal-receipt-pdf",
        "portal-cards",
        "portal-card-add",
        "portal-card-choose",
        "portal-card-remove",
        "portal-statement",
        "portal-statement-csv",
        "portal-statement-pdf",
        "portal-usage",
        "portal-wallet",
        "portal-details",
        "portal-logo",
        "portal-brand",
        # payment providers and customers on their way back: tests/invoicing/views/test_incoming.py
        "paid",
        # paying what a letter asks for: tests/invoicing/views/test_payment_request_pages.py
        "pay-invoice",
        "pay-invoice-now",
        "pay-request",
        "pay-request-all",
        "pay-request-invoice",
        "card-saved",
        "provider-webhook",
        "provider-webhook-token",
        "theme",
        "gallery",
        # the file of an export: guarded by its own link, tests/billing/api/test_exports.py
        "export-file",
        # the API for people and for programs
        "api-document",
        "api-docs",
        "api-docs-group",
    }
)
# Arguments that are no ids of rows.
PLAIN_ARGUMENTS = {
    "noun": "metric",
    "kind": "stripe",
    "form": "invoice",
    "list": "invoices",
    "group": "customers",
    "uidb64": "MQ",
    "token": "no-such-token",
}
# Arguments whose name says more than the part of the address before them.
NAMED_ARGUMENTS = {
    "subscription_id": "subscriptions",
    "charge_id": "charges",
    "change_id": "price-changes",
    "transaction_id": "transactions",
    "entry_id": "wallet-entries",
    "account_id": "integrations",
    "method_id": "payment-methods",
    "reference": "external",
    "currency": "price-currencies",
}
ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>|\{(?:(\w+):)?(\w+)\}")


@dataclass(frozen=True)
class Address:
    """One pattern: its name, its route (`customers/<pid:id>/edit`) and its view."""

    name: str
    route: str
    view: Callable[..., Any]

    @property
    def has_arguments(self) -> bool:
        """Whether a part must be filled in."""
        return bool(ARGUMENT.search(self.route))

    def path(self, world: World | None = None) -> str:
        """The address with this world's ids. Raises LookupError for a noun that the world does not have."""
        return filled("/" + self.route, world)


def filled(route: str, world: World | None) -> str:
    """Put the id of the row that the part before names in place of each argument."""

    def value(match: re.Match[str]) -> str:
        name = match.group(2) or match.group(4)
        if name in PLAIN_ARGUMENTS:
            return PLAIN_ARGUMENTS[name]
        part = NAMED_ARGUMENTS.get(name) or route[: match.start()].strip("/").rpartition("/")[2]
        if world is None or part not in world.objects:
            raise LookupError(f"{route}: add a row for {part!r} to tests/factories/world.py")
        row = world.objects[part]
        return str(getattr(row, "public_id", row))

    return ARGUMENT.sub(value, route)


def pages() -> list[Address]:
    """Every page of our own; not the API, not the operator's back office."""
    found = list(walk(get_resolver().url_patterns, ""))
    assert len(found) > 40, "the URLconf was not read"
    return found


def walk(patterns: list[Any], prefix: str) -> Iterator[Address]:
    """The leaves of the URLconf."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.namespace not in {"admin", "api"}:
                yield from walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Address(pattern.name or "", route, pattern.callback)


def api_operations() -> list[tuple[str, str]]:
    """(method, route) of every operation of the API."""
    get_resolver().url_patterns  # noqa: B018 - importing the URLconf registers the routers
    found = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            route = "/api" + f"{prefix}/{path}".replace("//", "/").rstrip("/")
            found += [(method, route) for operation in view.operations for method in operation.methods]
    return sorted(set(found))
