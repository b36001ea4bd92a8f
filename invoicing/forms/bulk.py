"""What an act on many invoices must be told."""

from __future__ import annotations

from django import forms

from billing.web.once import OnceForm


class RunForm(OnceForm):
    """What was seen, and what the act needs: why invoices are voided."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)
    reason = forms.CharField(
        required=False,
        max_length=500,
        help_text="Kept in the history and printed on the stamped PDFs, which the customers can open.",
        widget=forms.TextInput,
    )
