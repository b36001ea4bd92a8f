"""Forms of a draft's lines: what one says, and one more."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict

from billing.models import AddOn, Organization
from billing.rules.money import from_minor
from billing.web.once import OnceForm
from invoicing.actions.one_off import Item
from invoicing.forms.one_off import DECIMAL, TaxedForm
from invoicing.models import InvoiceLine
from invoicing.queries.draft_lines import Offer
from invoicing.rules.adjusting import Correction

NAME, UNITS, PRICE = "name", "units", "price"
TYPED = "item"


def number_field(label: str, **kwargs: Any) -> forms.DecimalField:
    """A quantity or a price; the action checks the limits, so that the API has them too."""
    return forms.DecimalField(
        label=label, max_digits=60, required=False, widget=forms.TextInput(attrs=dict(DECIMAL)), **kwargs
    )


class LineForm(OnceForm):
    """A line as somebody wants it: another name, other units, or units and a price. `why`: why other units alone
    cannot be priced. `seen`: what of the line the person has seen.
    """

    mode = forms.ChoiceField(label="What to change", widget=forms.RadioSelect)
    name = forms.CharField(label="Name on the invoice", max_length=1000)
    units = number_field("Units")
    unit_amount = number_field("Unit price")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None, *, line: InvoiceLine, typed: bool, why: str, mode: str, seen: str
    ) -> None:
        initial = {
            "mode": mode,
            "name": line.description,
            "units": f"{line.units.normalize():f}",
            "unit_amount": f"{line.unit_amount.normalize():f}",
            "seen": seen,
        }
        super().__init__(data, initial=initial)
        self.line, self.typed = line, typed
        choices = [(UNITS, "Units"), (PRICE, "Units and price"), (NAME, "Name only")]
        field = self.fields["mode"]
        field.choices = [choice for choice in choices if choice[0] != UNITS or not why]  # type: ignore[attr-defined]
        field.choice_hints = {  # type: ignore[attr-defined]
            UNITS: "Priced as the plan does",
            PRICE: "Whatever the plan says",
            NAME: "The amount stays",
        }
        if why:
            field.help_text = f"{why}, so other units need a price."
        if typed:
            del self.fields["mode"]
            self.fields["units"].required = self.fields["unit_amount"].required = True

    def clean(self) -> dict[str, Any]:
        """What the chosen way does not ask for may hold anything."""
        mode = PRICE if self.typed else self.cleaned_data.get("mode")
        if mode == NAME:
            self.errors.pop("units", None)
        if mode in (NAME, UNITS):
            self.errors.pop("unit_amount", None)
        for name, asked in (("units", mode in (UNITS, PRICE)), ("unit_amount", mode == PRICE)):
            if asked and self.cleaned_data.get(name) is None and name not in self.errors:
                self.add_error(name, "Enter a number.")
        return self.cleaned_data

    def correction(self) -> Correction:
        """What was typed. The name that the line has anyway is no change."""
        data = self.cleaned_data
        usual = (self.line.edited or {}).get("description", self.line.description)
        name = data["name"].strip()
        if self.typed:
            return Correction(data["units"], data["unit_amount"], name)
        name = "" if name == usual else name
        if data["mode"] == NAME:
            return Correction(name=name)
        return Correction(data["units"], data["unit_amount"] if data["mode"] == PRICE else None, name)


class NewLineForm(TaxedForm):
    """A line more: something typed, an add-on, or a charge that has no line."""

    what = forms.ChoiceField(label="What to bill")
    name = forms.CharField(label="Name on the invoice", required=False, max_length=1000)
    units = number_field("Units", initial="1")
    unit_amount = number_field("Unit price")

    field_order = ("what", "name", "units", "unit_amount", "tax_mode", "taxes")

    def __init__(
        self,
        data: QueryDict | None,
        *,
        organization: Organization,
        usual: str,
        currency: str,
        add_ons: Sequence[tuple[AddOn, int | None]],
        offers: Sequence[Offer],
    ) -> None:
        super().__init__(data, organization=organization, usual=usual)
        self.offers = {f"charge-{offer.key.hex}": offer for offer in offers}
        self.add_ons = {f"add-on-{row.pk.hex}": (row, minor) for row, minor in add_ons}
        self.currency = currency
        groups: list[Any] = [(TYPED, "Something typed here")]
        by_subscription: dict[str, list[tuple[str, str]]] = {}
        for value, offer in self.offers.items():
            by_subscription.setdefault(str(offer.subscription), []).append((value, offer.name))
        groups += [(f"Usage of {name}", rows) for name, rows in by_subscription.items()]
        if self.add_ons:
            groups.append(("Add-ons", [(value, row.name) for value, (row, _) in self.add_ons.items()]))
        self.fields["what"].choices = groups  # type: ignore[attr-defined]
        if self.offers:
            self.fields["unit_amount"].help_text = "Left empty: the plan's price, or the add-on's."
        elif self.add_ons:
            self.fields["unit_amount"].help_text = "Left empty: the add-on's."

    def clean(self) -> dict[str, Any]:
        """Units are always needed; name and price where nothing else brings them."""
        cleaned = super().clean()
        if cleaned.get("units") is None and "units" not in self.errors:
            self.add_error("units", "Enter a number.")
        if cleaned.get("what") == TYPED:
            if not cleaned.get("name"):
                self.add_error("name", "Say what is billed.")
            if cleaned.get("unit_amount") is None and "unit_amount" not in self.errors:
                self.add_error("unit_amount", "Enter a price.")
        found = self.add_ons.get(cleaned.get("what", ""))
        if found and found[1] is None and cleaned.get("unit_amount") is None:
            self.add_error("unit_amount", f"It has no price in {self.currency}: enter one.")
        return cleaned

    @property
    def offer(self) -> Offer | None:
        """The charge that was chosen."""
        return self.offers.get(self.cleaned_data.get("what", ""))

    def correction(self) -> Correction:
        """The units and the price of a charge."""
        data = self.cleaned_data
        return Correction(data["units"], data["unit_amount"], data["name"].strip())

    def item(self) -> Item:
        """The item, with what its add-on brings."""
        data = self.cleaned_data
        row, minor = self.add_ons.get(data["what"], (None, None))
        price = data["unit_amount"]
        if price is None:
            price = from_minor(minor or 0, self.currency)
        name = data["name"].strip() or (row.invoice_name if row else "")
        return Item(name, price, data["units"] or Decimal(0), row)
