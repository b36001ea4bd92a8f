"""Coupons: list, one coupon with the customers who have it, drawer, and its two ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.actions.coupon_terms import create_coupon, delete_coupon, terminate_coupon, update_coupon
from billing.forms.coupon import CouponForm
from billing.models import AppliedCoupon, AuditEntry, Coupon
from billing.queries.catalog_use import coupon_use
from billing.queries.payloads_catalog import coupon_status
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.activity import timeline_items
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest

COLUMNS = {"name": "name", "customers": "customers_count", "expires": "expires_at", "created": "created_at"}


@require_safe
@access("coupons.view")
def coupons(request: StaffRequest) -> HttpResponse:
    """All coupons, searched by name and code, filtered by state."""
    at = now(request.organization)
    rows = Coupon.objects.of(request.organization).kept()
    rows = rows.annotate(customers_count=Count("applications__customer", distinct=True))
    rows = rows.prefetch_related("plans", "metrics")
    term, status = (request.GET.get(name, "").strip()[:100] for name in ("q", "status"))
    if term:
        rows = rows.filter(Q(name__icontains=term) | Q(code__icontains=term))
    ended = Q(terminated_at__isnull=False) | Q(expires_at__lte=at)
    if status in {"active", "ended"}:
        rows = rows.filter(~ended if status == "active" else ended)
    rows, sort = sorted_by(request, rows, COLUMNS, "-created")
    page = page_of(request, rows)
    for coupon in page.object_list:
        dress(coupon, at)
    context = {
        "page": page,
        "sort": sort,
        "q": term,
        "status": status,
        "filtered": bool(term or status),
        "can_edit": may(request.member, "coupons.edit"),
    }
    return render_page(request, "billing/coupons/list.html", context, partials=("coupon-table",))


@require_safe
@access("coupons.view")
def coupon(request: StaffRequest, id: UUID) -> HttpResponse:
    """One coupon and everybody who has or had it."""
    row = find(request, id)
    applications = AppliedCoupon.objects.filter(coupon=row).select_related("customer")
    trail = AuditEntry.objects.of(request.organization).filter(subject_id=row.pk)[:20]
    context = {
        "coupon": dress(row, now(request.organization)),
        "use": coupon_use(row),
        "page": page_of(request, applications),
        "timeline": timeline_items(trail, request.organization.timezone),
        "can_edit": may(request.member, "coupons.edit"),
    }
    return render_page(request, "billing/coupons/detail.html", context, partials=("application-table",))


def dress(coupon: Any, at: datetime) -> Coupon:
    """Add what the templates show: its state, and the last moment before it expires."""
    coupon.status = coupon_status(coupon, at)
    coupon.last_moment = coupon.expires_at and coupon.expires_at - timedelta(microseconds=1)
    return coupon


def find(request: StaffRequest, id: UUID) -> Coupon:
    """The organization's coupon that is not deleted; else 404."""
    return Coupon.objects.of(request.organization).kept().get_or_404(pk=id)


@access("coupons.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add a coupon"."""
    form = CouponForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        at = now(request.organization)
        try:
            row = create_coupon(request.organization, **form.terms(), by=request.actor, at=at)
            return done(request, reverse("coupon", args=[row.public_id]), f"{row.name} created.")
        except BillingError as error:
            show(form, error)
    return drawer(request, form, title="Add a coupon", submit="Create coupon", busy="Creating…")


@access("coupons.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of an existing coupon; its terms are locked once a customer has it."""
    row = find(request, id)
    locked = bool(coupon_use(row).ever)
    form = CouponForm(request.POST or None, organization=request.organization, coupon=row, locked=locked)
    if request.method == "POST" and form.is_valid():
        try:
            update_coupon(row, form.terms(), by=request.actor, at=now(request.organization))
            return done(request, reverse("coupon", args=[row.public_id]), "Coupon saved.")
        except BillingError as error:
            show(form, error)
    words = {"title": f"Edit {row.name}", "submit": "Save changes", "busy": "Saving…", "locked": locked}
    return drawer(request, form, row, **words)


def show(form: CouponForm, error: BillingError) -> None:
    """Errors of the action at the form's fields."""
    add_error(form, error, {"amount_minor": "amount", "expires_at": "last_day"})


def drawer(request: StaffRequest, form: CouponForm, row: Coupon | None = None, **words: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    cancel = reverse("coupon", args=[row.public_id]) if row else reverse("coupons")
    context = {"form": form, "coupon": row, "cancel": cancel, "action": request.path} | words
    status = 422 if form.is_bound else 200
    return render_page(request, "billing/coupons/form.html", context, partials=("drawer",), status=status)


@access("coupons.edit")
def terminate(request: StaffRequest, id: UUID) -> HttpResponse:
    """Nobody gets it any more; who has it keeps it."""
    row = find(request, id)
    if request.method == "POST":
        terminate_coupon(row, by=request.actor, at=now(request.organization))
        return done(request, reverse("coupon", args=[row.public_id]), f"{row.name} terminated.")
    return ending(request, row, "terminate")


@access("coupons.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Delete it and end every active application."""
    row = find(request, id)
    if request.method == "POST":
        delete_coupon(row, by=request.actor, at=now(request.organization))
        return done(request, reverse("coupons"), f"{row.name} deleted.")
    return ending(request, row, "delete")


def ending(request: StaffRequest, row: Coupon, kind: str) -> HttpResponse:
    """The dialog that says what will happen."""
    cancel = reverse("coupon", args=[row.public_id])
    context = {"coupon": row, "use": coupon_use(row), "kind": kind, "cancel": cancel, "action": request.path}
    return render_page(request, "billing/coupons/end.html", context, partials=("dialog",))
