"""The form of a coupon's terms."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Q

from billing.forms.codes import fill_code
from billing.forms.days import DayField
from billing.forms.lists import LongSelect, currencies
from billing.models import Coupon, CouponKind, Frequency, Metric, Organization, Plan
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor

TERMS = ("code", "kind", "amount", "currency", "percentage", "frequency", "periods", "reusable")
LIMITS = {"plans": (Plan, "Choose at least one plan."), "metrics": (Metric, "Choose at least one metric.")}
DECIMAL = {"inputmode": "decimal", "autocomplete": "off"}


class Rows(forms.ModelMultipleChoiceField):
    """Plans or metrics to tick, by name and code."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.code})" + (", deleted" if obj.deleted_at else "")


class CouponForm(forms.Form):
    """Fields of a coupon. The last day is included; `locked`: customers have it, so the terms stay."""

    name = forms.CharField(max_length=100)
    code = forms.SlugField(max_length=100, required=False, help_text="Left empty, it is made from the name.")
    description = forms.CharField(max_length=500, required=False)
    kind = forms.ChoiceField(label="What is taken off", choices=CouponKind.choices, widget=forms.RadioSelect)
    amount = forms.CharField(max_length=30, required=False, widget=forms.TextInput(attrs=DECIMAL))
    currency = forms.ChoiceField(choices=currencies, widget=LongSelect, required=False)
    percentage = forms.DecimalField(
        max_digits=8, decimal_places=5, required=False, widget=forms.TextInput(attrs=DECIMAL)
    )
    frequency = forms.ChoiceField(label="How often", choices=Frequency.choices, widget=forms.RadioSelect)
    periods = forms.IntegerField(
        label="Number of invoices", min_value=1, max_value=1000, required=False, help_text="When recurring."
    )
    applies_to = forms.ChoiceField(
        label="What it lowers",
        choices=[("everything", "The whole invoice"), ("plans", "Some plans"), ("metrics", "Some metrics")],
        widget=forms.RadioSelect,
    )
    plans = Rows(Plan.objects.none(), required=False)
    metrics = Rows(Metric.objects.none(), label="Billable metrics", required=False)
    reusable = forms.BooleanField(
        label="A customer may get it more than once",
        required=False,
        initial=True,
        help_text="One at a time. Not ticked: used once; removed before it was used, it can be given again.",
    )
    last_day = DayField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="After it, the coupon cannot be given any more. Customers who have it keep it.",
    )

    def __init__(
        self,
        *args: Any,
        organization: Organization,
        coupon: Coupon | None = None,
        locked: bool = False,
        **kwargs: Any,
    ) -> None:
        self.zone = ZoneInfo(organization.timezone)
        initial: dict[str, Any] = {
            "kind": CouponKind.PERCENTAGE,
            "frequency": Frequency.ONCE,
            "currency": organization.default_currency,
            "applies_to": "everything",
        }
        if coupon is not None:
            initial |= initial_of(coupon, self.zone)
        super().__init__(*args, **(kwargs | {"initial": initial}))
        self.rows = Coupon.objects.of(organization).kept()
        for name, (model, _) in LIMITS.items():
            known = Q(deleted_at=None) | Q(pk__in=initial.get(name, []))
            chosen = model.objects.of(organization).filter(known).order_by("name", "code")
            self.fields[name].queryset = chosen  # type: ignore[attr-defined]
        self.fields["kind"].choice_hints = {  # type: ignore[attr-defined]
            CouponKind.FIXED_AMOUNT: "Only on invoices in its currency.",
            CouponKind.PERCENTAGE: "Of what is billed, before tax.",
        }
        self.fields["frequency"].choice_hints = {  # type: ignore[attr-defined]
            Frequency.ONCE: "What a fixed amount could not use stays for the next invoice.",
            Frequency.RECURRING: "Each invoice that it lowers counts.",
        }
        self.fields["applies_to"].choice_hints = {  # type: ignore[attr-defined]
            "plans": "Fee, usage and fixed charges of subscriptions on them.",
            "metrics": "Their usage, on any plan.",
        }
        if locked:
            for name in (*TERMS, "applies_to", *LIMITS):
                self.fields[name].disabled = True
                self.fields[name].help_text = ""

    def clean(self) -> dict[str, Any]:
        """Only what belongs to the kind and frequency; the amount in the currency's minor unit."""
        data = cast("dict[str, Any]", super().clean())
        fill_code(self, data)
        data["amount_minor"] = None
        if data.get("kind") == CouponKind.FIXED_AMOUNT:
            data["percentage"] = None
            self.read(data)
        else:
            data["currency"] = ""
            if data.get("percentage") is None and "percentage" not in self.errors:
                self.add_error("percentage", "Enter the percentage.")
        if data.get("frequency") != Frequency.RECURRING:
            data["periods"] = None
        elif not data.get("periods") and "periods" not in self.errors:
            self.add_error("periods", "Enter the number of invoices.")
        for name, (_, told) in LIMITS.items():
            if data.get("applies_to") != name:
                data[name] = []
            elif not data.get(name) and name not in self.errors:
                self.add_error(name, told)
        day = data.get("last_day")
        data["expires_at"] = end_of_day(day, self.zone) if day else None
        return data

    def read(self, data: dict[str, Any]) -> None:
        """The fixed amount, exact in its currency."""
        if not data.get("currency"):
            self.add_error("currency", "Choose the currency.")
        elif not data.get("amount"):
            self.add_error("amount", "Enter the amount.")
        else:
            try:
                data["amount_minor"] = read_amount(data["amount"], data["currency"])
            except Invalid as error:
                self.add_error("amount", str(error))

    def terms(self) -> dict[str, Any]:
        """The fields of the action."""
        names = ("name", "code", "description", "kind", "amount_minor", "currency", "percentage")
        more = ("frequency", "periods", "reusable", "expires_at", "plans", "metrics")
        return {name: self.cleaned_data[name] for name in names + more}


def initial_of(coupon: Coupon, zone: ZoneInfo) -> dict[str, Any]:
    """A coupon as the form shows it."""
    names = ("name", "code", "description", "kind", "frequency", "periods", "reusable")
    values = {name: getattr(coupon, name) for name in names}
    if coupon.amount_minor is not None:
        values["amount"] = f"{from_minor(coupon.amount_minor, coupon.currency):f}"
        values["currency"] = coupon.currency
    if coupon.percentage is not None:
        values["percentage"] = f"{coupon.percentage.normalize():f}"
    if coupon.expires_at is not None:
        values["last_day"] = (coupon.expires_at - timedelta(microseconds=1)).astimezone(zone).date()
    for name in LIMITS:
        values[name] = list(getattr(coupon, name).values_list("pk", flat=True))
        if values[name]:
            values["applies_to"] = name
    return values


def end_of_day(day: Any, zone: ZoneInfo) -> datetime:
    """The first instant after a local day."""
    return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
