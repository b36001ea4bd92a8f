"""Giving money back: by whom a payment can be sent back, and what is on its way."""

from __future__ import annotations

from invoicing.models import Payment, PaymentAttempt, PaymentProvider, ProviderType
from invoicing.rules.paying import REFUNDING


def attempt_of(payment: Payment) -> PaymentAttempt | None:
    """The attempt that brought a payment; None for money that was recorded by hand."""
    return PaymentAttempt.objects.filter(payment=payment).select_related("provider").first()


def account_of(payment: Payment) -> PaymentProvider | None:
    """The account that sends a payment back; None where it must be sent by hand."""
    attempt = attempt_of(payment)
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
