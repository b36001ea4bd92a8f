"""What a change of type or mode would do, in numbers, and which invoices it puts in question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from billing.models import EmittedEvent, Wallet
from billing.rules.money import from_minor
from customers.models import Customer, CustomerType
from customers.rules.classification import (
    TypeEffects,
    available,
    needs_review,
    review_from,
    type_effects,
)
from invoicing.models import CreditNote, Invoice

SHOWN_FOR = timedelta(days=60)


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
    """What each active wallet could spend now and in the other mode. Balances stay."""
    rows = Wallet.objects.filter(customer=customer).active().in_order_of_use()
    return [
        WalletEffect(
            row,
            available(customer.mode, row.balance_minor, row.credit_limit_minor),
            available(mode, row.balance_minor, row.credit_limit_minor),
        )
        for row in rows
    ]


def candidates(customer: Customer, at: datetime) -> QuerySet[Invoice]:
    """Finalised invoices that carry tax: of the last twelve months, and older ones that are unpaid."""
    zone = ZoneInfo(customer.timezone or customer.billing_entity.timezone)
    since = review_from(at.astimezone(zone).date())
    rows = Invoice.objects.filter(customer=customer, taxes_minor__gt=0).finalized()
    return rows.filter(Q(issuing_on__gte=since) | ~Q(payment_status="paid")).order_by("issuing_on", "pk")


def flip_payload(
    customer: Customer, name: str, old: str, new: str, *, reason: str, actor: str, at: datetime
) -> dict[str, Any]:
    """The data of `customer.type_changed` and `customer.mode_changed`. A type change names the invoices that may have
    to be corrected; the list is empty for every flip but unknown to business in the European Union.
    """
    data: dict[str, Any] = {
        "customerId": customer.public_id,
        "externalId": customer.external_id,
        "from": old,
        "to": new,
        "reason": reason,
        "actor": actor,
    }
    if name == "customer_type":
        review = needs_review(old, new, customer.country)
        found = list(candidates(customer, at)) if review else []
        data["correctiveInvoiceCandidates"] = [
            {
                "id": row.public_id,
                "number": row.number,
                "total": from_minor(row.total_minor, row.currency),
                "currency": row.currency,
            }
            for row in found
        ]
    return data


def to_review(customer: Customer, at: datetime) -> list[Invoice]:
    """The invoices that the last change of type put in question, for sixty days: without those that have been voided
    or have a credit note since. Two queries, one when there was no such change.
    """
    if customer.customer_type != CustomerType.BUSINESS:
        return []
    events = EmittedEvent.objects.of(customer.organization_id).filter(
        subject_id=customer.pk, name="customer.type_changed", at__gt=at - SHOWN_FOR
    )
    event = events.first()
    named = event.data.get("correctiveInvoiceCandidates", []) if event else []
    if event is None or not named:
        return []
    rows = Invoice.objects.filter(customer=customer, number__in=[row["number"] for row in named]).finalized()
    corrected = CreditNote.objects.filter(customer=customer, created_at__gte=event.created_at)
    return list(rows.exclude(pk__in=corrected.values("invoice")).order_by("issuing_on", "pk"))
