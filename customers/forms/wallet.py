"""Wallets: making one, topping it up, taking credits out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from billing.forms.days import DayField
from billing.models import Wallet
from billing.rules.money import is_currency
from billing.rules.wallets import LAST_PRIORITY
from billing.web.once import OnceForm
from customers.forms.wallet_limits import LimitFields
from customers.models import Customer

MOST = Decimal(10) ** 15


def credits_field(label: str, help_text: str = "", *, required: bool = False) -> forms.DecimalField:
    """A number of credits: up to five decimals."""
    return forms.DecimalField(
        label=label,
        required=required,
        min_value=Decimal("0.00001"),
        max_value=MOST,
        decimal_places=5,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )


class TopUpForm(OnceForm):
    """Credits that are bought (an invoice is made, they arrive when it is paid) or granted (at once)."""

    paid_credits = credits_field("Credits to sell", "An invoice is issued; they arrive when it is paid.")
    granted_credits = credits_field("Promotional credits", "There at once, without an invoice; used first.")
    granted_expire_on = DayField(
        label="They expire on",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="The last day on which they pay.",
    )
    credit_priority = forms.IntegerField(
        label="Order of use in the wallet",
        required=False,
        min_value=1,
        max_value=LAST_PRIORITY,
        initial=LAST_PRIORITY,
        help_text="1 is used first, 50 last.",
    )
    reason = forms.CharField(
        label="Note", required=False, max_length=255, help_text="Kept in the wallet's history."
    )

    needs_credits = True

    @property
    def sells(self) -> bool:
        """Whether an invoice is made; of a valid form."""
        return bool(self.cleaned_data["paid_credits"])

    def clean_credit_priority(self) -> int:
        """Left empty they are used last."""
        return int(self.cleaned_data["credit_priority"] or LAST_PRIORITY)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        nothing = not cleaned.get("granted_credits") and not cleaned.get("paid_credits")
        if self.needs_credits and nothing and not self.errors:
            self.add_error("paid_credits", "Enter credits to sell, promotional credits, or both.")
        if cleaned.get("granted_expire_on") and not cleaned.get("granted_credits") and not self.errors:
            self.add_error("granted_credits", "Enter the credits that expire on this day.")
        return cleaned


class WalletForm(LimitFields, TopUpForm):
    """A new wallet, what it pays for, with its first credits if wanted."""

    needs_credits = False

    name = forms.CharField(required=False, max_length=100)
    currency = forms.CharField(max_length=3)
    rate = forms.DecimalField(
        label="One credit is worth",
        min_value=Decimal("0.000001"),
        max_value=Decimal(10) ** 9,
        decimal_places=6,
        initial=Decimal(1),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text="Fixed afterwards.",
    )
    priority = forms.IntegerField(
        min_value=1, max_value=50, initial=50, help_text="1 is used first, 50 last. The oldest wins a tie."
    )
    expires_on = DayField(label="Expires on", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    field_order = ("name", "currency", "rate", "granted_credits", "paid_credits", "priority", "expires_on")

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].initial = customer.currency
        self.offer(customer.organization)

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).strip().upper()
        if not is_currency(code):
            raise forms.ValidationError("Use an ISO 4217 currency code such as EUR.")
        return code


class VoidCreditsForm(OnceForm):
    """Credits to take out, with the reason for the history."""

    credits = credits_field("Credits to take out", required=True)
    reason = forms.CharField(max_length=255)

    def __init__(self, *args: Any, wallet: Wallet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credits"].help_text = f"The wallet holds {wallet.credits_balance:f}."
