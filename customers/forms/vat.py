"""VAT numbers: confirming one by hand, leaving a customer out, and the organization's settings."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from billing.models import Organization
from billing.web.once import OnceForm
from customers.actions.vat_override import MOST_DAYS, MOST_REASON


class OverrideForm(OnceForm):
    """Why a number counts as valid, and for how many days."""

    reason = forms.CharField(
        max_length=MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What you have seen: it stays in the history.",
    )
    days = forms.IntegerField(
        label="Counts for",
        min_value=1,
        max_value=MOST_DAYS,
        help_text="Then VIES is asked again.",
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )


class OptOutForm(OnceForm):
    """Why a customer's numbers are never checked."""

    reason = forms.CharField(max_length=255, help_text="Shown beside the tax ID.")


class VatSettingsForm(forms.ModelForm):
    """The switch, the hours of maintenance, the days of a confirmation by hand."""

    class Meta:
        model = Organization
        fields: ClassVar = [
            "vat_validation_enabled",
            "vat_maintenance_from",
            "vat_maintenance_to",
            "vat_override_days",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vat_validation_enabled"].label = "Check VAT numbers with VIES"
        self.fields[
            "vat_validation_enabled"
        ].help_text = "Off: nobody is asked, for no customer, whatever a caller of the API wants."
        for name, label in (("from", "Maintenance from"), ("to", "Maintenance until")):
            field = forms.TimeField(
                label=label, required=False, widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"})
            )
            field.initial = getattr(self.instance, f"vat_maintenance_{name}")
            field.help_text = (
                "UTC. Empty: around the clock." if name == "from" else "May lie on the next day."
            )
            self.fields[f"vat_maintenance_{name}"] = field
        self.fields["vat_override_days"].label = "A confirmation by hand counts for"
        self.fields["vat_override_days"].help_text = "When nothing else is said."

    def clean(self) -> dict[str, Any]:
        """Both hours or none, and not the same."""
        cleaned = super().clean() or {}
        start, end = cleaned.get("vat_maintenance_from"), cleaned.get("vat_maintenance_to")
        if not self.errors and (start is None) != (end is None):
            missing = "vat_maintenance_from" if start is None else "vat_maintenance_to"
            self.add_error(missing, "Enter both hours, or none.")
        elif start is not None and start == end:
            self.add_error("vat_maintenance_to", "Must differ from the start. Use the switch to ask nobody.")
        return cleaned
