"""Linking a customer to one at a payment provider."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.models import Organization
from invoicing.models import PaymentProvider


class LinkForm(forms.Form):
    """Which account, and the id that it knows the customer under."""

    account = forms.ModelChoiceField(PaymentProvider.objects.none(), empty_label=None)
    external_id = forms.CharField(
        label="ID at the provider",
        max_length=255,
        help_text="At Stripe it starts with cus_. What we know of the customer is then sent there.",
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = PaymentProvider.objects.of(organization).kept().order_by("priority", "created_at")
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]
