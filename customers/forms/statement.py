"""Which statement of account is asked for. A value that means nothing is ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms

from billing.forms.days import DayField

MOST_DAYS = 3660


class StatementForm(forms.Form):
    """A currency and two days; from the first of the month two months ago up to today, unless said otherwise."""

    currency = forms.ChoiceField(required=False)
    first = DayField(
        label="From", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    last = DayField(
        label="to", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, data: Mapping[str, Any], *, currencies: Sequence[str], today: date) -> None:
        usual = {"currency": currencies[0], "first": str(usual_start(today)), "last": str(today)}
        asked = {name: data.get(name) or value for name, value in usual.items()}
        super().__init__(asked, auto_id="statement_%s")
        self.fields["currency"].choices = [(code, code) for code in currencies]  # type: ignore[attr-defined]
        self.is_valid()
        found = self.cleaned_data
        self.chosen_currency: str = found.get("currency") or currencies[0]
        self.until: date = min(found.get("last") or today, today)
        earliest = self.until - timedelta(days=MOST_DAYS)
        self.since: date = max(min(found.get("first") or usual_start(today), self.until), earliest)

    @property
    def query(self) -> str:
        """The statement's address without its path."""
        return f"currency={self.chosen_currency}&first={self.since}&last={self.until}"


def usual_start(today: date) -> date:
    """The first of the month two months ago."""
    months = today.year * 12 + today.month - 3
    return date(months // 12, months % 12 + 1, 1)
