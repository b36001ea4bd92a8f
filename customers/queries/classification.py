"""What a change of type or mode would do, in numbers, and which invoices it puts in question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from billing.models import Wallet
from billing.rules.money import from_minor
from customers.models import Customer
from customers.rules.classification import (
    TypeEffects,
    available,
    needs_review,
    review_from,
    type_effects,
)
from invoicing.models import Invoice


def effects_of(customer: Customer, kind: str) -> TypeEffects:
    """What this type means for the customer."""
    entity = customer.billing_entity
    return type_effects(
        kind,
        own_term=customer.net_payment_term_days,
        term=entity.net_payment_term_days,
        consumer_term=entity.consumer_payment_term_days,
    )


@dataclass(frozen=True)
class Effect:
    """One line of a preview: what it is now, and what it would be."""

    label: str
    now: str
    then: str

    @property
    def same(self) -> bool:
        """Whether nothing changes."""
        return self.now == self.then


def type_preview(customer: Customer, kind: str) -> list[Effect]:
    """The effects of another type in words."""
    pairs = zip(words(customer, customer.customer_type), words(customer, kind), strict=True)
    return [Effect(label, now, then) for (label, now), (_, then) in pairs]


def words(customer: Customer, kind: str) -> list[tuple[str, str]]:
    """What a type means, as (what, in words)."""
    found = effects_of(customer, kind)
    own = customer.net_payment_term_days is not None
    notice = "Printed" if customer.billing_entity.consumer_notice else "None written yet"
    days = f"{found.term_days} day{'' if found.term_days == 1 else 's'}"
    return [
        ("Payment term", f"{days} (the customer's own)" if own else days),
        ("Prices on invoices", "With tax" if found.prices_with_tax else "Without tax"),
        ("Reverse charge", "With a valid VAT number" if found.reverse_charge else "Never"),
        ("Notice to consumers", notice if found.notice else "Not printed"),
    ]


@dataclass(frozen=True)
class WalletEffect:
    """A wallet under both modes, in minor units."""

    wallet: Wallet
    now_minor: int
    then_minor: int


def mode_preview(customer: Customer, mode: str) -> list[WalletEffect]:
    """What each active wallet could spend now and in the other mode. Balances stay. One that was never used counts
    when it has credit to give.
    """
    able = Q(untouched=False) | Q(credit_limit_minor__gt=0)
    rows = Wallet.objects.filter(able, customer=customer).active().in_order_of_use()
    return [
        WalletEffect(
            row,
            available(customer.mode, row.balance_minor, row.credit_limit_minor),
            available(mode, row.balance_minor, row.credit_limit_minor),
        )
        for row in rows
    ]


def local_day(customer: Customer, at: datetime) -> date:
    """The day at the customer's."""
    return at.astimezone(ZoneInfo(customer.timezone or customer.billing_entity.timezone)).date()


def candidates(customer: Customer, at: datetime) -> QuerySet[Invoice]:
    """Finalised invoices that carry tax: of the last twelve months, and older ones that are unpaid."""
    since = review_from(local_day(customer, at))
    rows = Invoice.objects.filter(customer=customer, taxes_minor__gt=0).finalized()
    return rows.filter(Q(issuing_on__gte=since) | ~Q(payment_status="paid")).order_by("issuing_on", "pk")


def in_question(customer: Customer, name: str, old: str, new: str, *, at: datetime) -> list[Invoice]:
    """The invoices that may have to be corrected after a flip: none for every flip but unknown to business in the
    European Union.
    """
    wanted = name == "customer_type" and needs_review(old, new, customer.country)
    return list(candidates(customer, at)) if wanted else []


def flip_payload(
    customer: Customer, name: str, old: str, new: str, *, review: list[Invoice], reason: str, actor: str
) -> dict[str, Any]:
    """The data of `customer.type_changed`, which names the invoices to `review`, and `customer.mode_changed`."""
    data: dict[str, Any] = {
        "customerId": customer.public_id,
        "externalId": customer.external_id,
        "from": old,
        "to": new,
        "reason": reason,
        "actor": actor,
    }
    if name == "customer_type":
        data["correctiveInvoiceCandidates"] = [
            {
                "id": row.public_id,
                "number": row.number,
                "total": from_minor(row.total_minor, row.currency),
                "currency": row.currency,
            }
            for row in review
        ]
    return data
