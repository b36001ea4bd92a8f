"""Days in forms: real ones, near enough to count with."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

FIRST, LAST = date(1900, 1, 1), date(2999, 12, 31)


class DayField(forms.DateField):
    """A day between 1900 and 2999: before and after, adding a day or a time zone leaves the calendar."""

    def validate(self, value: Any) -> None:
        """Refuse a year that was mistyped."""
        super().validate(value)
        if value is not None and not FIRST <= value <= LAST:
            raise forms.ValidationError(f"Choose a day from {FIRST.year} to {LAST.year}.")
