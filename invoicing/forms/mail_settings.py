"""Forms of a billing entity's e-mails: what goes out of itself, and the words."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.models import BillingEntity
from billing.rules.errors import Invalid
from billing.web.once import OnceForm
from invoicing.models import Invoice
from invoicing.rules.mail_templates import MOST_INTRO, MOST_SUBJECT
from invoicing.rules.reminders import days_in

DAYS = forms.TextInput(attrs={"inputmode": "numeric", "placeholder": "7, 14"})


class AutomaticForm(forms.Form):
    """Which e-mails go out without anybody asking."""

    email_invoices = forms.BooleanField(
        required=False,
        label="Invoices, when they are issued",
        help_text="With the PDF. Customers can have it otherwise.",
    )
    email_credit_notes = forms.BooleanField(
        required=False,
        label="Credit notes, when they are issued",
        help_text="Not to customers that want no invoices by e-mail.",
    )
    email_receipts = forms.BooleanField(
        required=False,
        label="Receipts, when money was recorded",
        help_text="With the receipt as a PDF.",
    )
    days_before = forms.CharField(
        required=False,
        max_length=60,
        label="Days before the due date",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "placeholder": "3"}),
    )
    days_after = forms.CharField(
        required=False,
        max_length=60,
        label="Days after the due date",
        widget=DAYS,
        help_text="Several with commas between them.",
    )

    def __init__(self, data: Any, *, entity: BillingEntity) -> None:
        days = entity.reminder_days
        initial = {
            "email_invoices": entity.email_invoices,
            "email_credit_notes": entity.email_credit_notes,
            "email_receipts": entity.email_receipts,
            "days_before": ", ".join(str(-day) for day in sorted(days, reverse=True) if day < 0),
            "days_after": ", ".join(str(day) for day in sorted(days) if day > 0),
        }
        super().__init__(data, initial=initial)

    def clean_days_before(self) -> list[int]:
        """Numbers of days."""
        return days_of(self.cleaned_data["days_before"])

    def clean_days_after(self) -> list[int]:
        """Numbers of days."""
        return days_of(self.cleaned_data["days_after"])

    def values(self) -> dict[str, Any]:
        """Columns by name."""
        before, after = self.cleaned_data["days_before"], self.cleaned_data["days_after"]
        return {
            "email_invoices": self.cleaned_data["email_invoices"],
            "email_credit_notes": self.cleaned_data["email_credit_notes"],
            "email_receipts": self.cleaned_data["email_receipts"],
            "reminder_days": sorted([*(-day for day in before), *after]),
        }


def days_of(text: str) -> list[int]:
    """The days that were typed. Raises ValidationError."""
    try:
        return days_in(text, "")
    except Invalid as error:
        raise forms.ValidationError(str(error)) from error


class WordsForm(OnceForm):
    """Subject and introduction of one kind of e-mail in one language, and the invoice that it is looked at with."""

    subject = forms.CharField(required=False, max_length=MOST_SUBJECT)
    intro = forms.CharField(
        required=False,
        max_length=MOST_INTRO,
        label="Introduction",
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    invoice = forms.ChoiceField(required=False, label="Look at it with")

    def __init__(self, data: Any, *, initial: dict[str, str], samples: list[Invoice]) -> None:
        super().__init__(data, initial=initial)
        self.fields["invoice"].choices = [  # type: ignore[attr-defined]
            (row.public_id, f"{row.number} · {row.customer_name}") for row in samples
        ]
