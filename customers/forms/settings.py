"""How one customer is billed, where that differs from its billing entity."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.forms.lists import language_name, languages_with, with_empty
from billing.models import Tax
from customers.forms.inherited import Inherited, inherited_word
from customers.models import Customer


class SettingsForm(forms.Form):
    """Each empty field is the billing entity's, whose value the hint states."""

    locale = forms.ChoiceField(required=False, label="Document language")
    net_payment_term_days = forms.IntegerField(
        required=False, min_value=0, max_value=365, label="Payment term"
    )
    grace_period_days = forms.IntegerField(required=False, min_value=0, max_value=365, label="Grace period")
    zero_amount_invoices = Inherited(label="Issue invoices over nothing")
    email_invoices = Inherited(label="Send invoices by e-mail")
    usage_annex = Inherited(label="Usage by day at the end of invoices")
    taxes = forms.ModelMultipleChoiceField(
        Tax.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: those of the billing entity, else the organization's. A plan's own come first.",
    )
    prefer_einvoice = forms.BooleanField(required=False, label="Prefers e-invoices")
    einvoice_email = forms.EmailField(required=False, label="E-invoice e-mail")
    peppol_id = forms.CharField(required=False, max_length=60, label="Peppol ID")

    def __init__(self, data: Any, *, customer: Customer) -> None:
        stored = {name: getattr(customer, name) for name in self.base_fields}
        stored["taxes"] = list(customer.taxes.all())
        for name in ("zero_amount_invoices", "email_invoices", "usage_annex"):
            stored[name] = inherited_word(stored[name])
        super().__init__(data, initial=stored)
        choices = with_empty("Same as the billing entity", languages_with(customer.locale))
        self.fields["locale"].choices = choices  # type: ignore[attr-defined]
        rows = Tax.objects.of(customer.organization_id).kept()
        self.fields["taxes"].queryset = rows.order_by("name")  # type: ignore[attr-defined]
        entity = customer.billing_entity
        words = {
            "locale": language_name(entity.locale),
            "grace_period_days": f"{entity.grace_period_days} days",
            "zero_amount_invoices": "yes" if entity.zero_amount_invoices else "no",
            "email_invoices": "yes" if entity.email_invoices else "no",
            "usage_annex": "yes" if entity.usage_annex else "no",
        }
        for name, word in words.items():
            self.fields[name].help_text = f"{entity.name}: {word}"
