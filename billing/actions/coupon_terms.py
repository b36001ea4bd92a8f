"""Coupons as they are offered: their terms, their end. Giving them to customers is `coupons.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.coupon_limits import LIMITS, set_limits
from billing.actions.coupons import end
from billing.actions.locks import lock_customer
from billing.models import AppliedCoupon, Coupon, CouponKind, Frequency, Metric, Organization, Plan
from billing.orm.actor import Actor
from billing.queries.catalog_use import coupon_use
from billing.rules.errors import Conflict, FieldErrors, Invalid

TERMS = ("code", "kind", "amount_minor", "currency", "percentage", "frequency", "periods", "reusable")
FIELDS = ("name", "description", "expires_at", *TERMS)


@transaction.atomic
def create_coupon(
    organization: Organization,
    *,
    name: str,
    code: str,
    kind: str,
    amount_minor: int | None = None,
    currency: str = "",
    percentage: Decimal | None = None,
    frequency: str = "once",
    periods: int | None = None,
    reusable: bool = True,
    expires_at: datetime | None = None,
    description: str = "",
    plans: Iterable[Plan] = (),
    metrics: Iterable[Metric] = (),
    by: Actor,
    at: datetime,
) -> Coupon:
    """A discount: `fixed_amount` with amount_minor and currency, or `percentage`; `periods` when recurring. Limited
    to `plans` or to `metrics`; neither: it lowers everything.

    Raises Invalid or FieldErrors at the field, Conflict (code_taken).
    """
    values = {
        "name": name,
        "code": code,
        "kind": kind,
        "amount_minor": amount_minor,
        "currency": currency,
        "percentage": percentage,
        "frequency": frequency,
        "periods": periods,
        "reusable": reusable,
        "expires_at": expires_at,
        "description": description,
    }
    coupon = Coupon(organization=organization)
    catalog.assign(coupon, values, FIELDS)
    check_expiry(coupon, at)
    write(coupon)
    limits = set_limits(coupon, {"plans": plans, "metrics": metrics})
    changes = {field: (None, value) for field, value in audit.snapshot(coupon, FIELDS).items() if value}
    changes |= {field: (None, codes) for field, (_, codes) in limits.items()}
    audit.record(organization, "coupon.created", coupon, by=by, at=at, changes=changes)
    return coupon


@transaction.atomic
def update_coupon(coupon: Coupon, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Coupon:
    """Change some of FIELDS; `plans` and `metrics` replace what it is limited to. Those and the TERMS stay once a
    customer has the coupon (FieldErrors coupon_locked).
    """
    coupon = catalog.lock(coupon)
    before = audit.snapshot(coupon, FIELDS)
    catalog.assign(coupon, {name: value for name, value in changes.items() if name not in LIMITS}, FIELDS)
    changed = audit.differences(before, coupon)
    changed |= set_limits(coupon, {name: changes.get(name) for name in LIMITS})
    if not changed:
        return coupon
    locked = [name for name in TERMS if name in changed]
    locked += ["applies_to"] if LIMITS.keys() & changed.keys() else []
    if locked and coupon_use(coupon).ever:
        raise FieldErrors(
            [(name, "Stays as it is: customers have it.") for name in locked], code="coupon_locked"
        )
    if "expires_at" in changed:
        check_expiry(coupon, at)
    write(coupon)
    audit.record(coupon.organization, "coupon.updated", coupon, by=by, at=at, changes=changed)
    return coupon


@transaction.atomic
def terminate_coupon(coupon: Coupon, *, by: Actor, at: datetime) -> Coupon:
    """Nobody gets it any more; who has it keeps it. Twice changes nothing."""
    coupon = catalog.lock(coupon)
    if coupon.terminated_at is None:
        coupon.terminated_at = at
        coupon.save(update_fields=["terminated_at", "updated_at"])
        audit.record(coupon.organization, "coupon.terminated", coupon, by=by, at=at)
    return coupon


@transaction.atomic
def delete_coupon(coupon: Coupon, *, by: Actor, at: datetime) -> Coupon:
    """Delete a coupon and end every active application; invoices already issued keep their discount.

    Customers are locked first, as everywhere. One who got the coupon in this very moment makes it a Conflict.
    """
    active = AppliedCoupon.objects.filter(coupon=coupon).active()
    customers = sorted(set(active.values_list("customer_id", flat=True)))
    for customer_id in customers:
        lock_customer(customer_id)
    coupon = catalog.lock(coupon)
    applications = list(active.locked().select_related("customer"))
    if not {applied.customer_id for applied in applications} <= set(customers):
        raise Conflict("A customer got this coupon just now. Look again and repeat.", code="coupon_changed")
    for applied in applications:
        end(applied, at)
        audit.record(coupon.organization, "coupon.removed", applied, by=by, at=at, customer=applied.customer)
    coupon.deleted_at = at
    coupon.save(update_fields=["deleted_at", "updated_at"])
    changes = {"applications": (len(applications), 0)}
    audit.record(coupon.organization, "coupon.deleted", coupon, by=by, at=at, changes=changes)
    return coupon


def check_expiry(coupon: Coupon, at: datetime) -> None:
    """Raise when the coupon would have ended before it begins."""
    if coupon.expires_at is not None and coupon.expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")


def write(coupon: Coupon) -> None:
    """Bring the terms into their one shape (no leftovers of the other kind), check, save."""
    problems: list[tuple[str, str]] = []
    if coupon.kind == CouponKind.FIXED_AMOUNT:
        coupon.percentage = None
        if not coupon.amount_minor or coupon.amount_minor < 0:
            problems.append(("amount_minor", "Enter an amount above zero."))
        if not coupon.currency:
            problems.append(("currency", "Choose the currency."))
    elif coupon.kind == CouponKind.PERCENTAGE:
        coupon.amount_minor, coupon.currency = None, ""
        if coupon.percentage is None or not 0 < coupon.percentage <= 100:
            problems.append(("percentage", "Enter a percentage above 0, up to 100."))
    if coupon.frequency != Frequency.RECURRING:
        coupon.periods = None
    elif not coupon.periods or coupon.periods < 1:
        problems.append(("periods", "Enter the number of invoices."))
    if problems:
        raise FieldErrors(problems)
    catalog.save(coupon)
