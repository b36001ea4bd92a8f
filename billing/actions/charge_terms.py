"""What a charge shall be, and whether it can: its model, prices, filters and groups.

`ChargeTerms` is what a door asks for. Errors keep the exact path within the charge: one in the second tier of
its first filter is `filters[0].properties.graduatedRanges[1].toValue`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from billing.models import Metric, Tax
from billing.rules.aggregation import PAYABLE_IN_ADVANCE
from billing.rules.charges.registry import CHARGE_MODELS, charge_model
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.rules.filters import MAX_FILTERS, read_choice, read_group_keys, same_choice

Errors = list[tuple[str, str]]
PRORATED_KINDS = frozenset({"sum", "unique_count"})
PRORATED_MODELS = frozenset({"standard", "graduated", "volume"})
ADVANCE_PRORATED = frozenset({"standard"})  # the tier of an event in advance would depend on the days to come
NO_MINIMUM = "What is billed event by event has no minimum spend."
TIMING = ("prorated", "pay_in_advance", "invoiceable")


@dataclass(frozen=True)
class FilterTerms:
    """A price of its own for some events: `values` {filter key of the metric: [value]}, no values meaning all."""

    values: dict[str, Any]
    properties: dict[str, Any] = field(default_factory=dict)
    invoice_display_name: str = ""


@dataclass(frozen=True)
class PricedIn:
    """What a charge costs in another currency: properties as the API takes them, the minimum in minor units,
    and the price of some of its filters, told by their values. A filter that is not named costs there what
    the charge does.
    """

    properties: dict[str, Any] = field(default_factory=dict)
    min_amount_minor: int = 0
    filters: Sequence[FilterTerms] = ()


@dataclass(frozen=True)
class ChargeTerms:
    """One charge as it shall be. `properties` as the API takes them (camelCase, major units as text);
    `min_amount_minor` in the plan's currency; `id` is the charge that this replaces, None for a new one.
    `prices`: by other currencies of the plan; None leaves those there are. `filters`: the oldest first. `prorated`,
    `pay_in_advance` and `invoiceable` as on the charge.
    """

    metric: Metric
    charge_model: str
    properties: dict[str, Any] = field(default_factory=dict)
    invoice_display_name: str = ""
    min_amount_minor: int = 0
    taxes: Sequence[Tax] = ()
    id: UUID | None = None
    prices: Mapping[str, PricedIn] | None = None
    filters: Sequence[FilterTerms] = ()
    group_keys: Sequence[str] = ()
    prorated: bool = False
    pay_in_advance: bool = False
    invoiceable: bool = True


def wrong_timing(terms: ChargeTerms) -> Errors:
    """What is wrong with when and for how long the charge counts, by field."""
    metric, name = terms.metric, terms.charge_model
    model = CHARGE_MODELS.get(name)
    errors: Errors = []
    if terms.prorated and not (metric.recurring and metric.aggregation in PRORATED_KINDS):
        errors.append(("prorated", "Only a sum or unique count that stays in use can count by its days."))
    elif terms.prorated and name not in (ADVANCE_PRORATED if terms.pay_in_advance else PRORATED_MODELS):
        allowed = "standard" if terms.pay_in_advance else "standard, graduated and volume"
        errors.append(("prorated", f"Only {allowed} prices can count by days here."))
    if terms.pay_in_advance and metric.aggregation not in PAYABLE_IN_ADVANCE:
        errors.append(("payInAdvance", "Only counts, sums and unique counts can be billed event by event."))
    elif terms.pay_in_advance and model is not None and not model.payable_in_advance:
        text = f"{model.title} prices depend on the whole period, so they are billed at its end."
        errors.append(("payInAdvance", text))
    others = [price.min_amount_minor for price in (terms.prices or {}).values()]
    if terms.pay_in_advance and max([terms.min_amount_minor, *others]) > 0:
        errors.append(("minAmount", NO_MINIMUM))
    if not terms.invoiceable and not terms.pay_in_advance:
        errors.append(
            ("invoiceable", "Only what is billed in advance can be gathered on the period's invoice.")
        )
    return errors


def checked_properties(terms: ChargeTerms) -> dict[str, Any]:
    """The properties as they are stored. Raises FieldErrors under `properties.…`, Invalid at chargeModel."""
    model = charge_model(terms.charge_model)
    if terms.metric.aggregation in model.refused_aggregations:
        kind = terms.metric.get_aggregation_display().lower()
        raise Invalid(
            f"{model.title} cannot price the metric {terms.metric.name} ({kind}).", field="chargeModel"
        )
    return stored_properties(terms.charge_model, terms.properties)


def stored_properties(model_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Properties of a model as they are stored. Raises FieldErrors under `properties.…`."""
    model = charge_model(model_name)
    try:
        return model.serialize(model.parse(properties))
    except FieldErrors as error:
        named = [
            (name if name == "properties" else f"properties.{name}", text) for name, text in error.errors
        ]
        raise FieldErrors(named, code=error.code) from error


