"""Assigning a plan, and the terms of a subscription."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms

from billing.forms.days import DayField
from billing.models import Plan, Subscription
from billing.queries.schedules import customer_zone
from billing.rules.money import from_minor
from billing.rules.periods import BillingTime, local_date, start_of_day
from billing.web.once import OnceForm
from customers.models import Customer
from customers.queries.locks import lock_reasons
from invoicing.rules.termination import Ending, OnTermination


def last_day(ending_at: datetime, tz: str) -> date:
    """The last local day of what ends at a moment: the day before, when it ends at midnight."""
    return local_date(ending_at - timedelta(microseconds=1), tz)


WAYS = {
    OnTermination.CREDIT: "Credit the unused days",
    OnTermination.REFUND: "Give money back",
    OnTermination.OFFSET: "Take them off the invoice",
    OnTermination.SKIP: "Give nothing back",
}


class PlanChoice(forms.ModelChoiceField):
    """Plans as `Name (code), 99.00 EUR monthly`, in the customer's currency where they have a price there."""

    currency = ""

    def label_from_instance(self, obj: Any) -> str:
        code, minor = obj.currency, obj.amount_minor
        others = {price.currency: price.amount_minor for price in obj.prices.all()}
        if self.currency in others:
            code, minor = self.currency, others[self.currency]
        return f"{obj.name} ({obj.code}), {from_minor(minor, code)} {code} {obj.interval}"


