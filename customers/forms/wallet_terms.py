"""What can be changed on a wallet, as a form: amounts in major units of its currency."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from billing.actions.wallet_terms import terms_of
from billing.forms.days import DayField
from billing.models import Wallet
from billing.queries.schedules import customer_zone
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor
from billing.rules.periods import local_date, start_of_day
from billing.rules.wallet_terms import WalletTerms
from billing.web.once import OnceForm
from customers.forms.wallet_limits import LimitFields

# field of the form: column of the wallet
COLUMNS = {
    "max_balance": "max_balance_minor",
    "max_single_credit": "max_single_credit_minor",
    "credit_limit": "credit_limit_minor",
    "low_balance": "low_balance_minor",
    "auto_top_up": "auto_top_up_minor",
}
NAMES = {column: name for name, column in COLUMNS.items()} | {
    "expires_at": "expires_on",
    "metric_ids": "metrics",
}


def amount_field(label: str, help_text: str = "") -> forms.CharField:
    """An amount that may be empty."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )


class WalletTermsForm(LimitFields, OnceForm):
    """Name, order of use, expiry, what it pays for, limits, and the automatic top-up."""

    name = forms.CharField(required=False, max_length=100)
    priority = forms.IntegerField(
        min_value=1, max_value=50, help_text="1 is used first, 50 last. The oldest wins a tie."
    )
    expires_on = DayField(
        label="Expires on",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="The last day on which it pays.",
    )
    max_balance = amount_field("Maximum balance", "What would lift it higher is refused.")
    max_single_credit = amount_field("Maximum single credit", "What one top-up may be.")
    credit_limit = amount_field(
        "Credit limit", "How far it may go below zero while the customer is postpaid."
    )
    low_balance = amount_field("Low mark", "Below it the wallet counts as low.")
    auto_top_up_enabled = forms.BooleanField(
        label="Top up automatically",
        required=False,
        help_text="Below the low mark an invoice over the amount is issued.",
    )
    auto_top_up = amount_field("Amount of a top-up")

    def __init__(self, *args: Any, wallet: Wallet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wallet = wallet
        self.zone = customer_zone(wallet.customer)
        self.offer(wallet.organization, wallet)
        for name in ("name", "priority", "auto_top_up_enabled"):
            self.fields[name].initial = getattr(wallet, name)
        if wallet.expires_at:
            self.fields["expires_on"].initial = self.last_day
        for name, column in COLUMNS.items():
            minor = getattr(wallet, column)
            empty = minor is None or (name == "credit_limit" and not minor)
            self.fields[name].initial = "" if empty else f"{from_minor(minor, wallet.currency):f}"

    @property
    def last_day(self) -> Any:
        """The last day on which the wallet pays, by the customer's clock."""
        expires = self.wallet.expires_at
        return local_date(expires - timedelta(microseconds=1), self.zone) if expires else None

    def clean(self) -> dict[str, Any]:
        """Amounts become minor units, errors stand at their fields."""
        cleaned = super().clean() or {}
        for name in COLUMNS:
            written = str(cleaned.get(name) or "").strip()
            try:
                cleaned[name] = read_amount(written, self.wallet.currency) if written else None
            except Invalid as error:
                self.add_error(name, str(error))
        return cleaned

    def terms(self) -> WalletTerms:
        """What was sent. A day that was not changed keeps its moment."""
        data, now = self.cleaned_data, terms_of(self.wallet)
        day = data["expires_on"]
        if day == self.last_day:
            expires = now.expires_at
        else:
            expires = start_of_day(day + timedelta(days=1), self.zone) if day else None
        fee_types, metric_ids = self.limits()
        return WalletTerms(
            name=data["name"],
            priority=data["priority"],
            expires_at=expires,
            auto_top_up_enabled=data["auto_top_up_enabled"],
            **{column: data[name] for name, column in COLUMNS.items() if name != "credit_limit"},
            credit_limit_minor=data["credit_limit"] or 0,
            fee_types=fee_types,
            metric_ids=metric_ids,
        )
