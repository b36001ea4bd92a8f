"""Customers and the ids under which payment providers know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import QuerySet

from billing.models import Organization
from invoicing.models import PaymentProvider, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.rules.providers import SYNCING


def accounts_for(organization: Organization, disabled: Iterable[str] = ()) -> list[PaymentProvider]:
    """The accounts that customers are mirrored to: active, synchronising, of a kind that can, and not disabled for
    the customer. By priority.
    """
    rows = PaymentProvider.objects.of(organization).kept().filter(active=True, sync_customers=True)
    return list(rows.filter(type__in=SYNCING).exclude(type__in=list(disabled)))


def account_of(organization: Organization, kind: str) -> PaymentProvider | None:
    """The account that a provider's word means: an active one first, then by priority."""
    rows = PaymentProvider.objects.of(organization).kept().filter(type=kind.strip().lower())
    return rows.order_by("-active", "priority", "created_at").first()


def known_links() -> QuerySet[ProviderLink]:
    """Links whose customer the provider has, at accounts that are not deleted, with the account."""
    rows = ProviderLink.objects.filter(provider__deleted_at=None).exclude(external_id="")
    return rows.exclude(state=LinkState.DELETED).select_related("provider")


def ids_of(customers: Iterable[Any]) -> dict[UUID, dict[str, str]]:
    """`{customer id: {"stripe": "cus_…"}}` of customers or their ids, in one query. Of several accounts of one kind
    the one with the best priority counts.
    """
    keys = [getattr(customer, "pk", customer) for customer in customers]
    found: dict[UUID, dict[str, str]] = {key: {} for key in keys}
    ordered = known_links().filter(customer__in=keys).order_by("-provider__priority", "-provider__created_at")
    for key, kind, external_id in ordered.values_list("customer_id", "provider__type", "external_id"):
        found[key][kind] = external_id
    return found


def customer_by_provider_id(organization: Organization, reference: str) -> Any:
    """The present customer that a provider knows under this id; None when there is none."""
    if not reference:
        return None
    links = known_links().filter(organization=organization, external_id=reference)
    customers = apps.get_model("customers", "Customer").objects.of(organization).present()
    rows = customers.filter(pk__in=links.values("customer_id")).select_related("organization")
    return rows.order_by("pk").first()


def links_of(customer: Any) -> list[ProviderLink]:
    """The customer's links with their accounts, best priority first."""
    rows = ProviderLink.objects.filter(customer=customer, provider__deleted_at=None)
    return list(rows.select_related("provider").order_by("provider__priority", "provider__created_at"))