class AssignForm(OnceForm):
    """A plan and when it runs. Days are days in the customer's timezone."""

    plan = PlanChoice(queryset=Plan.objects.none(), empty_label="Choose a plan")
    currency = forms.ChoiceField(
        required=False, help_text="In which of the plan's prices this customer is billed from now on."
    )
    billing_time = forms.ChoiceField(
        label="Billing periods",
        choices=[(BillingTime.CALENDAR.value, "Calendar"), (BillingTime.ANNIVERSARY.value, "Anniversary")],
        initial=BillingTime.CALENDAR.value,
        widget=forms.RadioSelect,
    )
    starts_on = DayField(
        label="Start date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: now. A day to come starts it then.",
    )
    ends_on = DayField(
        label="End date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day. Empty: until it is ended.",
    )
    name = forms.CharField(
        label="Subscription name", required=False, max_length=200, help_text="Shown on invoices."
    )
    external_id = forms.CharField(
        label="External ID",
        required=False,
        max_length=255,
        help_text="What your systems send with events. Empty: made for you. Fixed afterwards.",
    )
    trial_days = forms.IntegerField(
        label="Trial",
        required=False,
        min_value=0,
        max_value=3650,
        help_text="Days. Empty: as the plan says.",
    )
    separate_invoice = forms.BooleanField(
        label="An invoice of its own",
        required=False,
        help_text="Else subscriptions that are due on the same day share one.",
    )

    def __init__(self, *args: Any, customer: Customer, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.customer, self.at = customer, at
        plans = Plan.objects.of(customer.organization).kept().filter(active=True)
        self.fields["plan"].currency = customer.currency  # type: ignore[attr-defined]
        self.fields["plan"].queryset = plans.order_by("name").prefetch_related("prices")  # type: ignore[attr-defined]
        self.offer_currencies()
        self.fields["billing_time"].choice_hints = {  # type: ignore[attr-defined]
            "calendar": "Whole calendar weeks, months or years; the first one is shorter.",
            "anniversary": "Counted from the start date.",
        }

    def offer_currencies(self) -> None:
        """The currencies of the plans, while the customer's may still change; else there is nothing to choose."""
        known = {plan.currency for plan in self.fields["plan"].queryset}  # type: ignore[attr-defined]
        known |= {price.currency for plan in self.fields["plan"].queryset for price in plan.prices.all()}  # type: ignore[attr-defined]
        if len(known) < 2 or lock_reasons(self.customer):
            del self.fields["currency"]
            return
        usual = f"{self.customer.currency} if the plan has a price in it, else the plan's own"
        self.fields["currency"].choices = [("", usual), *((code, code) for code in sorted(known))]  # type: ignore[attr-defined]

    def chosen(self) -> Plan | None:
        """The plan chosen so far."""
        try:
            found: Plan = self.fields["plan"].clean(self["plan"].value())
        except forms.ValidationError:
            return None
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, end = cleaned.get("starts_on"), cleaned.get("ends_on")
        if start and end and end <= start:
            self.add_error("ends_on", "The end date must be after the start date.")
        return cleaned

    def terms(self) -> dict[str, Any]:
        """The arguments of `assign_plan` besides plan, actor and time."""
        data, tz = self.cleaned_data, customer_zone(self.customer)
        starts, ends = data["starts_on"], data["ends_on"]
        return {
            "currency": data.get("currency", ""),
            "billing_time": data["billing_time"],
            "subscription_at": start_of_day(starts, tz) if starts else None,
            "ending_at": start_of_day(ends + timedelta(days=1), tz) if ends else None,
            "name": data["name"],
            "external_id": data["external_id"],
            "trial_days": data["trial_days"],
            "separate_invoice": data["separate_invoice"],
        }


class EditForm(forms.Form):
    """What may change while a subscription runs. Days are days in the customer's timezone."""

    name = forms.CharField(
        label="Subscription name", required=False, max_length=200, help_text="Shown on invoices."
    )
    ends_on = DayField(
        label="End date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day. Empty: until it is ended.",
    )
    separate_invoice = forms.BooleanField(
        label="An invoice of its own",
        required=False,
        help_text="Else subscriptions that are due on the same day share one.",
    )

    def __init__(self, *args: Any, subscription: Subscription, **kwargs: Any) -> None:
        self.tz = customer_zone(subscription.customer)
        ending = subscription.ending_at
        self.end = last_day(ending, self.tz) if ending else None
        kwargs["initial"] = {
            "name": subscription.name,
            "ends_on": self.end,
            "separate_invoice": subscription.separate_invoice,
        }
        super().__init__(*args, **kwargs)
        if subscription.is_canceling:
            self.fields["ends_on"].disabled = True
            self.fields[
                "ends_on"
            ].help_text = "Canceled at the end of the period. Keep it to set another end."

    def given(self) -> dict[str, Any]:
        """The changed columns, for `update_subscription`."""
        ends = self.cleaned_data["ends_on"]
        given = {name: self.cleaned_data[name] for name in ("name", "separate_invoice")}
        if ends != self.end:
            given["ending_at"] = start_of_day(ends + timedelta(days=1), self.tz) if ends else None
        return given


class PauseForm(OnceForm):
    """Pausing, and the day on which it goes on by itself. Days are days in the customer's timezone."""

    resumes_on = DayField(
        label="Goes on by itself on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The first day after the pause. Empty: until it is resumed.",
    )
    reason = forms.CharField(label="Reason", required=False, max_length=500)


class TerminateForm(OnceForm):
    """How a subscription ends now: `unused` offers what `endings` names, each with what comes of it in words."""

    invoice = forms.ChoiceField(
        label="Closing invoice",
        choices=[("generate", "Make the closing invoice"), ("skip", "No closing invoice")],
        initial="generate",
        widget=forms.RadioSelect,
        required=False,
    )
    unused = forms.ChoiceField(label="Days paid in advance", widget=forms.RadioSelect, required=False)

    def __init__(
        self,
        *args: Any,
        endings: Mapping[OnTermination, str],
        invoices: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["invoice"].choice_hints = dict(invoices)  # type: ignore[attr-defined]
        if len(endings) < 2:
            del self.fields["unused"]
            return
        unused = self.fields["unused"]
        unused.choices = [(mode.value, WAYS[mode]) for mode in endings]  # type: ignore[attr-defined]
        unused.initial = next(iter(endings)).value
        unused.choice_hints = {mode.value: text for mode, text in endings.items()}  # type: ignore[attr-defined]

    def ending(self) -> Ending:
        """What was chosen."""
        unused = self.cleaned_data.get("unused") or OnTermination.CREDIT
        return Ending(self.cleaned_data.get("invoice") != "skip", OnTermination(unused))