def checked_filters(terms: ChargeTerms) -> list[dict[str, Any]]:
    """The filters as they are stored. Raises FieldErrors under `filters[i].…`."""
    if len(terms.filters) > MAX_FILTERS:
        raise FieldErrors([("filters", f"Use at most {MAX_FILTERS} filters.")])
    errors: Errors = []
    ready: list[dict[str, Any]] = []
    for at, row in enumerate(terms.filters):
        values: dict[str, list[str]] = {}
        properties: dict[str, Any] = {}
        try:
            values = read_choice(row.values, terms.metric.declared)
        except FieldErrors as error:
            errors += named_under(f"filters[{at}]", error)
        try:
            properties = stored_properties(terms.charge_model, row.properties)
        except BillingError as error:
            errors += named_under(f"filters[{at}]", error)
        if len(row.invoice_display_name) > 200:
            errors.append((f"filters[{at}].invoiceDisplayName", "Use at most 200 characters."))
        same = [number for number, other in enumerate(ready) if values and other["values"] == values]
        if same:
            errors.append(
                (f"filters[{at}].values", f"Is the same as filter {same[0] + 1}, which goes first.")
            )
        name = row.invoice_display_name.strip()
        ready.append({"values": values, "properties": properties, "invoice_display_name": name})
    if errors:
        raise FieldErrors(errors, code="invalid_filters")
    return ready


# The columns of a charge that are checked, each by itself.
CHECKED: dict[str, Callable[[ChargeTerms], Any]] = {
    "properties": checked_properties,
    "filters": checked_filters,
    "group_keys": lambda terms: read_group_keys(terms.group_keys),
}


def named_under(path: str, error: BillingError) -> Errors:
    """What an error says, each part under a path."""
    found = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
    return [(f"{path}.{name}", text) for name, text in found]


def wrong_price(
    plan_sold_in: set[str],
    model: str,
    currency: str,
    price: PricedIn,
    filters: Sequence[Mapping[str, Any]],
) -> Errors:
    """What is wrong with a charge's price in another currency, by field. `filters`: those of the charge."""
    errors: Errors = []
    if currency not in plan_sold_in:
        errors.append(("currency", f"The plan has no other price in {currency}."))
    if price.min_amount_minor < 0:
        errors.append(("minAmount", "Must not be negative."))
    try:
        stored_properties(model, price.properties)
    except BillingError as error:
        errors += error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
    known = [row["values"] for row in filters]
    for at, own in enumerate(price.filters):
        if same_choice(own.values) not in known:
            errors.append((f"filters[{at}].values", "The charge has no filter with these values."))
        try:
            stored_properties(model, own.properties)
        except BillingError as error:
            errors += named_under(f"filters[{at}]", error)
    return errors


def stored_price(model: str, price: PricedIn) -> dict[str, Any]:
    """The columns of a checked price in another currency."""
    return {
        "properties": stored_properties(model, price.properties),
        "min_amount_minor": price.min_amount_minor,
        "filters": [
            {"values": same_choice(row.values), "properties": stored_properties(model, row.properties)}
            for row in price.filters
        ],
    }
