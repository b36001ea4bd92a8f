"""Giving coupons to customers, using them on invoices, and taking them away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.coupon_limits import check_overlap
from billing.actions.locks import lock_present_customer
from billing.models import AppliedCoupon, Coupon, CouponKind, Frequency
from billing.orm.actor import Actor
from billing.orm.writing import updated, write
from billing.queries.coupons import invoice_lowered_by
from billing.rules.coupons import CouponCredit
from billing.rules.errors import Conflict, Invalid
from billing.rules.states import AppliedCouponStatus


@transaction.atomic
def apply_coupon(customer: Any, coupon: Coupon, *, by: Actor, at: datetime) -> AppliedCoupon:
    """Give a coupon to a customer: a copy of its terms that lowers the next invoices.

    Refused when it is terminated or expired, in another currency, not reusable and used before (one that was taken
    away unused, or whose invoices are all voided, can be given again), or limited to what
    another coupon of the customer is limited to; a second active application of the same coupon is a Conflict, so
    that a double click gives one discount.
    """
    customer = lock_present_customer(customer.pk)
    coupon = Coupon.objects.select_for_update().get(pk=coupon.pk)
    check_usable(coupon, customer, at)
    applied = AppliedCoupon.objects.create(
        organization=customer.organization,
        coupon=coupon,
        customer=customer,
        kind=coupon.kind,
        amount_minor=coupon.amount_minor,
        currency=coupon.currency,
        percentage=coupon.percentage,
        frequency=coupon.frequency,
        periods=coupon.periods,
        remaining_minor=coupon.amount_minor if coupon.frequency == Frequency.ONCE else None,
        periods_remaining=coupon.periods,
        applied_at=at,
    )
    audit.record(customer.organization, "coupon.applied", applied, by=by, at=at, customer=customer)
    return applied


def check_usable(coupon: Coupon, customer: Any, at: datetime) -> None:
    """Raise unless this coupon may be given to this customer now."""
    check_running(coupon, customer, at)
    if coupon.kind == CouponKind.FIXED_AMOUNT and coupon.currency != customer.currency:
        raise Invalid(
            f"The coupon is in {coupon.currency}, the customer is billed in {customer.currency}.",
            code="currencies_do_not_match",
            field="coupon",
        )
    check_once(coupon, customer)
    check_overlap(coupon, customer)


def check_once(coupon: Coupon, customer: Any, *, other_than: AppliedCoupon | None = None) -> None:
    """Raise when the coupon is for one use per customer, and another application of it has lowered an invoice."""
    if not coupon.reusable and (number := invoice_lowered_by(coupon, customer, other_than=other_than)):
        raise Conflict(
            f"This coupon can be used once per customer. It lowered invoice {number}.",
            code="coupon_not_reusable",
            field="coupon",
        )


def check_running(coupon: Coupon, customer: Any, at: datetime) -> None:
    """Raise when the coupon has ended, or the customer has it."""
    if coupon.deleted_at or coupon.terminated_at or (coupon.expires_at and coupon.expires_at <= at):
        raise Conflict("This coupon has ended.", code="coupon_ended", field="coupon")
    if AppliedCoupon.objects.filter(coupon=coupon, customer=customer).active().exists():
        raise Conflict("The customer has this coupon already.", code="coupon_already_applied", field="coupon")


@transaction.atomic
def restore_applied_coupon(applied: AppliedCoupon, *, by: Actor, at: datetime) -> AppliedCoupon:
    """Take a removal back: what is left of the application counts again. Twice changes nothing. Raises Conflict for
    one that is used up, a coupon that has ended, and one that the customer was given anew.
    """
    customer = lock_present_customer(applied.customer_id)
    coupon = Coupon.objects.select_for_update().get(pk=applied.coupon_id)
    applied = AppliedCoupon.objects.select_for_update(of=("self",)).get(pk=applied.pk)
    if applied.status == AppliedCouponStatus.ACTIVE.value:
        return applied
    used_up = applied.remaining_minor == 0 or applied.periods_remaining == 0
    single = applied.frequency == Frequency.ONCE and applied.kind == CouponKind.PERCENTAGE
    if used_up or (single and applied.deductions.exclude(invoice__status="voided").exists()):
        raise Conflict("This coupon is used up.", code="coupon_used_up")
    check_running(coupon, customer, at)
    check_once(coupon, customer, other_than=applied)
    check_overlap(coupon, customer)
    applied.status = AppliedCouponStatus.ACTIVE.value
    applied.terminated_at = None
    applied.save(update_fields=["status", "terminated_at", "updated_at"])
    audit.record(customer.organization, "coupon.restored", applied, by=by, at=at, customer=customer)
    return applied


@transaction.atomic
def remove_applied_coupon(applied: AppliedCoupon, *, by: Actor, at: datetime) -> AppliedCoupon:
    """End an application; invoices already issued keep their discount. Twice changes nothing."""
    applied = AppliedCoupon.objects.select_for_update(of=("self",)).get(pk=applied.pk)
    if applied.status == AppliedCouponStatus.ACTIVE.value:
        end(applied, at)
        customer = applied.customer
        audit.record(applied.organization, "coupon.removed", applied, by=by, at=at, customer=customer)
    return applied


def end(applied: AppliedCoupon, at: datetime) -> None:
    """Write the end of a locked application."""
    applied.status = AppliedCouponStatus.TERMINATED.value
    applied.terminated_at = at
    applied.save(update_fields=["status", "terminated_at", "updated_at"])


USED = ("remaining_minor", "periods_remaining", "status", "terminated_at", "updated_at")


def use_coupons(credits: Iterable[CouponCredit], applied: Iterable[AppliedCoupon], *, at: datetime) -> None:
    """Write what finalising an invoice has used up. The caller holds the customer's lock."""
    by_id = {str(row.pk): row for row in applied}
    for credit in credits:
        row = by_id[credit.coupon_id]
        if row.remaining_minor is not None:
            row.remaining_minor = credit.amount_left_minor
        row.periods_remaining = credit.uses_left
        if credit.terminated:
            row.status = AppliedCouponStatus.TERMINATED.value
            row.terminated_at = at
        write(updated(row, *USED))


