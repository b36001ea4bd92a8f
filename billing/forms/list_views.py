"""Forms about how a list is shown: saved views and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.rules.list_columns import Column


class ViewForm(forms.Form):
    """A view's name, and whether everybody sees it. The list's state travels along."""

    name = forms.CharField(max_length=80)
    shared = forms.BooleanField(label="Everybody in the organization sees it", required=False)
    query = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)
    columns = forms.CharField(widget=forms.HiddenInput, required=False, max_length=2000)

    def __init__(self, *args: Any, may_share: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_share:
            del self.fields["shared"]


class ColumnsForm(forms.Form):
    """Which columns stand beside the name."""

    columns = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose at least one column."}
    )
    back = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)

    def __init__(self, *args: Any, columns: Sequence[Column], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(column.key, column.label) for column in columns]
        self.fields["columns"].choices = choices  # type: ignore[attr-defined]
