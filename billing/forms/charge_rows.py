"""The charges of the plan form as plain rows of text, and how they relate to stored properties.

What is typed is kept as it is, so that adding or removing a row without JavaScript shows everything again.
A row is {field: text, "taxes": [hex id], "tiers": [{"to_value", "price", "flat"}], "filters": [row]}; the row of a
filter has "choices" (the boxes that are ticked), a price of its own and "tiers".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.http import QueryDict

from billing.actions.charges import MOST_CHARGES
from billing.models import Charge
from billing.rules.charges.reading import NOT_A_NUMBER, to_decimal
from billing.rules.errors import Invalid
from billing.rules.filters import MAX_FILTERS
from billing.rules.money import from_minor

Row = dict[str, Any]
MOST_TIERS = 200
TIERS = {
    "graduated": ("graduatedRanges", "perUnitAmount"),
    "volume": ("volumeRanges", "perUnitAmount"),
    "graduated_percentage": ("graduatedPercentageRanges", "rate"),
}
PROPERTIES = {
    "amount": "amount",
    "package_size": "packageSize",
    "free_units": "freeUnits",
    "rate": "rate",
    "fixed_amount": "fixedAmount",
    "free_events": "freeUnitsPerEvents",
    "free_amount": "freeUnitsPerTotalAggregation",
    "minimum": "perTransactionMinAmount",
    "maximum": "perTransactionMaxAmount",
}
MODEL_FIELDS: dict[str, tuple[str, ...]] = {
    "standard": ("amount",),
    "package": ("amount", "package_size", "free_units"),
    "percentage": ("rate", "fixed_amount", "free_events", "free_amount", "minimum", "maximum"),
}
MODEL_HINTS = {
    "standard": "Every unit costs the same.",
    "graduated": "Each unit costs the price of the tier it falls in.",
    "volume": "The total picks one tier, and every unit costs that tier's price.",
    "package": "Units are sold in packages; a begun one costs as much as a full one.",
    "percentage": "A share of the value, and perhaps a fixed fee per event.",
    "graduated_percentage": "Each tier takes its own share of the value.",
    "dynamic": "Every event brings its own amount, and the charge is their sum.",
}
_CHARGE = re.compile(r"charges-(\d{1,4})-(\w+)$")
_TIER = re.compile(r"charges-(\d{1,4})-tiers-(\d{1,4})-(\w+)$")
_FILTER = re.compile(r"charges-(\d{1,4})-filters-(\d{1,4})-(\w+)$")
_FILTER_TIER = re.compile(r"charges-(\d{1,4})-filters-(\d{1,4})-tiers-(\d{1,4})-(\w+)$")
SEVERAL = frozenset({"taxes", "choices"})  # fields that are sent as often as boxes are ticked
WORDS = {
    NOT_A_NUMBER: "Use digits and a point, like 0.05.",
    "Only the last range may be open.": "Enter where this tier ends.",
}


def read_charges(data: QueryDict) -> list[Row]:
    """The charges of a POST as rows of text, in order, whatever their numbers are."""
    rows: dict[int, Row] = {}
    tiers: dict[tuple[int, ...], dict[int, Row]] = {}
    filters: dict[int, dict[int, Row]] = {}
    for key in data:
        if found := _TIER.match(key):
            place = tiers.setdefault((int(found[1]),), {})
            place.setdefault(int(found[2]), {})[found[3]] = data.get(key, "")
        elif found := _FILTER_TIER.match(key):
            place = tiers.setdefault((int(found[1]), int(found[2])), {})
            place.setdefault(int(found[3]), {})[found[4]] = data.get(key, "")
        elif found := _FILTER.match(key):
            row = filters.setdefault(int(found[1]), {}).setdefault(int(found[2]), {})
            row[found[3]] = data.getlist(key) if found[3] in SEVERAL else data.get(key, "")
        elif found := _CHARGE.match(key):
            value = data.getlist(key) if found[2] in SEVERAL else data.get(key, "")
            rows.setdefault(int(found[1]), {})[found[2]] = value
    for index, row in rows.items():
        row["tiers"] = in_order(tiers.get((index,), {}))[:MOST_TIERS]
        own = filters.get(index, {})
        for number, one in own.items():
            one["tiers"] = in_order(tiers.get((index, number), {}))[:MOST_TIERS]
        row["filters"] = in_order(own)[:MAX_FILTERS]
    return in_order(rows)[:MOST_CHARGES]


def in_order(rows: Mapping[int, Row]) -> list[Row]:
    """Rows by their numbers."""
    return [rows[index] for index in sorted(rows)]


def row_of(charge: Charge, currency: str) -> Row:
    """A stored charge as it is typed."""
    row: Row = {
        "id": charge.pk.hex,
        "metric": charge.metric_id.hex,
        "charge_model": charge.charge_model,
        "invoice_display_name": charge.invoice_display_name,
        "group_keys": ", ".join(charge.group_keys),
        "timing": timing_of(charge),
        "prorated": "on" if charge.prorated else "",
        "taxes": [tax.pk.hex for tax in charge.taxes.all()],
    }
    row |= price_row(charge.charge_model, charge.properties)
    row["filters"] = [
        price_row(charge.charge_model, one["properties"])
        | {"invoice_display_name": one["invoice_display_name"], "choices": ticked(one["values"])}
        for one in charge.filters
    ]
    if charge.min_amount_minor:
        row["min_amount"] = f"{from_minor(charge.min_amount_minor, currency):f}"
    return row


def timing_of(charge: Charge) -> str:
    """When the charge is billed, as the form asks for it."""
    if not charge.pay_in_advance:
        return "arrears"
    return "invoiced" if charge.invoiceable else "gathered"


def price_row(charge_model: str, properties: Mapping[str, Any]) -> Row:
    """Stored properties as they are typed."""
    row: Row = {"tiers": []}
    for name, prop in PROPERTIES.items():
        if properties.get(prop) not in (None, ""):
            row[name] = str(properties[prop])
    if charge_model in TIERS:
        ranges, price = TIERS[charge_model]
        row["tiers"] = [
            {
                "to_value": "" if tier["toValue"] is None else str(tier["toValue"]),
                "price": tier[price],
                "flat": "" if tier["flatAmount"] == "0" else tier["flatAmount"],
            }
            for tier in properties[ranges]
        ]
    return row


def choice(key: str, value: str = "") -> str:
    """What a box of a filter sends: a property with one of its values, or with none for all of them."""
    return f"{quote(key, safe='')}={quote(value, safe='')}"


def ticked(values: Mapping[str, Sequence[str]]) -> list[str]:
    """The boxes of a stored filter."""
    return [
        box for key, some in values.items() for box in ([choice(key, one) for one in some] or [choice(key)])
    ]


def new_row() -> Row:
    """What "Add a charge" shows."""
    return {"charge_model": "standard", "timing": "arrears", "tiers": [], "filters": []}


def from_values(tiers: Sequence[Mapping[str, Any]]) -> list[Decimal]:
    """Where each tier starts: 0, then one above a whole end, or at the end itself when it has decimals.

    A tier whose end is missing or unreadable counts as the rule counts it, so that one wrong cell is one error.
    """
    starts, above = [], Decimal(0)
    for index, tier in enumerate(tiers):
        start = Decimal(0)
        if index:
            start = above + 1 if above == above.to_integral_value() else above
        starts.append(start)
        typed = str(tier.get("to_value") or "").strip()
        try:
            above = to_decimal(typed) if typed else start
        except ValueError:
            above = Decimal(0)
    return starts


def readable(text: str) -> bool:
    """Whether the end of a tier can be read as a number."""
    try:
        to_decimal(text)
    except ValueError:
        return False
    return True


def example_number(text: str, field: str) -> Decimal:
    """A quantity for the worked example, with or without thousands separators."""
    try:
        number = to_decimal(text.replace(",", "").replace(" ", ""))
    except ValueError as error:
        raise Invalid(WORDS.get(str(error), str(error)), field=field) from None
    if field == "eventsCount" and number != number.to_integral_value():
        raise Invalid("Must be a whole number.", field=field)
    return number
