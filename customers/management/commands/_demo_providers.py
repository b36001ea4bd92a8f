"""The demo's accounts with payment providers. None of them is asked anything: the Stripe account is switched off."""

from __future__ import annotations

from datetime import datetime

from billing.models import Organization
from billing.orm.actor import Actor
from invoicing.actions.provider_links import link_customer
from invoicing.actions.providers import add_provider

LINKED = 12


def make_providers(organization: Organization, customers: list[object], by: Actor, at: datetime) -> None:
    """Transfers by hand first, M-Pesa for Uganda, and a Stripe account that is not active, with some ids known."""
    add_provider(organization, "manual", {}, name="Bank transfer", by=by, at=at)
    shop = {"consumer_key": "demo", "consumer_secret": "demo", "shortcode": "174379"}
    add_provider(organization, "mpesa", shop, name="M-Pesa Uganda", by=by, at=at)
    stripe = add_provider(
        organization,
        "stripe",
        {"secret_key": "sk_test_demo"},
        name="Stripe Europe",
        active=False,
        by=by,
        at=at,
    )
    for number, customer in enumerate(customers[:LINKED], start=1):
        link_customer(customer, stripe, f"cus_DemoTarn{number:04d}", by=by, at=at)
