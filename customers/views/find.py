"""Rows of the request's organization, or a 404."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from billing.models import Subscription, Wallet
from billing.web.requests import StaffRequest


def subscription_or_404(request: StaffRequest, key: UUID) -> Subscription:
    """A subscription, also of a deleted customer."""
    rows = Subscription.objects.of(request.organization)
    return cast(Subscription, rows.select_related("plan", "customer__billing_entity").get_or_404(pk=key))


def wallet_or_404(request: StaffRequest, key: UUID) -> Wallet:
    """A wallet, also of a deleted customer."""
    rows = Wallet.objects.of(request.organization)
    return cast(Wallet, rows.select_related("customer__billing_entity", "top_up_schedule").get_or_404(pk=key))
