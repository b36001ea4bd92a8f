"""Accounts with payment providers for tests."""

from __future__ import annotations

from typing import Any

from billing.models import Organization
from invoicing.actions.providers import add_provider, set_strategy
from invoicing.models import PaymentProvider, ProviderLink
from tests.factories.people import ACTOR, NOW
from tests.services.stripe import KEY


def make_provider(
    organization: Organization, kind: str = "stripe", *, key: str = KEY, **fields: Any
) -> PaymentProvider:
    """An account, its secret key the one that the Stripe of the tests knows."""
    return add_provider(organization, kind, {"secret_key": key}, by=ACTOR, at=NOW, **fields)


def throwing(organization: Organization) -> None:
    """Changes that a provider refuses are refused."""
    set_strategy(organization, "throw", by=ACTOR, at=NOW)
    organization.refresh_from_db()


def link_of(customer: Any) -> ProviderLink:
    """The customer's only link, fresh."""
    return ProviderLink.objects.select_related("provider").get(customer=customer)
