"""Accounts that can be paid at, and invoices to pay, for tests."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

from billing.models import Organization
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.paying import open_checkout
from invoicing.actions.providers import add_provider
from invoicing.models import Invoice, PaymentAttempt, PaymentProvider
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW
from tests.services.african import FakeFlutterwave, FakePaystack
from tests.services.stripe import KEY
from tests.services.stripe_money import WEBHOOK_SECRET

NUMBERS = count(1)
BY: dict[str, Any] = {"by": ACTOR, "at": NOW}
SECRETS = {
    "stripe": {"secret_key": KEY, "webhook_secret": WEBHOOK_SECRET},
    "paystack": {"secret_key": FakePaystack.KEY},
    "flutterwave": {"secret_key": FakeFlutterwave.KEY, "secret_hash": FakeFlutterwave.HASH},
    "mpesa": {"consumer_key": "ck", "consumer_secret": "cs", "shortcode": "174379", "passkey": "pk"},
}


def make_payer(organization: Organization, kind: str = "stripe", **fields: Any) -> PaymentProvider:
    """An account whose credentials the servers of the tests know; customers are not mirrored."""
    fields = {"sync_customers": False, "name": f"{kind} {len(PaymentProvider.objects.all())}"} | fields
    credentials = fields.pop("credentials", SECRETS[kind])
    return add_provider(organization, kind, credentials, **fields, **BY)


def make_due(organization: Organization, amount: Any = 100, **customer: Any) -> Invoice:
    """A final invoice, in EUR unless the customer has another currency, without tax."""
    email = f"anna{next(NUMBERS)}@pay.example"
    made = make_customer(organization, **({"email": email} | customer))
    return create_one_off(made, [Item("Work", Decimal(amount))], finalize=True, **BY)


def open_link(invoice: Invoice, key: str = "k") -> PaymentAttempt:
    """Ask for what is due."""
    return open_checkout(invoice, key=key, **BY)
