"""Forms for usage thresholds and alerts. Amounts are in major units of the plan's or wallet's currency."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from billing.actions.alerts import MOST_STEPS, AlertTerms
from billing.forms.thresholds import DECIMAL, ThresholdsForm, amount_text, minor
from billing.models import OF_WALLET, Alert, AlertKind, Metric, Subscription, Wallet

AMOUNT_KINDS = (
    AlertKind.USAGE_AMOUNT.value,
    AlertKind.METRIC_AMOUNT.value,
    AlertKind.LIFETIME_AMOUNT.value,
    AlertKind.WALLET_AMOUNT.value,
    AlertKind.ONGOING_AMOUNT.value,
)


class OwnThresholdsForm(ThresholdsForm):
    """A subscription's own thresholds."""

    progressive_billing = forms.BooleanField(
        label="Bill when a threshold is passed", required=False, help_text="Off: usage waits for its period."
    )
    historical = forms.CharField(
        label="Used before it came here",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=DECIMAL),
        help_text="Counts towards thresholds and is never billed.",
    )

    def __init__(self, data: QueryDict | None, *, subscription: Subscription) -> None:
        currency, before = subscription.plan.currency, subscription.historical_usage_minor
        initial = {
            "progressive_billing": subscription.progressive_billing,
            "historical": amount_text(before, currency) if before else "",
        }
        super().__init__(data, currency=currency, own=subscription.thresholds.all(), initial=initial)

    def clean_historical(self) -> int:
        """Minor units; empty is nothing."""
        text = self.cleaned_data["historical"]
        return minor(text, self.currency) if text else 0


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
        kinds = [item for item in AlertKind.choices if (item[0] in OF_WALLET) == of_wallet]
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
