"""A customer's coupons as the rules see them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet

from billing.models import AppliedCoupon, Coupon
from billing.orm.compiled import Compiled
from billing.rules.coupons import Coupon as CouponFacts
from billing.rules.coupons import CouponKind as FactKind
from billing.rules.coupons import Frequency as FactFrequency


def facts(applied: Any) -> CouponFacts:
    """What the rule needs to know of an application that `usable_coupons` has read."""
    left = applied.remaining_minor if applied.remaining_minor is not None else applied.amount_minor
    return CouponFacts(
        id=str(applied.pk),
        kind=FactKind(applied.kind),
        frequency=FactFrequency(applied.frequency),
        amount_minor=left or 0,
        rate=applied.percentage or Decimal(0),
        currency=applied.currency or None,
        uses_left=applied.periods_remaining,
        plan_ids=frozenset(map(str, applied.plan_ids)),
        metric_ids=frozenset(map(str, applied.metric_ids)),
    )


def invoice_lowered_by(coupon: Coupon, customer: Any, *, other_than: AppliedCoupon | None = None) -> str:
    """The number of the first invoice of the customer that the coupon lowered (by another application than that
    one); "" when it was never used. Drafts only show what it would take off, voided invoices have given it back.
    """
    deductions = apps.get_model("invoicing", "InvoiceDeduction").objects
    used = deductions.filter(
        applied_coupon__coupon=coupon, applied_coupon__customer=customer, invoice__status="finalized"
    )
    if other_than is not None:
        used = used.exclude(applied_coupon=other_than)
    number: str | None = used.order_by("pk").values_list("invoice__number", flat=True).first()
    return number or ""


def limits(noun: str) -> ArraySubquery:
    """The ids of the coupon's plans or metrics, in the query that reads the application. Its coupon's own stay while
    a customer has it, so they need no copy.
    """
    through = Coupon._meta.get_field(f"{noun}s").remote_field.through  # type: ignore[union-attr]
    return ArraySubquery(through.objects.filter(coupon=OuterRef("coupon_id")).values(f"{noun}_id"))


def usable_coupons(customer: Any, currency: str, *, lock: bool = False) -> list[AppliedCoupon]:
    """The customer's active applications for an invoice in this currency, oldest first, with the coupon's name as
    `coupon_name`. `lock`: they will be used up, so nobody may end them meanwhile.
    """
    asked = TO_USE_UP if lock else USABLE
    return list(asked.rows(customer.pk, currency))


def usable(customer_id: UUID, currency: str) -> QuerySet[AppliedCoupon]:
    """`usable_coupons` as a query."""
    rows = AppliedCoupon.objects.filter(customer_id=customer_id).active().filter(currency__in=["", currency])
    rows = rows.annotate(coupon_name=F("coupon__name"), plan_ids=limits("plan"), metric_ids=limits("metric"))
    return rows.order_by("applied_at", "pk")


USABLE = Compiled(usable, UUID, str)
TO_USE_UP = Compiled(lambda *values: usable(*values).select_for_update(of=("self",)), UUID, str)
