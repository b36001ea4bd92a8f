"""A customer's coupons: the tab, applying one, removing one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.actions.coupons import apply_coupon, remove_applied_coupon, restore_applied_coupon
from billing.models import AppliedCoupon
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.actions.foresee_bills import foresee_coupon
from customers.forms.coupon import ApplyCouponForm
from customers.views.frame import customer_frame, find_customer


@access("coupons.view")
def customer_coupons(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab."""
    customer = find_customer(request, id)
    rows = AppliedCoupon.objects.filter(customer=customer).select_related("coupon")
    rows = rows.prefetch_related("coupon__plans", "coupon__metrics")
    context = customer_frame(request, customer, "coupons") | {"page": page_of(request, rows)}
    return render_page(request, "customers/coupons/tab.html", context, partials=("coupon-table",))


@access("coupons.apply")
def apply(request: StaffRequest, id: UUID) -> HttpResponse:
    """Give a coupon to the customer. With `act=look` it only says what the next invoice would be."""
    customer, at = find_customer(request, id), now(request.organization)
    looking = request.POST.get("act") == "look"
    seen: dict[str, Any] = {}
    form = ApplyCouponForm(request.POST or None, customer=customer, at=at)
    tab = reverse("customer-coupons", args=[customer.pk])
    if request.method == "POST" and form.is_valid():
        coupon = form.cleaned_data["coupon"]
        try:
            if not looking:
                with claimed(form) as first:
                    undo = ""
                    if first:
                        applied = apply_coupon(customer, coupon, by=request.actor, at=at)
                        undo = reverse("applied-coupon-remove", args=[applied])
                text = f"{coupon.name} applied. It lowers the next invoice."
                return done(request, tab, text, undo_url=undo)
            moment, lowered = foresee_coupon(customer, coupon, by=request.actor, at=at)
            seen = {"coupon": coupon, "moment": moment, "lowered": lowered}
        except BillingError as error:
            add_error(form, error)
    context = {
        "customer": customer,
        "form": form,
        "none_fit": not form.fields["coupon"].queryset.exists(),  # type: ignore[attr-defined]
        "tz": customer_zone(customer),
        **seen,
    }
    status = 422 if form.errors and not looking else 200
    partials = ("drawer", "coupon-effect")
    return render_page(request, "customers/coupons/apply.html", context, partials=partials, status=status)


@access("coupons.apply")
def remove(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take a coupon away again."""
    applied = (
        AppliedCoupon.objects.of(request.organization).select_related("coupon", "customer").get_or_404(pk=id)
    )
    if request.method == "POST":
        remove_applied_coupon(applied, by=request.actor, at=now(request.organization))
        tab = reverse("customer-coupons", args=[applied.customer_id])
        undo = reverse("applied-coupon-restore", args=[applied])
        return done(request, tab, f"{applied.coupon.name} removed.", undo_url=undo)
    return render_page(request, "customers/coupons/remove.html", {"applied": applied}, partials=("dialog",))


@require_POST
@access("coupons.apply")
def restore(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take the removal back."""
    rows = AppliedCoupon.objects.of(request.organization).select_related("coupon")
    applied = rows.get_or_404(pk=id)
    restore_applied_coupon(applied, by=request.actor, at=now(request.organization))
    tab = reverse("customer-coupons", args=[applied.customer_id])
    return done(request, tab, f"{applied.coupon.name} counts again.", kind="info")
