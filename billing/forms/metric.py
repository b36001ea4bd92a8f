"""The form of a billable metric."""

from __future__ import annotations

import re
from typing import Any, cast

from django import forms
from django.forms import formset_factory

from billing.actions.metrics import FIELDS, LOCKED_BY_EVENTS
from billing.forms.codes import fill_code
from billing.models import Aggregation, Metric, Organization, Rounding
from billing.rules.aggregation import RECURRING_ALLOWED
from billing.rules.expression_trial import sample_for
from billing.rules.filters import MAX_KEY_LENGTH, MAX_KEYS, MAX_VALUE_LENGTH, MAX_VALUES

_ROW = re.compile(r"filters\[(\d+)\]\.(key|values)$")

HINTS = {
    Aggregation.COUNT: "How many events there are.",
    Aggregation.SUM: "All values added up.",
    Aggregation.MAX: "The highest value.",
    Aggregation.UNIQUE_COUNT: "How many different values.",
    Aggregation.LATEST: "The value of the last event.",
    Aggregation.WEIGHTED_SUM: "All values added up, each by the seconds that it stood.",
}


class FilterRow(forms.Form):
    """A property and its values; an empty row is left out."""

    key = forms.CharField(label="Property", max_length=MAX_KEY_LENGTH, required=False)
    values = forms.CharField(
        label="Values, separated by commas", max_length=MAX_VALUES * (MAX_VALUE_LENGTH + 2), required=False
    )


FilterRows = formset_factory(FilterRow, extra=1, max_num=MAX_KEYS, validate_max=True, can_delete=True)


class MetricForm(forms.Form):
    """Fields of a metric, and `filter_rows`. `locked`: events have been counted, so what is measured stays."""

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
            stored = {name: getattr(metric, name) for name in FIELDS}
            kwargs["initial"] = stored | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.rows = Metric.objects.of(organization).kept()
        self.filter_rows = self.rows_of(metric.filters if metric else [])
        self.initial.setdefault("sample", sample_for(str(self["expression"].value() or "")))
        self.fields["aggregation"].choice_hints = HINTS  # type: ignore[attr-defined]
        if metric is None:
            self.fields["aggregation"].initial = Aggregation.COUNT
        if locked:
            for name in LOCKED_BY_EVENTS:
                self.fields[name].disabled = True
                self.fields[name].help_text = "Stays as it is, because events have been counted."

    def rows_of(self, filters: list[dict[str, Any]]) -> Any:
        """The rows of the filters: as sent, as typed before "Try it", or as stored."""
        typed = self.data if self.is_bound else self.initial
        stored = [{"key": row["key"], "values": ", ".join(row["values"])} for row in filters]
        sent = "filters-TOTAL_FORMS" in typed
        return FilterRows(typed if sent else None, initial=stored, prefix="filters")

    def filters(self) -> list[dict[str, Any]] | None:
        """The filters that were sent, as the action takes them; None when the form had none."""
        if not self.filter_rows.is_bound:
            return None
        rows = [row.cleaned_data for row in self.filter_rows.forms if row.cleaned_data]
        return [
            {"key": row["key"], "values": [value for value in row["values"].split(",") if value.strip()]}
            for row in rows
            if not row.get("DELETE") and (row["key"] or row["values"])
        ]

    def is_valid(self) -> bool:
        """Fields and rows; what is wrong with a row stands above them all."""
        sound = super().is_valid()
        return sound and (not self.filter_rows.is_bound or self.filter_rows.is_valid())

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
        values = {name: self.cleaned_data[name] for name in FIELDS if name != "filters"}
        filters = self.filters()
        return values if filters is None else values | {"filters": filters}

    def tell_rows(self, errors: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Put errors of the action at their rows; what remains."""
        rest = []
        for path, text in errors:
            found = _ROW.match(path)
            kept = [row for row in self.filter_rows.forms if self.fills(row)] if found else []
            if found and int(found[1]) < len(kept):
                kept[int(found[1])].add_error(found[2], text)
            else:
                rest.append((path, text))
        return rest

    @staticmethod
    def fills(row: forms.Form) -> bool:
        """Whether a row counts."""
        data = getattr(row, "cleaned_data", {})
        return bool(data.get("key") or data.get("values")) and not data.get("DELETE")
