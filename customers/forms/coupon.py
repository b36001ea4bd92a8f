"""Giving a coupon to a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q

from billing.models import Coupon
from billing.web.once import OnceForm
from customers.models import Customer


class ApplyCouponForm(OnceForm):
    """One of the organization's coupons that still runs and fits the customer's currency."""

    coupon = forms.ModelChoiceField(queryset=Coupon.objects.none(), empty_label="Choose a coupon")

    def __init__(self, *args: Any, customer: Customer, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        running = Coupon.objects.of(customer.organization).kept().filter(terminated_at=None)
        running = running.filter(Q(expires_at=None) | Q(expires_at__gt=at))
        fitting = running.filter(currency__in=["", customer.currency]).order_by("name")
        self.fields["coupon"].queryset = fitting  # type: ignore[attr-defined]
