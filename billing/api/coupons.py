"""/api/coupons, and giving them to customers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, cast

from django.apps import apps
from django.db.models import Q
from django.http import Http404, HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices, StrictBool, StrictInt

from billing.actions.clock import now
from billing.actions.coupon_terms import create_coupon, delete_coupon, update_coupon
from billing.actions.coupons import apply_coupon, remove_applied_coupon
from billing.api.lookups import by_id_or_code, columns, minor, refuse_null, rows_of
from billing.models import AppliedCoupon, Coupon, CouponKind, Metric, Organization, Plan
from billing.queries.payloads_catalog import coupon_payload
from billing.queries.payloads_subscriptions import applied_coupon_payload
from billing.queries.shapes import AppliedCouponOut
from billing.queries.shapes_catalog import CouponOut, DeletedCouponOut
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Coupons"])
COLUMNS = {"coupon_type": "kind"}
MAY_BE_NULL = ("amount", "currency", "percentage", "periods", "expires_at")


class CouponAppliesTo(ApiSchema):
    """What it is limited to, by code: plans or metrics. Sent empty, or as null, it lowers everything."""

    plan_codes: list[str] = Field(default_factory=list)
    billable_metric_codes: list[str] = Field(default_factory=list)


class CouponChanges(ApiSchema):
    """What PATCH takes: `fixed_amount` with amount and currency, or `percentage`."""

    name: str | None = None
    code: str | None = None
    description: str | None = None
    coupon_type: str | None = Field(
        None, validation_alias=AliasChoices("couponType", "coupon_type", "discountType", "kind")
    )
    amount: Decimal | None = None
    currency: str | None = None
    percentage: Decimal | None = None
    frequency: str | None = None
    periods: StrictInt | None = None
    reusable: StrictBool | None = None
    expires_at: datetime | None = None
    applies_to: CouponAppliesTo | None = None


class CouponIn(CouponChanges):
    """What POST takes."""

    name: str
    code: str
    coupon_type: str = Field(
        validation_alias=AliasChoices("couponType", "coupon_type", "discountType", "kind"),
        serialization_alias="couponType",
    )


class CouponFilters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = {"createdAt": "created_at", "name": "name", "code": "code", "updatedAt": "updated_at"}

    search: str = ""


class ApplyIn(ApiSchema):
    """Which coupon (id or code) for which customer (id or external id)."""

    customer_id: str
    coupon_id: str | None = None
    coupon_code: str | None = None


def values_of(body: CouponChanges, coupon: Coupon | None, organization: Organization) -> dict[str, Any]:
    """The body by column, the amount exact in its currency, the limits as rows."""
    values = columns(body, COLUMNS)
    if "applies_to" in values:
        limits = values.pop("applies_to") or CouponAppliesTo()
        values["plans"] = rows_of(Plan, organization, limits.plan_codes, "applies_to.plan_codes")
        metrics = limits.billable_metric_codes
        values["metrics"] = rows_of(Metric, organization, metrics, "applies_to.billable_metric_codes")
    if "description" in values:
        values["description"] = values["description"] or ""
    refuse_null(values, COLUMNS, allowed=MAY_BE_NULL)
    for name in ("kind", "frequency"):
        if name in values:
            values[name] = values[name].lower()
    if values.get("kind") == "fixed":
        values["kind"] = CouponKind.FIXED_AMOUNT.value
    if values.get("expires_at") and values["expires_at"].tzinfo is None:
        raise Invalid("Send the time with its offset, for instance 2026-12-31T23:00:00Z.", field="expires_at")
    if "currency" in values:
        values["currency"] = (values["currency"] or "").upper()
    if "amount" in values:
        amount = values.pop("amount")
        currency = values.get("currency") or (coupon.currency if coupon else "")
        if amount is not None and not currency:
            raise Invalid("Send the currency of the amount.", code="required", field="currency")
        values["amount_minor"] = None if amount is None else minor(amount, currency, "amount")
    elif coupon is not None and values.get("currency", coupon.currency) != coupon.currency:
        raise Invalid("Send the amount in the new currency.", code="required", field="amount")
    return values


@router.get("")
def list_coupons(request: HttpRequest, filters: Query[CouponFilters]) -> Listing[CouponOut]:
    """Newest first; `search` looks in name and code."""
    asked = cast(ApiRequest, request)
    at = now(asked.organization)
    rows = Coupon.objects.of(asked.organization).kept()
    if filters.search:
        rows = rows.filter(Q(name__icontains=filters.search) | Q(code__icontains=filters.search))
    rows = rows.prefetch_related("plans", "metrics")
    return listed(request, rows, lambda row: coupon_payload(row, at), filters)


@router.post("", response={201: dict})
def create(request: HttpRequest, body: CouponIn) -> tuple[int, Object[CouponOut]]:
    """409 for a code in use."""
    asked = cast(ApiRequest, request)
    at = now(asked.organization)
    coupon = create_coupon(
        asked.organization, **values_of(body, None, asked.organization), by=asked.actor, at=at
    )
    return 201, envelope(coupon_payload(coupon, at))


@router.post("/apply", response={201: dict})
def apply(request: HttpRequest, body: ApplyIn) -> tuple[int, Object[AppliedCouponOut]]:
    """Give a coupon to a customer; 409 when the customer has it already."""
    asked = cast(ApiRequest, request)
    ref = body.coupon_id or body.coupon_code
    if not ref:
        raise Invalid("Send couponId or couponCode.", code="required", field="coupon_id")
    try:
        coupon = by_id_or_code(request, Coupon, ref)
    except Http404:
        raise Invalid("There is no such coupon.", code="unknown", field="coupon_id") from None
    customers = apps.get_model("customers", "Customer").objects.of(asked.organization).present()
    key = decode("cust", body.customer_id)
    customer = (customers.filter(pk=key).first() if key else None) or customers.filter(
        external_id=body.customer_id
    ).first()
    if customer is None:
        raise Invalid("There is no such customer.", code="unknown", field="customer_id")
    applied = apply_coupon(customer, coupon, by=asked.actor, at=now(asked.organization))
    return 201, envelope(applied_coupon_payload(applied))


@router.delete("/applied/{id}")
def remove_applied(request: HttpRequest, id: str) -> Object[AppliedCouponOut]:
    """Take a coupon away from a customer; issued invoices keep their discount."""
    asked = cast(ApiRequest, request)
    rows = AppliedCoupon.objects.of(asked.organization).select_related("customer", "coupon", "organization")
    applied = remove_applied_coupon(rows.by_public_id(id), by=asked.actor, at=now(asked.organization))
    return envelope(applied_coupon_payload(applied))


@router.get("/{ref}")
def get(request: HttpRequest, ref: str) -> Object[CouponOut]:
    """By id or code."""
    at = now(cast(ApiRequest, request).organization)
    return envelope(coupon_payload(by_id_or_code(request, Coupon, ref), at))


@router.patch("/{ref}")
def update(request: HttpRequest, ref: str, body: CouponChanges) -> Object[CouponOut]:
    """The terms stay once a customer has it (400 coupon_locked)."""
    asked = cast(ApiRequest, request)
    at = now(asked.organization)
    coupon = by_id_or_code(request, Coupon, ref)
    changed = update_coupon(coupon, values_of(body, coupon, asked.organization), by=asked.actor, at=at)
    return envelope(coupon_payload(changed, at))


@router.delete("/{ref}")
def delete(request: HttpRequest, ref: str) -> Object[DeletedCouponOut]:
    """Deletes it and ends every active application."""
    asked = cast(ApiRequest, request)
    at = now(asked.organization)
    coupon = delete_coupon(by_id_or_code(request, Coupon, ref), by=asked.actor, at=at)
    return envelope({**coupon_payload(coupon, at), "deletedAt": coupon.deleted_at})
