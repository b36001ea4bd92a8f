"""The form of a billable metric."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from billing.actions.metrics import FIELDS, LOCKED_BY_EVENTS
from billing.forms.codes import fill_code
from billing.models import Aggregation, Metric, Organization, Rounding
from billing.rules.aggregation import RECURRING_ALLOWED
from billing.rules.expression_trial import sample_for

HINTS = {
    Aggregation.COUNT: "How many events there are.",
    Aggregation.SUM: "All values added up.",
    Aggregation.MAX: "The highest value.",
    Aggregation.UNIQUE_COUNT: "How many different values.",
    Aggregation.LATEST: "The value of the last event.",
    Aggregation.WEIGHTED_SUM: "All values added up, each by the seconds that it stood.",
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
    expression = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off", "class": "mono"}
        ),
        help_text="Instead of a property: event.properties.NAME, event.timestamp, event.code, numbers, + - * / and "
        "round, ceil, floor, abs, min, max, concat.",
    )
    sample = forms.CharField(
        label="Sample event",
        max_length=5000,
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off", "class": "mono"}
        ),
        help_text="JSON, as your systems send it, or its properties alone. It is not stored.",
    )
    recurring = forms.BooleanField(
        label="Stays in use",
        required=False,
        help_text="What was used counts in later periods too, until events take it away: seats, storage.",
    )
    rounding = forms.ChoiceField(label="Round the units", choices=Rounding.choices, required=False)
    rounding_precision = forms.IntegerField(
        label="Decimals",
        min_value=-10,
        max_value=15,
        required=False,
        help_text="Negative for tens and hundreds: -2 rounds to hundreds.",
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
            kwargs["initial"] = {name: getattr(metric, name) for name in FIELDS} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.rows = Metric.objects.of(organization).kept()
        self.initial.setdefault("sample", sample_for(str(self["expression"].value() or "")))
        self.fields["aggregation"].choice_hints = HINTS  # type: ignore[attr-defined]
        if metric is None:
            self.fields["aggregation"].initial = Aggregation.COUNT
        if locked:
            for name in LOCKED_BY_EVENTS:
                self.fields[name].disabled = True
                self.fields[name].help_text = "Stays as it is, because events have been counted."

    def clean(self) -> dict[str, Any]:
        """A property for everything but a count; a code from the name when none was given."""
        data = cast("dict[str, Any]", super().clean())
        if "aggregation" in data and not self.fields["aggregation"].disabled:
            if data["aggregation"] == Aggregation.COUNT:
                data["field_name"] = data["expression"] = ""
            elif not (data.get("field_name") or data.get("expression")) and "field_name" not in self.errors:
                self.add_error(
                    "field_name", "Name the event property that is measured, or compute the value."
                )
            if data["aggregation"] not in RECURRING_ALLOWED:
                data["recurring"] = False
        data["rounding_precision"] = data.get("rounding_precision") or 0
        fill_code(self, data)
        return data

    def columns(self) -> dict[str, Any]:
        """The fields of the action."""
        return {name: self.cleaned_data[name] for name in FIELDS}
