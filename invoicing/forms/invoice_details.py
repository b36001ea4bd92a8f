"""Forms beside an invoice's lines: its details, and a dispute."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.days import DayField
from billing.web.formats import zone_of
from invoicing.models import Invoice, InvoiceType
from invoicing.rules.states import DisputeState

BY_ITSELF, HELD = "day", "held"
OUTCOMES = [
    (DisputeState.WITHDRAWN.value, "Withdrawn"),
    (DisputeState.REJECTED.value, "Not justified"),
    (DisputeState.UPHELD.value, "The customer was right"),
]


class DisputeForm(forms.Form):
    """What a customer contests."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept in the history, not printed.",
    )


class EndDisputeForm(forms.Form):
    """How a dispute ended."""

    outcome = forms.ChoiceField(label="How it ended", choices=OUTCOMES, widget=forms.RadioSelect)
    note = forms.CharField(required=False, max_length=500, help_text="Kept in the history.")

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data, initial={"outcome": DisputeState.WITHDRAWN.value})
        self.fields["outcome"].choice_hints = {  # type: ignore[attr-defined]
            DisputeState.WITHDRAWN.value: "It will be paid",
            DisputeState.REJECTED.value: "It is asked for again",
            DisputeState.UPHELD.value: "Correct it with a credit note",
        }


class DetailsForm(forms.Form):
    """Purchase order, notes, metadata; of a subscription's draft also when it becomes final."""

    purchase_order = forms.CharField(label="Purchase order number", required=False, max_length=255)
    notes = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Printed below the totals.",
    )
    when = forms.ChoiceField(
        label="Becomes final",
        choices=[(BY_ITSELF, "By itself, on a day"), (HELD, "When somebody finalizes it")],
        widget=forms.RadioSelect,
    )
    finalize_on = DayField(
        label="Day", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    metadata = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One “key: value” a line. For your systems, not printed.",
    )

    def __init__(self, data: QueryDict | None, *, invoice: Invoice) -> None:
        self.invoice = invoice
        at = invoice.finalize_at
        initial = {
            "purchase_order": invoice.purchase_order,
            "notes": invoice.notes,
            "when": BY_ITSELF if at else HELD,
            "finalize_on": at.astimezone(zone_of(invoice.timezone)).date() if at else None,
            "metadata": "\n".join(f"{key}: {shown(value)}" for key, value in invoice.metadata.items()),
        }
        super().__init__(data, initial=initial)
        draft = invoice.status == "draft"
        if not draft:
            del self.fields["purchase_order"], self.fields["notes"]
        if not draft or invoice.type != InvoiceType.SUBSCRIPTION.value:
            del self.fields["when"], self.fields["finalize_on"]

    def clean_metadata(self) -> dict[str, Any]:
        """{key: text}; a value that was no text keeps its kind while nobody changes it."""
        found: dict[str, Any] = {}
        for line in self.cleaned_data["metadata"].splitlines():
            if not line.strip():
                continue
            key, sign, value = line.partition(":")
            key, value = key.strip(), value.strip()
            if not sign or not key:
                raise forms.ValidationError(f"“{line.strip()[:60]}” has no key. Write “key: value”.")
            if key in found:
                raise forms.ValidationError(f"The key “{key}” stands there twice.")
            before = self.invoice.metadata.get(key)
            found[key] = before if before is not None and shown(before) == value else value
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        by_itself = "when" in self.fields and cleaned.get("when") == BY_ITSELF
        if by_itself and "finalize_on" not in self.errors and cleaned.get("finalize_on") is None:
            self.add_error("finalize_on", "Choose a day.")
        return cleaned

    def values(self) -> dict[str, Any]:
        """What was typed, for the action."""
        found = {name: value for name, value in self.cleaned_data.items() if name != "when"}
        if "when" in self.fields and self.cleaned_data["when"] == HELD:
            found["finalize_on"] = None
        return found


def shown(value: Any) -> str:
    """A value of metadata on one line."""
    return value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False)
