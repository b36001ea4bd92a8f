"""What a top-up would do, before anything is booked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Sum

from billing.models import Wallet
from billing.queries.wallets import wallet_state
from billing.rules.errors import BillingError
from billing.rules.wallet_terms import check_credit
from billing.rules.wallets import credits_in


@dataclass(frozen=True)
class TopUpPreview:
    """Minor units: what is available now, at once after the grant, and when the invoice is paid; what is refused."""

    now_minor: int
    granted_minor: int = 0
    sold_minor: int = 0
    refusals: list[str] = field(default_factory=list)

    @property
    def at_once_minor(self) -> int:
        return self.now_minor + self.granted_minor

    @property
    def paid_minor(self) -> int:
        return self.at_once_minor + self.sold_minor

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show yet."""
        return not (self.granted_minor or self.sold_minor or self.refusals)


def top_up_preview(wallet: Wallet, paid: Any, granted: Any, at: datetime) -> TopUpPreview:
    """From what is typed; a text that is no number counts as nothing, the form says so when it is sent."""
    state = wallet_state(wallet, at)
    balance = state.cash_minor + state.promotional_minor
    refusals: list[str] = []
    minors: list[int] = []
    waiting = wallet.credit_invoices.unpaid().filter(wallet_credits__isnull=False)
    coming = waiting.aggregate(total=Sum("total_minor"))["total"] or 0
    for label, typed in (("Promotional", granted), ("To sell", paid)):
        minor = 0
        try:
            if (credits := number(typed)) is not None:
                minor = credits_in(credits, wallet.rate, wallet.currency).minor
                check_credit(
                    minor,
                    balance=balance + sum(minors),
                    coming=coming if label == "To sell" else 0,
                    terms=vars(wallet),
                    currency=wallet.currency,
                )
        except BillingError as error:
            refusals.append(f"{label}: {error}")
        minors.append(minor)
    return TopUpPreview(balance, minors[0], minors[1], refusals)


def number(typed: Any) -> Decimal | None:
    """A typed number, or nothing."""
    try:
        found = Decimal(str(typed or "").strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and found > 0 else None