def give_back(applied: AppliedCoupon, minor: int, *, by: Actor, at: datetime) -> None:
    """A voided invoice returns its use of a coupon; an application that was used up becomes active again, one
    that staff have removed stays ended. Of a coupon that is given once per customer, who has got another one since or
    by a merge, the application with more left stays.
    """
    applied = AppliedCoupon.objects.select_for_update(of=("self",)).get(pk=applied.pk)
    used_up = applied.remaining_minor == 0 or applied.periods_remaining == 0
    single = applied.frequency == Frequency.ONCE and applied.kind == CouponKind.PERCENTAGE
    if applied.remaining_minor is not None:
        applied.remaining_minor += minor
    if applied.periods_remaining is not None:
        applied.periods_remaining += 1
    if used_up or single:
        applied.status = AppliedCouponStatus.ACTIVE.value
        applied.terminated_at = None
    applied.save()
    twins = AppliedCoupon.objects.filter(coupon=applied.coupon_id, customer=applied.customer_id).active()
    if applied.status != AppliedCouponStatus.ACTIVE.value or applied.coupon.reusable:
        return
    for twin in twins.exclude(pk=applied.pk).locked():
        loser = applied if left_of(twin) >= left_of(applied) else twin
        end_twin(loser, "It is given once per customer, who has it already", by=by, at=at)


def left_of(row: AppliedCoupon) -> tuple[int, int]:
    """What two applications of one coupon are compared by: money left, then periods left."""
    return (row.remaining_minor or 0, row.periods_remaining or 0)


def end_twin(applied: AppliedCoupon, reason: str, *, by: Actor, at: datetime) -> None:
    """End a locked application, because its customer has another one of the same coupon."""
    end(applied, at)
    audit.record(
        applied.organization,
        "coupon.removed",
        applied,
        by=by,
        at=at,
        customer=applied.customer,
        reason=reason,
    )
