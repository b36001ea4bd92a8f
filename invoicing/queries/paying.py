"""Attempts to be paid online: which accounts can be asked, what is open, what failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import Organization
from billing.rules.ids import encode
from billing.rules.money import from_minor
from invoicing.models import (
    Invoice,
    PaymentAttempt,
    PaymentProvider,
    PaymentRequest,
    ProviderEvent,
    RequestedInvoice,
)
from invoicing.models.paying import OPEN_STATES
from invoicing.queries.shapes_collecting import PaymentAttemptOut
from invoicing.rules.paying import PAYING, in_order, unable
from invoicing.rules.states import DisputeState

MOST_SHOWN = 20
MOST_NAMED = 3
# What the list of attempts can be narrowed to: label and condition.
ATTEMPT_STATES = {
    "": ("All", Q()),
    "open": ("Open", Q(state__in=OPEN_STATES)),
    "successful": ("Successful", Q(state="successful")),
    "failed": ("Failed", Q(state="failed")),
    "problem": ("To see to", ~Q(problem="")),
}


@dataclass(frozen=True)
class Ways:
    """The accounts that can take what is due, in order, and why the others cannot: [(account, reason)]."""

    accounts: list[PaymentProvider] = field(default_factory=list)
    others: list[tuple[PaymentProvider, str]] = field(default_factory=list)


def attempt_payload(row: PaymentAttempt) -> PaymentAttemptOut:
    """An attempt; `paymentId` is that of the payment once there is one, the attempt's before."""
    return {
        "id": row.public_id,
        "checkoutUrl": row.url,
        "note": row.note,
        "invoiceId": encode("inv", row.invoice_id) if row.invoice_id else None,
        "paymentRequestId": encode("preq", row.request_id) if row.request_id else None,
        "paymentId": encode("pay", row.payment_id) if row.payment_id else row.public_id,
        "remittanceId": encode("rem", row.remittance_id) if row.remittance_id else None,
        "provider": row.provider.type,
        "providerId": row.provider.public_id,
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "status": row.state,
        "paymentMethodId": encode("pmt", row.method_id) if row.method_id else None,
        "reason": row.reason or None,
        "expiresAt": row.expires_at,
        "createdAt": row.created_at,
    }


def ways_to_pay(customer: Any, amount_minor: int, currency: str) -> Ways:
    """Who would be asked for an amount."""
    rows = PaymentProvider.objects.of(customer.organization_id).kept().filter(active=True, type__in=PAYING)
    found = in_order(rows, preferred=customer.preferred_provider, disabled=customer.disabled_providers)
    ways = Ways()
    for row in rows:
        if row.type in customer.disabled_providers:
            ways.others.append((row, "is disabled for this customer"))
    for row in found:
        reason = unable(row.type, amount_minor, currency, email=customer.email, phone=customer.phone)
        if reason:
            ways.others.append((row, reason))
        else:
            ways.accounts.append(row)
    return ways


def payable_online(customer: Any, invoices: Iterable[Invoice]) -> set[UUID]:
    """The ids of those of a customer's invoices that an account could take what is due of."""
    rows = PaymentProvider.objects.of(customer.organization_id).kept().filter(active=True, type__in=PAYING)
    found = in_order(rows, preferred=customer.preferred_provider, disabled=customer.disabled_providers)
    reach = {"email": customer.email, "phone": customer.phone}
    return {
        row.pk
        for row in invoices
        if row.status == "finalized"
        and row.due_minor > 0
        and any(not unable(account.type, row.due_minor, row.currency, **reach) for account in found)
    }


def purpose_of(attempt: PaymentAttempt) -> str:
    """What a payer reads at the provider: `Invoice INV-7`, or `Invoices INV-7, INV-9 and 3 more`."""
    if attempt.invoice is not None:
        return f"Invoice {attempt.invoice.number}"
    parts = RequestedInvoice.objects.filter(request=attempt.request_id, invoice__status="finalized")
    parts = parts.exclude(invoice__payment_status="paid").exclude(invoice__dispute=DisputeState.OPEN.value)
    numbers = list(parts.order_by("invoice__due_on", "pk").values_list("invoice__number", flat=True))
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    return f"Invoice{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:MOST_NAMED])}{more}"


def concerning(invoices: Iterable[Invoice]) -> Q:
    """The condition for attempts that are to pay one of these invoices, alone or by a payment request."""
    keys = [row.pk for row in invoices]
    requests = RequestedInvoice.objects.filter(invoice__in=keys).values("request")
    return Q(invoice__in=keys) | Q(request__in=requests)


def under_way(at: datetime) -> Q:
    """The condition for attempts beside which no saved method is charged: a charge that is open, money that is on its
    way, no answer yet, or a phone that asks. A link that may be paid still is none.
    """
    asks = Q(state="pending", url="", expires_at__gt=at)
    return Q(state__in=("unknown", "processing")) | Q(state__in=OPEN_STATES, method__isnull=False) | asks


def attempts_of(subject: Invoice | PaymentRequest) -> list[PaymentAttempt]:
    """All attempts to pay an invoice, also together with others, or a payment request, also one of its invoices while
    it was open; the latest first.
    """
    rows = PaymentAttempt.objects.filter(
        during(subject) if isinstance(subject, PaymentRequest) else concerning([subject])
    )
    return list(rows.select_related("provider", "method", "invoice", "request"))


def during(request: PaymentRequest) -> Q:
    """The condition for attempts that were made for a request, in one sum or for one of its invoices."""
    mine = RequestedInvoice.objects.filter(request=request).values("invoice")
    alone = Q(invoice__in=mine, created_at__gte=request.created_at)
    if not request.open:
        alone &= Q(created_at__lte=request.updated_at)  # the moment of its end: it is not written afterwards
    return Q(request=request) | alone


def attempts(organization: Organization) -> QuerySet[PaymentAttempt]:
    """All attempts of an organization."""
    return PaymentAttempt.objects.of(organization).select_related(
        "provider", "invoice", "request", "customer"
    )


def attempts_in(organization: Organization, state: str) -> QuerySet[PaymentAttempt]:
    """Those in a state of ATTEMPT_STATES."""
    return attempts(organization).filter(ATTEMPT_STATES[state][1])


def open_attempts(account: PaymentProvider) -> int:
    """How many attempts of an account are not settled."""
    return PaymentAttempt.objects.filter(provider=account, state__in=OPEN_STATES).count()


def last_events(account: PaymentProvider) -> list[ProviderEvent]:
    """What the provider told last."""
    rows = ProviderEvent.objects.filter(provider=account).select_related(
        "attempt__invoice", "attempt__request"
    )
    return list(rows[:MOST_SHOWN])


def attempt_by(
    account: PaymentProvider, reference: str, external_id: str, payment_id: str = ""
) -> PaymentAttempt | None:
    """The attempt of an account that is meant by our reference, by the provider's id, or by that of the money."""
    rows = PaymentAttempt.objects.filter(provider=account)
    digits = reference.removeprefix("tarn-")
    if digits != reference and len(digits) == 32:
        try:
            return rows.filter(pk=UUID(digits)).first()
        except ValueError:
            return None
    if external_id:
        return rows.filter(external_id=external_id).first()
    return rows.filter(money_id=payment_id).first() if payment_id else None
