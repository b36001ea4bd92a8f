"""Saved payment methods: what a customer has left, and what of it can be charged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from invoicing.models import Invoice, MethodSetup, PaymentMethod, PaymentProvider
from invoicing.queries.shapes_collecting import PaymentMethodOut
from invoicing.rules.paying import CHARGING, unable

SETTING_UP = "stripe"  # where a card can be left without a payment


def saved_methods(customer: Any) -> list[PaymentMethod]:
    """A customer's methods, the default first, then by the order of the accounts. One query."""
    rows = PaymentMethod.objects.filter(customer=customer).saved().select_related("provider")
    return sorted(rows, key=lambda row: (not row.is_default, row.provider.priority, row.created_at, row.pk))


def has_methods(customer_id: Any) -> bool:
    """Whether anything is saved. One query."""
    return PaymentMethod.objects.filter(customer=customer_id).saved().exists()


def chargeable(
    invoice: Invoice, customer: Any, methods: Sequence[PaymentMethod], today: date
) -> tuple[list[PaymentMethod], list[tuple[PaymentMethod, str]]]:
    """Those that can be charged what is due, in order, and why the others cannot."""
    usable, others = [], []
    for row in methods:
        reason = hindrance(row, invoice, customer, today)
        if reason:
            others.append((row, reason))
        else:
            usable.append(row)
    return usable, others


def hindrance(method: PaymentMethod, invoice: Invoice, customer: Any, today: date) -> str:
    """Why a method cannot be charged what is due; empty when it can."""
    account = method.provider
    if account.deleted_at or not account.active:
        return "its account is switched off"
    if account.type not in CHARGING:
        return "cannot be charged without the customer"
    if account.type in customer.disabled_providers:
        return "its provider is disabled for this customer"
    if method.expires_on and method.expires_on < today:
        return "has expired"
    return unable(
        account.type, invoice.due_minor, invoice.currency, email=method.holder, phone=customer.phone
    )


def setup_account(customer: Any) -> PaymentProvider | None:
    """The account where a customer can leave a card; None when there is none."""
    rows = PaymentProvider.objects.of(customer.organization_id).kept().filter(active=True, type=SETTING_UP)
    found: PaymentProvider | None = None
    if SETTING_UP not in customer.disabled_providers:
        found = rows.order_by("priority", "created_at").first()
    return found


def setup_by(account: PaymentProvider, reference: str) -> MethodSetup | None:
    """The setup of an account that is meant by our reference."""
    digits = reference.removeprefix("tarn-")
    if digits == reference or len(digits) != 32:
        return None
    try:
        return MethodSetup.objects.filter(provider=account, pk=UUID(digits)).first()
    except ValueError:
        return None


def method_payload(row: PaymentMethod) -> PaymentMethodOut:
    """A saved method; never what it is charged by."""
    return {
        "id": row.public_id,
        "provider": row.provider.type,
        "providerId": row.provider.public_id,
        "type": row.kind,
        "brand": row.brand,
        "last4": row.last4,
        "expiresOn": row.expires_on,
        "isDefault": row.is_default,
        "createdAt": row.created_at,
    }
