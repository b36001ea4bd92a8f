"""Marking invoices as reviewed after a customer became a business."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django import forms

from billing.rules.ids import decode
from billing.web.formats import day_text, money_text
from invoicing.actions.reviews import MAX_NOTE
from invoicing.models import InvoiceReview


class InvoiceChoice(forms.MultipleChoiceField):
    """Ids of invoices. One that somebody else has marked meanwhile is no choice any more, and no fault."""

    def valid_value(self, value: str) -> bool:
        """Any id of an invoice; the action knows which ones were in question."""
        return decode("inv", value) is not None

    def clean(self, value: Any) -> list[UUID]:
        """The keys."""
        return [key for text in super().clean(value) if (key := decode("inv", text))]


class ReviewForm(forms.Form):
    """The invoices, `chosen` ones ticked (all, when none is named), and what was found."""

    invoices = InvoiceChoice(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose at least one invoice."}
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the log of the customer and of each invoice.",
    )

    def __init__(self, data: Any, *, waiting: Sequence[InvoiceReview], chosen: Collection[str]) -> None:
        rows = [row.invoice for row in waiting]
        ticked = [row.public_id for row in rows if not chosen or row.public_id in chosen]
        super().__init__(data, initial={"invoices": ticked})
        field = self.fields["invoices"]
        field.choices = [(row.public_id, row.number) for row in rows]  # type: ignore[attr-defined]
        field.choice_hints = {  # type: ignore[attr-defined]
            row.public_id: f"{day_text(row.issuing_on)}, {money_text(row.total_minor, row.currency)}, of which tax "
            f"{money_text(row.taxes_minor, row.currency)}"
            for row in rows
        }
