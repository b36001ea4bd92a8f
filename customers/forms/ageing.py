"""What the ageing report can be narrowed by. A value that means nothing is ignored."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.days import DayField
from billing.forms.lists import LongSelect, currency_codes, with_empty
from billing.web.formats import day_text
from customers.rules.ageing import BUCKETS


class AgeingFilters(forms.Form):
    """Words, a currency, a column that has something, and the day."""

    q = forms.CharField(required=False, max_length=100)
    on = DayField(
        label="As of", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    currency = forms.ChoiceField(
        choices=with_empty("Any", currency_codes()), required=False, widget=LongSelect
    )
    bucket = forms.ChoiceField(
        label="With something",
        choices=[
            ("", "Any age"),
            ("not_due", "Not due"),
            *((bucket.name, f"{bucket.label} late") for bucket in BUCKETS),
            ("disputed", "Disputed"),
        ],
        required=False,
    )

    def __init__(self, data: QueryDict, *, today: date) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.is_valid()
        self.values: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        if self.values.get("on") and self.values["on"] >= today:
            del self.values["on"]
        self.day: date = self.values.get("on", today)

    def chips(self, query: QueryDict) -> list[dict[str, str]]:
        """The filters in force, each with the URL that leaves it out."""
        found = []
        for name, value in self.values.items():
            rest = query.copy()
            for gone in (name, "page"):
                rest.pop(gone, None)
            field = self.fields[name]
            words = str(value)
            if isinstance(value, date):
                words = day_text(value)
            elif isinstance(field, forms.ChoiceField) and name != "currency":
                words = str(dict(field.choices)[value])  # type: ignore[arg-type]
            label = "Search" if name == "q" else str(self[name].label)
            found.append({"label": label, "value": words, "remove_url": f"?{rest.urlencode()}"})
        return found
