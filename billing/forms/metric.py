"""The form of a billable metric."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from billing.forms.codes import fill_code
from billing.models import Aggregation, Metric, Organization

HINTS = {
    Aggregation.COUNT: "How many events there are.",
    Aggregation.SUM: "All values added up.",
    Aggregation.MAX: "The highest value.",
    Aggregation.UNIQUE_COUNT: "How many different values.",
    Aggregation.LATEST: "The value of the last event.",
}


class MetricForm(forms.Form):
    """Fields of a metric. `locked`: events have been counted, so what is measured stays."""

    name = forms.CharField(max_length=100)
    code = forms.SlugField(
        max_length=100,
        required=False,
        help_text="What your systems send as the event's code. Left empty, it is made from the name.",
    )
    description = forms.CharField(max_length=500, required=False)
    aggregation = forms.ChoiceField(
        label="How events become units", choices=Aggregation.choices, widget=forms.RadioSelect
    )
    field_name = forms.CharField(
        label="Event property",
        max_length=100,
        required=False,
        help_text="The property whose value is measured, for instance bytes or user_id. Not for a count.",
    )

    def __init__(
        self,
        *args: Any,
        organization: Organization,
        metric: Metric | None = None,
        locked: bool = False,
        **kwargs: Any,
    ) -> None:
        if metric is not None:
            names = ("name", "code", "description", "aggregation", "field_name")
            kwargs["initial"] = {name: getattr(metric, name) for name in names} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.rows = Metric.objects.of(organization).kept()
        self.fields["aggregation"].choice_hints = HINTS  # type: ignore[attr-defined]
        if metric is None:
            self.fields["aggregation"].initial = Aggregation.COUNT
        if locked:
            for name in ("code", "aggregation", "field_name"):
                self.fields[name].disabled = True
                self.fields[name].help_text = "Stays as it is, because events have been counted."

    def clean(self) -> dict[str, Any]:
        """A property for everything but a count; a code from the name when none was given."""
        data = cast("dict[str, Any]", super().clean())
        if "aggregation" in data and not self.fields["aggregation"].disabled:
            if data["aggregation"] == Aggregation.COUNT:
                data["field_name"] = ""
            elif not data.get("field_name") and "field_name" not in self.errors:
                self.add_error("field_name", "Name the event property that is measured.")
        fill_code(self, data)
        return data
