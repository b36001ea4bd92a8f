"""The form of a plan's price in another currency: the fee, the minimum commitment, and each charge's amounts.

What is no money (where tiers begin, the size of a package, free units) is taken over from the plan's own currency.
A new charge whose cells all stay empty has no price there yet.
"""

from __future__ import annotations

import copy
import re
from typing import Any
from uuid import UUID

from django import forms

from billing.actions.charge_terms import FilterTerms, PricedIn, stored_properties
from billing.actions.plan_prices import PriceTerms
from billing.forms.charge_fields import text_field
from billing.forms.charge_rows import PROPERTIES, TIERS, WORDS
from billing.forms.lists import LongSelect, currencies
from billing.models import Charge, ChargePrice, Plan, PlanPrice
from billing.queries.terms import price_book
from billing.rules.amounts import read_amount
from billing.rules.charges.registry import charge_model
from billing.rules.charges.tiers import Tier
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.rules.filters import filter_name
from billing.rules.money import from_minor

_TIER = re.compile(r"properties\.\w+\[(\d+)\]\.(\w+)$")
# What of each model is money (or a rate), by the fields of the charge form.
MONEY: dict[str, tuple[str, ...]] = {
    "standard": ("amount",),
    "package": ("amount",),
    "percentage": ("rate", "fixed_amount", "free_amount", "minimum", "maximum"),
}
LABELS = {
    "amount": "Price per unit",
    "rate": "Rate in %",
    "fixed_amount": "Fixed fee per event",
    "free_amount": "Free value",
    "minimum": "Minimum per event",
    "maximum": "Maximum per event",
}


