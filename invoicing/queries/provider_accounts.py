"""Accounts with payment providers: how the API and the settings show them, and how their customers stand."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Count, Q, QuerySet

from invoicing.models import PaymentProvider, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.queries.shapes_collecting import PaymentProviderOut
from invoicing.rules.providers import FACTS, LABELS, SYNCING

COUNTS = {
    "synced": Q(links__state=LinkState.SYNCED, links__drift={}),
    "drifted": Q(links__state=LinkState.SYNCED) & ~Q(links__drift={}),
    "pending": Q(links__state=LinkState.PENDING),
    "failed": Q(links__state=LinkState.FAILED),
    "gone": Q(links__state=LinkState.DELETED, links__customer__deleted_at=None),
}
STATES = {
    "synced": Q(state=LinkState.SYNCED, drift={}),
    "drifted": Q(state=LinkState.SYNCED) & ~Q(drift={}),
    "pending": Q(state=LinkState.PENDING),
    "failed": Q(state=LinkState.FAILED),
    "gone": Q(state=LinkState.DELETED),
}


def provider_payload(row: PaymentProvider) -> PaymentProviderOut:
    """An account, under both systems' names, without credentials."""
    return {
        "id": row.public_id,
        "type": row.type,
        "providerName": row.type,
        "name": row.name,
        "active": row.active,
        "isActive": row.active,
        "priority": row.priority,
        "syncCustomers": row.sync_customers and row.type in SYNCING,
        "testedAt": row.tested_at,
        "testError": row.test_error or None,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def with_counts(rows: QuerySet[PaymentProvider]) -> QuerySet[PaymentProvider]:
    """Accounts with the numbers of their customers by state: `n_synced`, `n_drifted`, …"""
    counts = {f"n_{name}": Count("links", filter=condition) for name, condition in COUNTS.items()}
    return rows.annotate(**counts).order_by("priority", "created_at")


def links_in(account: PaymentProvider, state: str = "") -> QuerySet[ProviderLink]:
    """The account's links to customers that are not deleted, those that need a person first."""
    rows = ProviderLink.objects.filter(provider=account, customer__deleted_at=None)
    if state in STATES:
        rows = rows.filter(STATES[state])
    return rows.select_related("customer", "provider").order_by("-updated_at", "pk")


def drift_lines(link: ProviderLink) -> list[dict[str, str]]:
    """What differs, field by field, in the order of the form."""
    return [
        {"label": LABELS[name], "ours": link.drift[name][0], "theirs": link.drift[name][1]}
        for name in FACTS
        if name in link.drift
    ]


def unlinked_customers(account: PaymentProvider) -> Any:
    """Customers that the account does not know yet and may be told of."""
    customers = apps.get_model("customers", "Customer").objects.of(account.organization_id).present()
    allowed = customers.exclude(disabled_providers__contains=[account.type])
    return allowed.exclude(pk__in=ProviderLink.objects.filter(provider=account).values("customer_id"))
