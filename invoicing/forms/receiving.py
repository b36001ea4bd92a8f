"""Forms for money of a customer that is for several invoices, or for more than is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django import forms

from billing.forms.days import DayField
from billing.models import Wallet
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.rules.periods import start_of_day
from billing.web.errors import add_error
from billing.web.once import OnceForm
from invoicing.forms.crediting import AmountField
from invoicing.models import Invoice
from invoicing.rules.splitting import Split

ACCOUNT = "account"
MOST_ROWS = 100


class SplitForm(OnceForm):
    """An amount for each unpaid invoice, the first hundred; an empty one is filled by itself, the oldest first.
    `seen` is the split that was shown, sent back as what was agreed to.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, currency: str, invoices: Sequence[Invoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.invoices = list(invoices)[:MOST_ROWS]
        self.more = max(len(invoices) - MOST_ROWS, 0)
        self.any_disputed = any(row.in_dispute for row in self.invoices)
        for row in self.invoices:
            self.fields[f"part-{row.pk}"] = EmptyAmountField(currency, label=f"For {row.number}")

    def rows(self) -> list[tuple[Invoice, forms.BoundField]]:
        """The invoices with their cells."""
        return [(row, self[f"part-{row.pk}"]) for row in self.invoices]

    def chosen(self) -> dict[UUID, int]:
        """What was typed for invoices, in minor units."""
        typed = {row.pk: self.cleaned_data.get(f"part-{row.pk}") for row in self.invoices}
        return {key: minor for key, minor in typed.items() if minor is not None}


class EmptyAmountField(AmountField):
    """An amount in minor units; None when nothing was typed, which is not 0."""

    def clean(self, value: Any) -> Any:
        """Minor units, or None."""
        return None if value in self.empty_values else super().clean(value)


class ReceiveForm(SplitForm):
    """Money received: how much, when, and what becomes of what is more than due."""

    paid_on = DayField(label="Received on", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    reference = forms.CharField(
        required=False, max_length=100, help_text="As on the bank statement, for example."
    )
    rest = forms.ChoiceField(label="What becomes of the rest", required=False, widget=forms.RadioSelect)

    def __init__(self, *args: Any, wallets: Sequence[Wallet], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wallets = {row.public_id: row for row in wallets}
        self.today = today
        self.fields["amount"] = AmountField(self.currency, label="Amount received")
        self.fields["amount"].required = True
        self.fields["paid_on"].initial = today
        self.fields["paid_on"].widget.attrs["max"] = f"{today:%Y-%m-%d}"
        rest: Any = self.fields["rest"]
        rest.choices = [(ACCOUNT, "Keep it on account"), *wallet_choices(wallets)]
        rest.choice_hints = {ACCOUNT: "Use it for invoices later, or give it back."} | dict.fromkeys(
            self.wallets, "An invoice over the credits is issued and paid with it."
        )

    def clean_paid_on(self) -> date:
        """Money cannot have come tomorrow."""
        value: date = self.cleaned_data["paid_on"]
        if value > self.today:
            raise forms.ValidationError("This day is in the future.")
        return value


def wallet_choices(wallets: Sequence[Wallet]) -> list[tuple[str, str]]:
    """Wallets that credits can be bought for."""
    return [(row.public_id, f"Prepaid credits in “{row}”") for row in wallets]


class UseRestForm(SplitForm):
    """What is on account, over invoices."""


def split_rows(form: SplitForm) -> list[dict[str, Any]]:
    """The table of unpaid invoices with a cell for each."""
    return [{"invoice": invoice, "cell": cell} for invoice, cell in form.rows()]


def show_split(form: SplitForm, plan: Callable[[], Split[UUID]]) -> dict[str, Any]:
    """The split as it would be now, for `payment-split`, or the reason why there is none."""
    try:
        found = plan()
    except BillingError as error:
        return {"split_error": f"{error}"}
    numbers = {row.pk: row for row in form.invoices}
    missing = [key for key in found.parts if key not in numbers]
    numbers |= Invoice.objects.in_bulk(missing) if missing else {}
    lines = [
        {"invoice": numbers[key], "minor": minor, "left": numbers[key].due_minor - minor}
        for key, minor in found.parts.items()
    ]
    return {"split": found, "lines": lines, "paid_minor": sum(found.parts.values())}


def mark(form: forms.Form, error: BillingError) -> None:
    """Put each fault at its cell."""
    for name, text in error.errors if isinstance(error, FieldErrors) else [(error.field, str(error))]:
        field = (name or "").replace("invoices[", "part-").rstrip("]")
        add_error(form, Invalid(text, field=field if field in form.fields else None))


def moment_of(day: object, today: object, at: datetime, zone: str) -> datetime:
    """Today is now; another day is its beginning in the organization's zone."""
    return at if day == today else start_of_day(day, zone)  # type: ignore[arg-type]
