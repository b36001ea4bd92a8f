"""Making an API key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from billing.actions.api_keys import MOST_REQUESTS
from billing.forms.days import DayField
from billing.rules.scopes import ALL, READ, WRITE
from billing.web.once import OnceForm


class KeyForm(OnceForm):
    """Name, scopes and expiry. `resources` are the first parts of the API's addresses."""

    name = forms.CharField(max_length=100, help_text="Where it is used: Production, Staging, Import …")
    limited = forms.ChoiceField(
        label="What it may do",
        choices=[("no", "Everything"), ("read", "Read everything"), ("yes", "Only what is chosen below")],
        widget=forms.RadioSelect,
        initial="no",
        required=False,
    )
    expires_on = DayField(
        label="Expires after",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day that it works on. Without a date it works until it is revoked.",
    )

    rate_limit = forms.IntegerField(
        label="Requests a minute",
        required=False,
        min_value=1,
        max_value=MOST_REQUESTS,
        help_text="At most. Empty: the usual limit. Sending events has a limit of its own.",
    )

    def __init__(self, *args: Any, resources: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.resources = list(resources)
        for resource in self.resources:
            self.fields[f"scope-{resource}"] = forms.ChoiceField(
                label=resource.replace("-", " ").capitalize(),
                choices=[("", "No access"), (READ, "Read"), (WRITE, "Read and write")],
                required=False,
            )

    def scope_fields(self) -> list[forms.BoundField]:
        """The fields of the scopes, for the template."""
        return [self[f"scope-{resource}"] for resource in self.resources]

    def clean_expires_on(self) -> datetime | None:
        """The end of the chosen day in the organization's time zone; never in the past."""
        day = self.cleaned_data["expires_on"]
        if day is None:
            return None
        if day < timezone.localdate():
            raise forms.ValidationError("Choose today or a later day.")
        return timezone.make_aware(datetime.combine(day, time.max))

    def clean(self) -> dict[str, Any]:
        """A key that is limited to nothing is a mistake."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("limited") == "yes" and not self.scopes():
            self.add_error("limited", "Choose at least one resource, or let it do everything.")
        return values

    def scopes(self) -> list[str]:
        """`customers:read`, `events:write`, `*:read` …; empty means everything."""
        limited = self.cleaned_data.get("limited")
        if limited != "yes":
            return [f"{ALL}:{READ}"] if limited == "read" else []
        chosen = ((name, self.cleaned_data.get(f"scope-{name}")) for name in self.resources)
        return [f"{name}:{right}" for name, right in chosen if right]


class RotateForm(OnceForm):
    """For how long the old key works beside the new one."""

    overlap = forms.ChoiceField(
        label="The old key stops working",
        choices=[
            ("0", "At once"),
            ("1", "In an hour"),
            ("24", "In a day"),
            ("168", "In a week"),
            ("720", "In 30 days"),
        ],
        initial="24",
        help_text="Until then both work, so that each of your systems can change over in its own time.",
    )
