"""The form that moves a sandbox's clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from billing.forms.days import DayField
from billing.rules.periods import add_months, local_date
from billing.web.once import OnceForm

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


class ClockForm(OnceForm):
    """Either `by` (a button: next, day, week, month, year) or a day and a time in the organization's timezone."""

    by = forms.ChoiceField(
        choices=[(name, name) for name in ("date", "next", *DAYS, *MONTHS)], widget=forms.HiddenInput
    )
    on = DayField(
        label="Day", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    at = forms.TimeField(
        label="Time", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def __init__(self, *args: Any, now: datetime, next_at: datetime | None, tz: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.next_at, self.tz = now, next_at, tz

    def clean(self) -> dict[str, Any]:
        """`to`: the moment that is asked for."""
        data = super().clean() or {}
        by = data.get("by")
        if by == "next" and self.next_at is None:
            raise forms.ValidationError("Nothing is due at any time: choose a day.")
        if by == "date" and not data.get("on") and "on" not in self.errors:
            self.add_error("on", "Choose a day.")
        if not self.errors:
            data["to"] = self.moment(str(by), data)
        return data

    def moment(self, by: str, data: dict[str, Any]) -> datetime:
        """The moment that a button or a day and time stand for."""
        zone = ZoneInfo(self.tz)
        if by == "next" and self.next_at:
            return self.next_at if self.next_at > self.now else self.now + timedelta(minutes=1)
        if by == "date":
            return datetime.combine(data["on"], data.get("at") or time(), tzinfo=zone)
        if by in DAYS:
            return self.now + timedelta(days=DAYS[by])
        day = add_months(local_date(self.now, self.tz), MONTHS[by])
        return datetime.combine(day, self.now.astimezone(zone).time(), tzinfo=zone)
