"""Forms of the second factor."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.models import User


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )


class PasswordForm(forms.Form):
    """The person's own password, before something that weakens the account."""

    password = forms.CharField(
        label="Your password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """It has to be the right one."""
        value: str = self.cleaned_data["password"]
        if not self.user.check_password(value):
            raise forms.ValidationError("This is not your password.")
        return value