class ChargePriceForm(forms.Form):
    """The amounts of one charge: `tiers` [(span, price, flat)] or `cells`, and its minimum spend."""

    def __init__(
        self, charge: Charge, price: ChargePrice | None, currency: str, *, data: Any, prefix: str = ""
    ) -> None:
        self.charge, self.price, self.currency = charge, price, currency
        self.filters = [] if prefix else filter_forms(charge, price, currency, data)
        self.base = price.properties if price else charge.properties
        fields, initial = cells_of(charge, self.base)
        if price is None:
            initial = {name: value for name, value in initial.items() if name.startswith("rate")}
        elif price.min_amount_minor:
            initial["min_amount"] = f"{from_minor(price.min_amount_minor, price.currency):f}"
        super().__init__(data, prefix=prefix or f"charge-{charge.pk.hex}", initial=initial)
        self.fields |= fields
        self.fields["min_amount"] = text_field("Minimum spend per period")

    @property
    def tiers(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """(what it covers, price, flat fee) of each tier."""
        spans = tiers_of(self.charge.charge_model, self.base)
        return [(tier.span, self[f"price_{i}"], self[f"flat_{i}"]) for i, tier in enumerate(spans)]

    @property
    def rated(self) -> bool:
        """Whether tiers hold percentages."""
        return self.charge.charge_model == "graduated_percentage"

    @property
    def cells(self) -> list[forms.BoundField]:
        """The amounts of a model without tiers."""
        return [self[name] for name in MONEY.get(self.charge.charge_model, ())]

    @property
    def empty(self) -> bool:
        """Nothing was typed for a charge without a price so far."""
        return self.price is None and not any(
            str(value or "").strip() for value in self.cleaned_data.values()
        )

    def priced(self) -> PricedIn | None:
        """What was typed as terms; None leaves the charge without a price. Errors stand at their cells."""
        if self.empty or self.charge.charge_model == "dynamic":
            return None
        properties = with_cells(self.charge.charge_model, self.base, self.cleaned_data)
        least = 0
        try:
            if typed := self.cleaned_data.get("min_amount"):
                least = read_amount(typed, self.currency)
        except Invalid as error:
            self.add_error("min_amount", str(error))
        try:
            stored_properties(self.charge.charge_model, properties)
        except BillingError as error:
            self.place(error)
        return PricedIn(properties, least, [terms for form in self.filters if (terms := form.terms())])

    def place(self, error: BillingError) -> None:
        """Put the errors of the rule at their cells."""
        names = {f"properties.{prop}": name for name, prop in PROPERTIES.items()}
        pairs = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
        for path, text in pairs:
            found = _TIER.match(path)
            cell = names.get(path)
            if found:
                cell = f"{'flat' if found[2] == 'flatAmount' else 'price'}_{found[1]}"
            self.add_error(cell if cell in self.fields else None, WORDS.get(text, text))


class FilterPriceForm(ChargePriceForm):
    """The amounts of one filter of a charge; left empty, its events cost what the charge does."""

    def __init__(self, charge: Charge, number: int, stored: Any, currency: str, data: Any) -> None:
        row = charge.filters[number]
        self.name, self.values = filter_name(row), row["values"]
        own = copy.copy(charge)
        own.properties = row["properties"]
        price = ChargePrice(currency=currency, properties=stored["properties"]) if stored else None
        prefix = f"charge-{charge.pk.hex}-filter-{number}"
        super().__init__(own, price, currency, data=data, prefix=prefix)
        del self.fields["min_amount"]

    @property
    def empty(self) -> bool:
        """Nothing stands there."""
        return not any(str(value or "").strip() for value in self.cleaned_data.values())

    def terms(self) -> FilterTerms | None:
        """What was typed; None when it is empty. Errors stand at their cells."""
        found = self.priced() if self.is_valid() else None
        return FilterTerms(self.values, found.properties) if found else None


def filter_forms(
    charge: Charge, price: ChargePrice | None, currency: str, data: Any
) -> list[FilterPriceForm]:
    """A form for each filter of a charge, with what it costs in the currency."""
    stored = price.filters if price else []
    return [
        FilterPriceForm(
            charge,
            number,
            next((one for one in stored if one["values"] == row["values"]), None),
            currency,
            data,
        )
        for number, row in enumerate(charge.filters)
    ]


def tiers_of(model: str, properties: dict[str, Any]) -> tuple[Tier, ...]:
    """The tiers of stored properties; none for models without."""
    return getattr(charge_model(model).parse(properties), "tiers", ())


def cells_of(charge: Charge, base: dict[str, Any]) -> tuple[dict[str, forms.Field], dict[str, Any]]:
    """(fields, what stands in them) of a charge's amounts."""
    fields: dict[str, forms.Field] = {}
    initial: dict[str, Any] = {}
    if charge.charge_model in TIERS:
        ranges, price = TIERS[charge.charge_model]
        for number, tier in enumerate(base[ranges]):
            fields[f"price_{number}"] = text_field(f"Price of tier {number + 1}")
            fields[f"flat_{number}"] = text_field(f"Flat fee of tier {number + 1}")
            initial[f"price_{number}"] = tier[price]
            initial[f"flat_{number}"] = "" if tier["flatAmount"] == "0" else tier["flatAmount"]
        return fields, initial
    for name in MONEY.get(charge.charge_model, ()):
        label = "Price per package" if charge.charge_model == "package" else LABELS[name]
        fields[name] = text_field(label)
        initial[name] = base.get(PROPERTIES[name], "")
    return fields, initial


def with_cells(model: str, base: dict[str, Any], typed: dict[str, Any]) -> dict[str, Any]:
    """The properties with the amounts that were typed."""
    found = copy.deepcopy(base)
    if model in TIERS:
        ranges, price = TIERS[model]
        for number, tier in enumerate(found[ranges]):
            tier[price] = typed.get(f"price_{number}") or ("0" if typed.get(f"flat_{number}") else "")
            tier["flatAmount"] = typed.get(f"flat_{number}") or "0"
        return found
    for name in MONEY.get(model, ()):
        found[PROPERTIES[name]] = typed.get(name, "")
    return {name: value for name, value in found.items() if value != ""} | (
        {"amount": ""} if "amount" in MONEY.get(model, ()) and not typed.get("amount") else {}
    )


class PriceForm(forms.Form):
    """The fee and the minimum commitment; `charges` are the forms of the plan's charges."""

    currency = forms.ChoiceField(widget=LongSelect)
    amount = text_field("Price per period")
    commitment = text_field("Minimum commitment")

    def __init__(self, data: Any, *, plan: Plan, price: PlanPrice | None = None) -> None:
        initial: dict[str, Any] = {}
        if price is not None:
            initial = {
                "currency": price.currency,
                "amount": f"{from_minor(price.amount_minor, price.currency):f}",
                "commitment": "",
            }
            if price.commitment_minor:
                initial["commitment"] = f"{from_minor(price.commitment_minor, price.currency):f}"
        super().__init__(data, initial=initial)
        book = price_book(plan)
        self.fields["amount"].required = True
        taken = set(book.currencies)
        if price is None:
            free = [pair for pair in currencies() if pair[0] not in taken]
            self.fields["currency"].choices = [("", "Choose a currency"), *free]  # type: ignore[attr-defined]
        else:
            self.fields["currency"].choices = [(price.currency, price.currency)]  # type: ignore[attr-defined]
            self.fields["currency"].disabled = True
        code = price.currency if price else str((data or {}).get("currency", ""))
        self.charges = [
            ChargePriceForm(row, book.charge_prices.get((row.pk, code)), code, data=data)
            for row in book.charges
            if row.charge_model != "dynamic"
        ]

    @property
    def code(self) -> str:
        """The currency chosen so far, for prefixes."""
        return str(self["currency"].value() or "")

    def is_valid(self) -> bool:
        """Also of every charge."""
        mine = super().is_valid()
        others = [form.is_valid() for form in self.charges]
        return mine and all(others)

    def terms(self) -> PriceTerms | None:
        """What was typed; None when something is wrong, which then stands at its field."""
        if not self.is_valid():
            return None
        code = self.cleaned_data["currency"]
        amounts = {"amount": 0, "commitment": 0}
        for name in amounts:
            try:
                amounts[name] = read_amount(self.cleaned_data[name] or "0", code)
            except Invalid as error:
                self.add_error(name, str(error))
        charges: dict[UUID, PricedIn] = {}
        for form in self.charges:
            for one in (form, *form.filters):
                one.currency = code
            found = form.priced()
            if found is not None:
                charges[form.charge.pk] = found
        if self.errors or any(one.errors for form in self.charges for one in (form, *form.filters)):
            return None
        return PriceTerms(code, amounts["amount"], amounts["commitment"], charges)
