"""Forms for usage thresholds and alerts. Amounts are in major units of the plan's or wallet's currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict

from billing.actions.alerts import MOST_STEPS, WALLET_KINDS, AlertTerms
from billing.actions.thresholds import MOST, ThresholdTerms
from billing.models import Alert, AlertKind, Metric, Subscription, Wallet
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor

DECIMAL = {"inputmode": "decimal", "autocomplete": "off"}
AMOUNT_KINDS = (
    AlertKind.USAGE_AMOUNT.value,
    AlertKind.METRIC_AMOUNT.value,
    AlertKind.LIFETIME_AMOUNT.value,
    AlertKind.WALLET_AMOUNT.value,
)


class ThresholdRow(forms.Form):
    """One threshold."""

    amount = forms.CharField(
        max_length=40, widget=forms.TextInput(attrs=DECIMAL | {"placeholder": "Amount"}), label="Amount"
    )
    name = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"placeholder": "Name", "autocomplete": "off"}),
        label="Name",
    )

    def __init__(self, *args: Any, currency: str = "EUR", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean_amount(self) -> int:
        """Minor units."""
        return minor(self.cleaned_data["amount"], self.currency)


ThresholdRows = forms.formset_factory(
    ThresholdRow, extra=1, can_delete=True, max_num=MOST, absolute_max=MOST + 1, validate_max=True
)


class ThresholdsForm(forms.Form):
    """What belongs to a subscription's thresholds besides the rows."""

    progressive_billing = forms.BooleanField(
        label="Bill when a threshold is passed", required=False, help_text="Off: usage waits for its period."
    )
    recurring = forms.CharField(
        label="And then every",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=DECIMAL),
        help_text="After the largest one, each time that much more has been used.",
    )
    historical = forms.CharField(
        label="Used before it came here",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=DECIMAL),
        help_text="Counts towards thresholds and is never billed.",
    )

    def __init__(self, data: QueryDict | None, *, subscription: Subscription) -> None:
        self.currency = subscription.plan.currency
        own = list(subscription.thresholds.all())
        fixed = [row for row in own if not row.recurring]
        again = [row for row in own if row.recurring]
        before = subscription.historical_usage_minor
        initial = {
            "progressive_billing": subscription.progressive_billing,
            "recurring": amount_text(again[0].amount_minor, self.currency) if again else "",
            "historical": amount_text(before, self.currency) if before else "",
        }
        super().__init__(data, initial=initial)
        self.rows = ThresholdRows(
            data,
            prefix="rows",
            initial=[
                {"amount": amount_text(row.amount_minor, self.currency), "name": row.name} for row in fixed
            ],
            form_kwargs={"currency": self.currency},
        )

    def is_valid(self) -> bool:
        """With the rows."""
        return all([super().is_valid(), self.rows.is_valid()])

    def clean_recurring(self) -> int | None:
        """Minor units, or None."""
        text = self.cleaned_data["recurring"]
        return minor(text, self.currency) if text else None

    def clean_historical(self) -> int:
        """Minor units; empty is nothing."""
        text = self.cleaned_data["historical"]
        return minor(text, self.currency) if text else 0

    def terms(self) -> list[ThresholdTerms]:
        """The thresholds that were entered."""
        found = [
            ThresholdTerms(row["amount"], row.get("name", ""))
            for row in self.rows.cleaned_data
            if row.get("amount") and not row.get("DELETE")
        ]
        if again := self.cleaned_data["recurring"]:
            found.append(ThresholdTerms(again, recurring=True))
        return found


class StepRow(forms.Form):
    """One step of an alert."""

    value = forms.DecimalField(
        max_digits=30,
        decimal_places=10,
        widget=forms.TextInput(attrs=DECIMAL | {"placeholder": "Value"}),
        label="Value",
    )
    code = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"placeholder": "Code", "autocomplete": "off"}),
        label="Code",
    )


StepRows = forms.formset_factory(
    StepRow, extra=1, can_delete=True, max_num=MOST_STEPS, absolute_max=MOST_STEPS + 1, validate_max=True
)


class AlertForm(forms.Form):
    """An alert on a subscription's usage or a wallet's balance. What it looks at stays once it is there."""

    kind = forms.ChoiceField(label="Looks at")
    metric = forms.ModelChoiceField(
        queryset=Metric.objects.none(),
        required=False,
        label="Billable metric",
        empty_label="All metrics together",
    )
    name = forms.CharField(required=False, max_length=100)
    code = forms.SlugField(max_length=100, help_text="Sent with the event alert.triggered.")
    recurring = forms.DecimalField(
        label="And then every",
        required=False,
        max_digits=30,
        decimal_places=10,
        widget=forms.TextInput(attrs=DECIMAL),
        help_text="Goes on beyond the last threshold.",
    )

    def __init__(
        self, data: QueryDict | None, *, target: Subscription | Wallet, alert: Alert | None = None
    ) -> None:
        initial = {}
        if alert is not None:
            step = alert.recurring
            initial = {
                "kind": alert.kind,
                "metric": alert.metric_id,
                "name": alert.name,
                "code": alert.code,
                "recurring": f"{step.normalize():f}" if step else "",
            }
        super().__init__(data, initial=initial)
        of_wallet = isinstance(target, Wallet)
        kinds = [item for item in AlertKind.choices if (item[0] in WALLET_KINDS) == of_wallet]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        if isinstance(target, Wallet):
            del self.fields["metric"]
        else:
            metrics = Metric.objects.of(target.organization_id).kept().filter(charges__plan=target.plan_id)
            self.fields["metric"].queryset = metrics.distinct().order_by("name")  # type: ignore[attr-defined]
        if alert is not None:
            for name in ("kind", "metric"):
                if name in self.fields:
                    self.fields[name].disabled = True
        steps = alert.steps if alert else []
        self.rows = StepRows(data, prefix="rows", initial=steps)

    def is_valid(self) -> bool:
        """With the rows."""
        return all([super().is_valid(), self.rows.is_valid()])

    def terms(self) -> AlertTerms:
        """What was entered."""
        data = self.cleaned_data
        steps = tuple(
            (row["value"], row.get("code", ""))
            for row in self.rows.cleaned_data
            if row.get("value") is not None and not row.get("DELETE")
        )
        return AlertTerms(
            data["kind"], data["code"], data["name"], data.get("metric"), steps, data["recurring"]
        )


def minor(text: str, currency: str) -> int:
    """A person's amount to minor units; forms.ValidationError says what is wrong."""
    try:
        return read_amount(text, currency)
    except Invalid as error:
        raise forms.ValidationError(str(error)) from error


def amount_text(minor_units: int, currency: str) -> str:
    """Minor units as they are typed."""
    value: Decimal = from_minor(minor_units, currency)
    return f"{value:f}"
