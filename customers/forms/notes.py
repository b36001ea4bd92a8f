"""The form of a note."""

from __future__ import annotations

from django import forms

from customers.actions.notes import MAX_TEXT


class NoteForm(forms.Form):
    """What to remember about a customer."""

    text = forms.CharField(
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
        label="Note",
        help_text="Staff see it, customers never do. Links become clickable.",
    )
    pinned = forms.BooleanField(required=False, label="Keep at the top")
