"""Terms of one subscription: the amounts of its plan, to be changed for it alone.

What is no money (where tiers begin, the size of a package, free units) stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django import forms

from billing.forms.charge_fields import text_field
from billing.forms.plan_price import ChargePriceForm
from billing.models import Charge, ChargePrice, FixedCharge, Follow, Plan, Subscription, Tax
from billing.queries.own_terms import OwnCharge, OwnFixed, OwnTerms
from billing.queries.terms import PriceBook, price_book
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor
from billing.web.once import OnceForm
from customers.actions.assign import currency_for
from customers.models import Customer

FROM = (
    (Follow.NOW.value, "From the running period on"),
    (Follow.RENEWAL.value, "From the next period on"),
)


class OwnFixedForm(ChargePriceForm):
    """The amounts of one fixed charge, and for a new subscription its units."""

    def __init__(self, row: FixedCharge, currency: str, *, with_units: bool, data: Any) -> None:
        price = ChargePrice(currency=currency, properties=row.properties)
        super().__init__(cast(Charge, row), price, currency, data=data, prefix=f"fixed-{row.pk.hex}")
        del self.fields["min_amount"]
        if with_units:
            self.fields["units"] = forms.DecimalField(
                min_value=0,
                max_digits=27,
                decimal_places=15,
                initial=f"{row.units.normalize():f}",
                widget=forms.TextInput(attrs={"class": "num", "inputmode": "decimal", "autocomplete": "off"}),
            )

    def own(self) -> OwnFixed:
        """What was typed. Errors stand at their cells."""
        priced = self.priced()
        units: Decimal | None = self.cleaned_data.get("units") if "units" in self.changed_data else None
        changed = set(self.changed_data) - {"units"}
        return OwnFixed(priced.properties if priced and changed else None, units)


class OwnPricesForm(forms.Form):
    """The prices in `currency` of a price book, to be changed. Bound once its fields were shown (`shown`)."""

    shown = forms.CharField(widget=forms.HiddenInput, required=False, initial="yes")
    amount = text_field("Price per period")
    commitment = text_field("Minimum commitment")
    invoice_display_name = forms.CharField(
        label="Name on invoices", max_length=200, required=False, help_text="Instead of the plan's name."
    )
    taxes = forms.ModelMultipleChoiceField(
        queryset=Tax.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any, *, book: PriceBook, currency: str, with_units: bool = False) -> None:
        plan, prefix = book.plan, f"own-{book.plan.pk.hex}-{currency}"
        data = data if data and f"{prefix}-shown" in data else None
        self.book, self.currency, terms = book, currency, book.terms(currency)
        taxes = list(book.taxes) if book.taxes is not None else list(plan.taxes.all())
        self.paid_taxes = {tax.pk for tax in taxes}
        initial = {
            "amount": f"{from_minor(terms.amount_minor, currency):f}",
            "commitment": "",
            "invoice_display_name": plan.invoice_display_name,
            "taxes": list(self.paid_taxes),
        }
        if terms.commitment_minor:
            initial["commitment"] = f"{from_minor(terms.commitment_minor, currency):f}"
        super().__init__(data, prefix=prefix, initial=initial)
        known = Tax.objects.of(plan.organization_id).kept().order_by("name")
        self.fields["taxes"].queryset = known  # type: ignore[attr-defined]
        self.charges = [
            self.charge_form(row, data)
            for row in book.charges
            if row.charge_model != "dynamic" and (currency == plan.currency or book.priced(row, currency))
        ]
        self.fixed = [
            OwnFixedForm(row, currency, with_units=with_units, data=data)
            for row in book.fixed.priced(currency)
        ]

    def charge_form(self, row: Charge, data: Any) -> ChargePriceForm:
        """The amounts of one charge as they are now."""
        price = self.book.charge_prices.get((row.pk, self.currency))
        if self.currency == self.book.plan.currency:
            price = ChargePrice(
                currency=self.currency,
                properties=row.properties,
                min_amount_minor=row.min_amount_minor,
                filters=row.filters,
            )
        form = ChargePriceForm(row, price, self.currency, data=data)
        if row.pay_in_advance:
            del form.fields["min_amount"]
        return form

    @property
    def has_taxes(self) -> bool:
        """Whether there are any to choose."""
        return cast(Any, self.fields["taxes"]).queryset.exists()

    def parts(self) -> Iterator[ChargePriceForm]:
        """The forms of everything that has a price of its own."""
        for form in self.charges:
            yield form
            yield from form.filters
        yield from self.fixed

    def is_valid(self) -> bool:
        """Also of every charge, fixed charge and filter."""
        mine = super().is_valid()
        others = [form.is_valid() for form in self.parts()]
        return mine and all(others)

    @property
    def wrong(self) -> bool:
        """Whether an error stands anywhere."""
        return self.is_bound and bool(self.errors or any(form.errors for form in self.parts()))

    def own(self) -> OwnTerms | None:
        """What was changed; None when something is wrong, which then stands at its field, or was not shown."""
        if not self.is_bound or not self.is_valid():
            return None
        amounts: dict[str, int | None] = {}
        for name, usual in (("amount", ""), ("commitment", "0")):
            try:
                typed = self.cleaned_data[name] or usual
                amounts[name] = read_amount(typed, self.currency) if name in self.changed_data else None
            except Invalid as error:
                self.add_error(name, str(error))
        charges: dict[UUID, OwnCharge] = {}
        for form in self.charges:
            if form.has_changed() or any(one.has_changed() for one in form.filters):
                priced = form.priced()
                if priced is not None:
                    filters = [{"values": one.values, "properties": one.properties} for one in priced.filters]
                    charges[form.charge.pk] = OwnCharge(priced.properties, priced.min_amount_minor, filters)
        fixed = {form.charge.pk: form.own() for form in self.fixed if form.has_changed()}
        if self.wrong:
            return None
        chosen = {tax.pk: tax.code for tax in self.cleaned_data["taxes"]}
        name = self.cleaned_data["invoice_display_name"].strip()
        return OwnTerms(
            amounts["amount"],
            amounts["commitment"],
            name if "invoice_display_name" in self.changed_data else None,
            None,
            None if set(chosen) == self.paid_taxes else list(chosen.values()),
            charges,
            fixed,
        )


def prices_for(customer: Customer, plan: Plan | None, asked: str, data: Any) -> OwnPricesForm | None:
    """The prices of a plan that is to be assigned, in the currency that it would be billed in; None without one."""
    if plan is None:
        return None
    book = price_book(plan)
    currency = currency_for(customer, book, asked)
    return (
        OwnPricesForm(data, book=book, currency=currency, with_units=True)
        if currency in book.sold_in
        else None
    )


class FollowForm(OnceForm):
    """From when on terms hold."""

    follow = forms.ChoiceField(
        label="From", choices=FROM, initial=Follow.NOW.value, widget=forms.RadioSelect, required=False
    )

    def __init__(self, data: Any, *, subscription: Subscription, next_on: str) -> None:
        super().__init__(data)
        self.fields["follow"].choice_hints = {  # type: ignore[attr-defined]
            "now": "Also the whole period that runs. What is invoiced stays.",
            "renewal": f"It begins on {next_on}." if next_on else "",
        }
        if not subscription.is_live:
            del self.fields["follow"]

    @property
    def chosen(self) -> str:
        """`now` or `renewal`."""
        data = self.cleaned_data if self.is_bound and self.is_valid() else {}
        return str(data.get("follow") or Follow.NOW.value)
