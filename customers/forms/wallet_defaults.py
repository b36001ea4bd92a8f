"""The defaults for a customer's wallets, as amounts in the form of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor, is_currency
from customers.models import Customer
from customers.rules.fields import AMOUNTS

WORDS = {
    "default_auto_topup_amount": ("Top up by", "What is bought each time."),
    "default_low_balance_threshold": ("When the balance falls below", "Staff are warned then, too."),
    "default_max_balance": ("Maximum balance", ""),
    "default_max_single_credit": ("Maximum single credit", ""),
    "default_credit_limit": ("Credit limit", "How far a postpaid wallet may go below zero."),
}


def amount_of(row: Customer, name: str) -> Decimal | None:
    """A default in major units of the customer's currency."""
    minor = getattr(row, AMOUNTS[name])
    return None if minor is None else from_minor(minor, row.currency)


def amount_fields(row: Customer) -> dict[str, forms.Field]:
    """A text field for each amount."""
    found: dict[str, forms.Field] = {}
    for name, (label, hint) in WORDS.items():
        amount = amount_of(row, name)
        found[name] = forms.CharField(
            label=label,
            help_text=hint,
            required=False,
            max_length=30,
            initial="" if amount is None else f"{amount:f}",
            widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        )
    return found


def read_amounts(form: forms.BaseForm, values: Mapping[str, Any], currency: str) -> dict[str, Decimal | None]:
    """The amounts in major units, with as many decimals as the currency has; errors at their fields. An unknown
    currency is told at its own field.
    """
    found: dict[str, Decimal | None] = {}
    for name in AMOUNTS if is_currency(currency) else ():
        written = str(values.get(name) or "").strip()
        try:
            found[name] = from_minor(read_amount(written, currency), currency) if written else None
        except Invalid as error:
            form.add_error(name, str(error))
    return found
