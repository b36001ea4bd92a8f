"""The fields of a charge and of its tiers, and what they choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from billing.models import Metric, Organization, Tax
from billing.rules.charges.registry import CHARGE_MODELS


def text_field(label: str, **kwargs: Any) -> forms.CharField:
    """A number that is kept as typed until the charge model reads it."""
    attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "num"}
    return forms.CharField(
        label=label, required=False, max_length=60, widget=forms.TextInput(attrs=attrs), **kwargs
    )


TIMES = (
    ("arrears", "At the end of the period"),
    ("invoiced", "In advance, an invoice per event"),
    ("gathered", "In advance, on one invoice"),
)


class PriceForm(forms.Form):
    """The fields of all models; `MODEL_FIELDS` says which ones a model shows."""

    amount = text_field("Price")
    package_size = text_field("Units per package")
    free_units = text_field("Free units")
    rate = text_field("Rate")
    fixed_amount = text_field("Fixed fee per event")
    free_events = text_field("Free events")
    free_amount = text_field("Free value")
    minimum = text_field("Minimum per event")
    maximum = text_field("Maximum per event")
    invoice_display_name = forms.CharField(label="Name on invoices", max_length=200, required=False)


class FilterForm(PriceForm):
    """A price for some events only."""

    choices = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)


class ChargeForm(PriceForm):
    """A price with what it is for."""

    id = forms.CharField(required=False, widget=forms.HiddenInput)
    metric = forms.ChoiceField(label="Billable metric")
    charge_model = forms.ChoiceField(
        label="Price model", choices=[(name, model.title) for name, model in CHARGE_MODELS.items()]
    )
    timing = forms.ChoiceField(label="Billed", choices=TIMES, required=False)
    prorated = forms.BooleanField(label="Count units by their days", required=False)
    group_keys = forms.CharField(label="One line for each", max_length=600, required=False)
    min_amount = text_field("Minimum spend per period")
    taxes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    example_units = text_field("Units")
    example_events = text_field("Events")
    example_list = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
    )


class TierForm(forms.Form):
    """One tier; where it starts follows from the one before."""

    to_value = text_field("Up to")
    price = text_field("Price per unit")
    flat = text_field("Flat fee")


@dataclass
class Shelf:
    """What the editors choose from, read once per request: rows by their hex id."""

    metrics: dict[str, Metric]
    taxes: dict[str, Tax]

    @classmethod
    def of(cls, organization: Organization) -> Shelf:
        """The kept metrics and taxes of an organization."""
        metrics = Metric.objects.of(organization).kept().order_by("name")
        taxes = Tax.objects.of(organization).kept().order_by("name")
        return cls({row.pk.hex: row for row in metrics}, {row.pk.hex: row for row in taxes})
