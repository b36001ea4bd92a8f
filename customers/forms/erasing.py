"""Erasing a customer's personal data: why, and which one."""

from __future__ import annotations

from django import forms


class ErasureForm(forms.Form):
    """The reason, and the external ID typed again. What they must be is the action's to say."""

    reason = forms.CharField(
        max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2, "maxlength": 500})
    )
    confirm = forms.CharField(max_length=255, required=False)
