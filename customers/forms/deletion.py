"""Deleting a customer: the choices of the dialog."""

from __future__ import annotations

from django import forms

from customers.actions.delete import KEEP, VOID


class DeletionForm(forms.Form):
    """What becomes of unpaid invoices, and the typed confirmation when money is involved."""

    unpaid_invoices = forms.ChoiceField(
        choices=[(VOID, "Void them"), (KEEP, "Keep them collectable")],
        initial=VOID,
        widget=forms.RadioSelect,
        required=False,
    )
    confirmation = forms.CharField(max_length=255, required=False)

    def clean_unpaid_invoices(self) -> str:
        return self.cleaned_data["unpaid_invoices"] or VOID
