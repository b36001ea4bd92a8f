"""The days of one's own choice on the Usage tab."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.forms.days import DayField


class SpanForm(forms.Form):
    """`from` and `to`, both included."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (("from", "From"), ("to", "Until")):
            widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            self.fields[name] = DayField(label=label, widget=widget)
