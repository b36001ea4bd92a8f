"""What a provider would have said, handed to the actions that hear it otherwise: for demonstrations without one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from invoicing.actions.attempts import settle
from invoicing.actions.given_back import take
from invoicing.actions.payment_methods import save_method
from invoicing.clients.providers.base import GivenBack, Saved, Seen
from invoicing.models import PaymentAttempt, PaymentMethod, PaymentProvider, Refund


def told_paid(attempt: PaymentAttempt, money_id: str, *, at: datetime) -> PaymentAttempt:
    """All that was asked for has come."""
    return settle(attempt, Seen("successful", attempt.amount_minor, attempt.currency, money_id), at=at)


def told_declined(attempt: PaymentAttempt, reason: str, *, at: datetime) -> PaymentAttempt:
    """The bank said no."""
    return settle(attempt, Seen("failed", reason=reason, declined=True), at=at)


def told_card(
    customer: Any, account: PaymentProvider, name: str, last4: str, expires: tuple[int, int], *, at: datetime
) -> PaymentMethod:
    """A customer has left a Visa card."""
    facts = Saved(f"pm_{name}", f"cus_{name}", name, "card", "Visa", last4, expires)
    return save_method(customer, account, facts, at=at)


def told_given_back(refund: Refund, attempt: PaymentAttempt, external_id: str, *, at: datetime) -> None:
    """The money of a refund went back."""
    told = GivenBack(external_id, "successful", refund.amount_minor, refund.currency, refund.known_as)
    take(attempt, [told], refund=refund, at=at)
