"""What a coupon is limited to: some plans, or some metrics, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from billing.models import AppliedCoupon, Coupon, Metric, Plan
from billing.rules.errors import Conflict, Invalid

LIMITS: dict[str, type[Plan] | type[Metric]] = {"plans": Plan, "metrics": Metric}


def limits_of(coupon: Coupon) -> dict[str, list[Any]]:
    """{"plans": rows, "metrics": rows} as they stand."""
    return {name: list(getattr(coupon, name).order_by("code")) for name in LIMITS}


def set_limits(coupon: Coupon, wanted: Mapping[str, Iterable[Any] | None]) -> dict[str, tuple[Any, Any]]:
    """Limit a written coupon; a name that is missing or None stays. Returns what changed, by code, for the trail.

    Raises Invalid at `applies_to` for plans and metrics together, and for one that is deleted or not of the
    organization.
    """
    before = limits_of(coupon)
    after = dict(before)
    for name in LIMITS:
        if (rows := wanted.get(name)) is not None:
            after[name] = sorted(set(rows), key=lambda row: row.code)
    if after["plans"] and after["metrics"]:
        raise Invalid(
            "Limit the coupon to plans or to metrics, not to both.",
            code="limits_of_two_kinds",
            field="applies_to",
        )
    changed = {}
    for name, rows in after.items():
        if rows == before[name]:
            continue
        new = {row.pk for row in rows} - {row.pk for row in before[name]}
        if LIMITS[name].objects.of(coupon.organization_id).kept().filter(pk__in=new).count() < len(new):
            raise Invalid(f"There is no such {name[:-1]}.", code="unknown", field="applies_to")
        getattr(coupon, name).set(rows)
        changed[name] = tuple([row.code for row in side] for side in (before[name], rows))
    return changed  # type: ignore[return-value]


def check_overlap(coupon: Coupon, customer: Any) -> None:
    """Raise when another coupon that the customer has lowers one of the same plans or metrics: which of the two acts
    first would be chance.
    """
    theirs = AppliedCoupon.objects.filter(customer=customer).active().exclude(coupon=coupon)
    for name, model in LIMITS.items():
        mine = getattr(coupon, name).values("pk")
        found = theirs.filter(**{f"coupon__{name}__in": mine}).select_related("coupon").first()
        if found is None:
            continue
        shared = model.objects.filter(pk__in=mine).filter(pk__in=getattr(found.coupon, name).values("pk"))
        raise Conflict(
            f"The customer has {found.coupon.name}, which lowers {shared[0].name} too. Remove it first.",
            code="coupon_limits_overlap",
            field="coupon",
        )
