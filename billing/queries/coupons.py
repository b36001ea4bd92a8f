"""A customer's coupons as the rules see them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing.models import AppliedCoupon
from billing.rules.coupons import Coupon as CouponFacts
from billing.rules.coupons import CouponKind as FactKind
from billing.rules.coupons import Frequency as FactFrequency


def facts(applied: AppliedCoupon) -> CouponFacts:
    """What the rule needs to know of an application."""
    left = applied.remaining_minor if applied.remaining_minor is not None else applied.amount_minor
    return CouponFacts(
        id=str(applied.pk),
        kind=FactKind(applied.kind),
        frequency=FactFrequency(applied.frequency),
        amount_minor=left or 0,
        rate=applied.percentage or Decimal(0),
        currency=applied.currency or None,
        uses_left=applied.periods_remaining,
    )


def usable_coupons(customer: Any, currency: str, *, lock: bool = False) -> list[AppliedCoupon]:
    """The customer's active applications for an invoice in this currency, oldest first. `lock`: they will be used
    up, so nobody may end them meanwhile.
    """
    active = AppliedCoupon.objects.filter(customer=customer).active().filter(currency__in=["", currency])
    rows = active.select_related("coupon").order_by("applied_at", "pk")
    return list(rows.select_for_update(of=("self",)) if lock else rows)
