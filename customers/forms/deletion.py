"""Deleting a customer: the choices of the dialog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from billing.web.formats import money_text
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

    def explain(self, unpaid: Iterable[Any]) -> None:
        """Say under each choice how much it is about."""
        owed: dict[str, int] = {}
        for invoice in unpaid:
            owed[invoice.currency] = owed.get(invoice.currency, 0) + invoice.due_minor
        amounts = ", ".join(money_text(minor, currency) for currency, minor in owed.items())
        self.fields["unpaid_invoices"].choice_hints = {  # type: ignore[attr-defined]
            VOID: "They are withdrawn; nobody has to pay them.",
            KEEP: f"{amounts} can still be paid." if amounts else "They can still be paid.",
        }
