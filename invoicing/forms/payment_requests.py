"""Forms of payment requests: what is asked for, of whom, in which words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from billing.forms.lists import language_name
from billing.web.once import OnceForm
from invoicing.forms.mails import AddressesField, language_choices
from invoicing.models import PaymentRequest
from invoicing.queries.mail_facts import addresses_of
from invoicing.queries.payment_requests import MOST_ATTACHED, Overdue, language_of

WORDS = forms.Textarea(attrs={"rows": 3})


class RequestForm(OnceForm):
    """Which overdue invoices, and the e-mail about them. `seen` is the amount that was shown, sent back as what was
    agreed to. `mails`: whether customers are mailed at all here.
    """

    seen = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    to = AddressesField(label="To", required=False)
    language = forms.ChoiceField()
    note = forms.CharField(
        required=False,
        max_length=1000,
        help_text="A few words of your own, below the introduction.",
        widget=WORDS,
    )
    attach = forms.BooleanField(required=False, initial=True, label="Attach the invoices")
    invoices = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose at least one invoice."}
    )

    def __init__(self, data: Any, *, group: Overdue, customer: Any, mails: bool) -> None:
        super().__init__(data)
        self.group, self.mails = group, mails
        self.rows = {row.public_id: row for row in group.invoices}
        chosen: Any = self.fields["invoices"]
        chosen.choices = [(key, row.number) for key, row in self.rows.items()]
        chosen.initial = list(self.rows)
        own = language_of(customer)
        language: Any = self.fields["language"]
        language.choices, language.initial = language_choices(own), own
        known = addresses_of(customer)
        self.fields["to"].initial = known[0] if known else ""
        self.fields[
            "to"
        ].help_text = "Empty: the request is made and nobody is mailed. Its link can be sent otherwise."
        if len(group.invoices) > MOST_ATTACHED:
            self.fields["attach"].help_text = f"At most {MOST_ATTACHED} fit into one e-mail."
        if not mails:
            for name in ("to", "note", "attach"):
                del self.fields[name]

    def ticked(self) -> list[str]:
        """The ids of the invoices that are chosen now, also while the form is not whole."""
        value = self["invoices"].value() or []
        return [key for key in value if key in self.rows]

    def chosen(self) -> list[UUID]:
        """The keys of the chosen invoices."""
        return [self.rows[key].pk for key in self.cleaned_data["invoices"]]

    def seen_minor(self) -> int | None:
        """The amount that was agreed to; None when the form showed none."""
        text = self.cleaned_data["seen"]
        return int(text) if text.isdigit() else None


class AskAgainForm(OnceForm):
    """The e-mail about an open request once more."""

    to = AddressesField(label="To")
    note = forms.CharField(
        required=False,
        max_length=1000,
        help_text="A few words of your own, below the introduction.",
        widget=WORDS,
    )
    attach = forms.BooleanField(required=False, initial=True, label="Attach the invoices")

    def __init__(self, data: Any, *, request: PaymentRequest) -> None:
        super().__init__(data)
        known = addresses_of(request.customer)
        self.fields["to"].initial = known[0] if known else ""
        self.fields["note"].initial = request.note
        self.language = language_name(request.language)


class WithdrawForm(OnceForm):
    """Why a request is taken back."""

    reason = forms.CharField(required=False, max_length=500, help_text="For your colleagues.")
