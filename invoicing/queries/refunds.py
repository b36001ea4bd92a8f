"""Giving money back: by whom a payment can be sent back, and what is on its way."""

from __future__ import annotations

from django.db.models import Q

from invoicing.models import Payment, PaymentAttempt, PaymentProvider, ProviderType, Remittance
from invoicing.rules.paying import REFUNDING


def attempt_of(source: Payment | Remittance) -> PaymentAttempt | None:
    """The attempt that brought a transfer, a payment, or the transfer of which that is a part; None for money that
    was recorded by hand.
    """
    if isinstance(source, Remittance):
        wanted = Q(remittance=source)
    else:
        wanted = Q(payment=source)
        if source.remittance_id:
            wanted |= Q(remittance=source.remittance_id)
    return PaymentAttempt.objects.filter(wanted).select_related("provider", "request").first()


def paid_by(attempt: PaymentAttempt) -> Q:
    """The condition for the payments that an attempt's money has made, whenever it was used."""
    wanted = Q(pk=attempt.payment_id)
    return wanted | Q(remittance=attempt.remittance_id) if attempt.remittance_id else wanted


def account_of(source: Payment | Remittance) -> PaymentProvider | None:
    """The account that sends a payment or a transfer back; None where it must be sent by hand."""
    attempt = attempt_of(source)
    return attempt.provider if attempt is not None and not hindrance(attempt) else None


def hindrance(attempt: PaymentAttempt | None) -> str:
    """Why no provider sends a payment back: a sentence for staff. Empty when one does; empty as well for money that
    came by hand, which nobody would expect of it.
    """
    if attempt is None:
        return ""
    kind = ProviderType(attempt.provider.type)
    if kind.value not in REFUNDING or not attempt.money_id:
        return f"{kind.label} cannot be asked to send it back: send it yourself, then record it here."
    if attempt.provider.deleted_at:
        return f"The account {attempt.provider.name} was deleted here: send it back at {kind.label}, then record it."
    return ""
