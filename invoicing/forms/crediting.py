"""Forms of what was too much: a credit note, and money given back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from billing.rules.errors import BillingError
from billing.rules.money import from_minor
from billing.web.formats import money_text
from billing.web.once import OnceForm
from invoicing.actions.crediting import CreditRequest
from invoicing.models import Invoice, InvoiceType, Payment, PaymentProvider, Remittance
from invoicing.queries.consumer import for_consumer
from invoicing.queries.crediting import Creditable
from invoicing.queries.sold_credits import sale_left
from invoicing.rules.amounts import minor_of
from invoicing.rules.crediting import CreditReason

REASONS = [
    (CreditReason.ORDER_CHANGE.value, "The order changed"),
    (CreditReason.ORDER_CANCELLATION.value, "The order was cancelled"),
    (CreditReason.DUPLICATED_CHARGE.value, "It was charged twice"),
    (CreditReason.PRODUCT_UNSATISFACTORY.value, "The product was not satisfactory"),
    (CreditReason.FRAUDULENT_CHARGE.value, "The charge was fraudulent"),
    (CreditReason.TAX_CORRECTION.value, "The tax was not due"),
    (CreditReason.OTHER.value, "Another reason"),
]
LINES, AMOUNT, EVERYTHING, TAX = "lines", "amount", "everything", "tax"
MODES = [
    (LINES, "By line"),
    (AMOUNT, "An amount"),
    (EVERYTHING, "Everything"),
    (TAX, "Only the tax"),
]


class AmountField(forms.DecimalField):
    """An amount in major units; cleaned to minor units. Empty is 0."""

    def __init__(self, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(max_digits=30, required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        """Minor units; more decimals than the currency has are an error."""
        found: Decimal | None = super().clean(value)
        if found is None:
            return 0
        try:
            minor = minor_of(found, self.currency)
        except BillingError as error:
            raise forms.ValidationError(str(error)) from None
        if minor < 0:
            raise forms.ValidationError("Must not be negative.")
        return minor


class CreditNoteForm(OnceForm):
    """What to credit: an amount for each line that has something left, before tax (of a
    consumer's invoice with tax, as it shows them); an amount with tax; everything; or
    an amount of each tax. What the chosen way does not ask for is not looked at. Of an invoice that sold prepaid
    credits (`sale`) only an amount or everything, once it is paid, else everything.
    """

    mode = forms.ChoiceField(
        choices=MODES, widget=forms.RadioSelect, label="What to credit", required=False, initial=LINES
    )
    reason = forms.ChoiceField(choices=REASONS)
    description = forms.CharField(
        required=False, max_length=500, label="Note", help_text="Kept with the credit note, not printed."
    )

    def __init__(
        self, *args: Any, invoice: Invoice, rest: Creditable, may_refund: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.invoice = invoice
        self.sale = invoice.type == InvoiceType.CREDIT.value
        self.with_tax = for_consumer(invoice)
        self.taxes = [tax for tax in rest.taxes if tax.left_minor]
        total, tax = (
            money_text(minor, invoice.currency) for minor in (rest.total_minor, rest.tax_left_minor)
        )
        mode = self.fields["mode"]
        ways = {LINES, AMOUNT, EVERYTHING} | ({TAX} if self.taxes else set())
        if self.sale:
            total = money_text(
                sale_left(invoice) if invoice.received_minor else rest.total_minor, invoice.currency
            )
            ways = {AMOUNT, EVERYTHING} if invoice.received_minor else {EVERYTHING}
            mode.initial = EVERYTHING
        mode.choices = [choice for choice in MODES if choice[0] in ways]  # type: ignore[attr-defined]
        mode.choice_hints = {  # type: ignore[attr-defined]
            LINES: "Amounts with tax" if self.with_tax else "Amounts before tax",
            AMOUNT: "Of the credits it sold" if self.sale else "With tax, over all lines",
            EVERYTHING: f"{total} that are left",
            TAX: f"{tax}, the lines stay",
        }
        self.fields["amount"] = AmountField(
            invoice.currency,
            label="Amount" if self.sale else "Amount with tax",
            help_text=f"At most {total}." if self.sale else f"At most {total}, spread over all lines.",
        )
        for due in self.taxes:
            self.fields[f"tax-{due.key}"] = AmountField(
                invoice.currency,
                label=due.row.name,
                initial=f"{from_minor(due.left_minor, invoice.currency):f}",
            )
        self.gross = rest.gross_left if self.with_tax else {}
        self.left = {key: minor for key, minor in rest.left.items() if minor}
        self.rows = [row for row in rest.rows if str(row.pk) in self.left]
        for row in self.rows:
            self.fields[f"line-{row.pk}"] = AmountField(invoice.currency, label=row.description)
        if self.sale:
            return
        if invoice.due_minor:
            most = money_text(min(invoice.due_minor, rest.total_minor), invoice.currency)
            self.fields["offset"] = AmountField(
                invoice.currency,
                label="Take off what is due",
                help_text=f"Up to {most} of this invoice need not be paid then.",
            )
        if may_refund and rest.refundable_minor:
            most = money_text(rest.refundable_minor, invoice.currency)
            self.fields["refund"] = AmountField(
                invoice.currency, label="Give back as money", help_text=f"Up to {most} of what was paid."
            )

    def clean(self) -> dict[str, Any]:
        """What another way to credit asks for may hold anything."""
        mode = self.cleaned_data.get("mode") or (EVERYTHING if self.sale else LINES)
        ways = {"line-": LINES, "amount": AMOUNT, "tax-": TAX}
        for name in list(self.errors):
            if any(name.startswith(start) and way != mode for start, way in ways.items()):
                del self.errors[name]
        return self.cleaned_data

    def lines(self) -> list[dict[str, Any]]:
        """Each line with its field, for the template."""
        return [
            {
                "row": row,
                "left_minor": self.left[str(row.pk)],
                "gross_minor": self.gross.get(str(row.pk), 0),
                "field": self[f"line-{row.pk}"],
            }
            for row in self.rows
        ]

    def tax_rows(self) -> list[dict[str, Any]]:
        """Each tax with its field, for the template."""
        return [{"tax": tax, "field": self[f"tax-{tax.key}"]} for tax in self.taxes]

    def request(self) -> CreditRequest:
        """What was typed, for the action."""
        data = self.cleaned_data
        mode = data["mode"] or (EVERYTHING if self.sale else LINES)
        parts: dict[str, Any] = {
            "refund_minor": data.get("refund") or 0,
            "offset_minor": data.get("offset") or 0,
        }
        if mode == TAX:
            taxes = {tax.key: data.get(f"tax-{tax.key}") or 0 for tax in self.taxes}
            return CreditRequest(only_tax=True, taxes=taxes, **parts)
        if mode == AMOUNT:
            return CreditRequest(total_minor=data.get("amount") or 0, **parts)
        if mode == EVERYTHING:
            return CreditRequest(everything=True, **parts)
        items = {str(row.pk): data.get(f"line-{row.pk}") or 0 for row in self.rows}
        return CreditRequest(items=items, with_tax=self.with_tax, **parts)


class RefundForm(OnceForm):
    """Money given back, prefilled with all that is left of a payment or on account; where a provider can send it,
    `how` says whether it does.
    """

    reason = forms.CharField(required=False, max_length=500)
    reference = forms.CharField(
        required=False, max_length=100, help_text="As on the bank statement, for example."
    )

    def __init__(
        self,
        *args: Any,
        source: Payment | Remittance,
        account: PaymentProvider | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        left = source.left_minor
        if account is not None:
            self.fields["how"] = forms.ChoiceField(
                label="How it goes back",
                choices=[("online", f"{account.name} sends it"), ("hand", "It was sent otherwise")],
                initial="online",
                required=False,
                widget=forms.RadioSelect,
            )
            self.fields["how"].choice_hints = {  # type: ignore[attr-defined]
                "online": "To the card or account that it came from.",
                "hand": "By bank transfer or in cash; this only records it.",
            }
        self.fields["amount"] = AmountField(
            source.currency, label="Amount", initial=f"{from_minor(left, source.currency):f}"
        )
