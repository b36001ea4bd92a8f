"""Why a customer's external ID and currency may no longer change: something has been assigned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from billing.models import AppliedCoupon, Subscription, WalletEntry
from customers.models import Customer
from invoicing.models import Invoice, InvoiceType

LOCKED_FIELDS = ("external_id", "currency")

WORDS = {
    "has_subscription": "a subscription",
    "has_coupon": "an applied coupon",
    "has_one_off": "a one-off invoice",
    "has_credits": "a wallet with credits",
    "has_sale": "an invoice for credits",
}


def lock_flags() -> dict[str, Exists]:
    """What has been assigned, as flags that a query of customers can read beside its rows."""
    of_customer = {"customer": OuterRef("pk")}
    return {
        "has_subscription": Exists(Subscription.objects.filter(**of_customer)),
        "has_coupon": Exists(AppliedCoupon.objects.filter(**of_customer)),
        "has_one_off": Exists(Invoice.objects.filter(type=InvoiceType.ONE_OFF, **of_customer)),
        "has_credits": Exists(WalletEntry.objects.filter(wallet__customer=OuterRef("pk"))),
        "has_sale": Exists(Invoice.objects.filter(type=InvoiceType.CREDIT, **of_customer)),
    }


def lock_reasons(customer: Customer) -> list[str]:
    """What has been assigned, in words ("a subscription"); empty while the fields may change. One query.

    Ended subscriptions and used-up coupons count: documents speak of them. An empty wallet does not,
    unless credits for it have been sold: their invoice is in its currency.
    """
    return reasons_in(Customer.objects.filter(pk=customer.pk).values(**lock_flags()).get())


def reasons_in(flags: Mapping[str, Any]) -> list[str]:
    """The reasons of flags that were read already."""
    return [words for name, words in WORDS.items() if flags[name]]


def lock_sentence(reasons: list[str]) -> str:
    """`["a subscription", "a coupon"]` -> "Fixed, because the customer has a subscription and a coupon."."""
    listed = reasons[0] if len(reasons) == 1 else f"{', '.join(reasons[:-1])} and {reasons[-1]}"
    return f"Fixed, because the customer has {listed}."
