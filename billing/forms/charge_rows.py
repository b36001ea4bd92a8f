"""The charges of the plan form as plain rows of text, and how they relate to stored properties.

What is typed is kept as it is, so that adding or removing a row without JavaScript shows everything again.
A row is {field: text, "taxes": [hex id], "tiers": [{"to_value", "price", "flat"}]}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from billing.actions.charges import MOST_CHARGES
from billing.models import Charge
from billing.rules.charges.reading import NOT_A_NUMBER, to_decimal
from billing.rules.errors import Invalid
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
WORDS = {
    NOT_A_NUMBER: "Use digits and a point, like 0.05.",
    "Only the last range may be open.": "Enter where this tier ends.",
}


def read_charges(data: QueryDict) -> list[Row]:
    """The charges of a POST as rows of text, in order, whatever their numbers are."""
    rows: dict[int, Row] = {}
    tiers: dict[int, dict[int, Row]] = {}
    for key in data:
        if found := _TIER.match(key):
            place = tiers.setdefault(int(found[1]), {})
            place.setdefault(int(found[2]), {})[found[3]] = data.get(key, "")
        elif found := _CHARGE.match(key):
            value = data.getlist(key) if found[2] == "taxes" else data.get(key, "")
            rows.setdefault(int(found[1]), {})[found[2]] = value
    for index, row in rows.items():
        mine = tiers.get(index, {})
        row["tiers"] = [mine[number] for number in sorted(mine)][:MOST_TIERS]
    return [rows[index] for index in sorted(rows)][:MOST_CHARGES]


def row_of(charge: Charge, currency: str) -> Row:
    """A stored charge as it is typed."""
    row: Row = {
        "id": charge.pk.hex,
        "metric": charge.metric_id.hex,
        "charge_model": charge.charge_model,
        "invoice_display_name": charge.invoice_display_name,
        "taxes": [tax.pk.hex for tax in charge.taxes.all()],
        "tiers": [],
    }
    if charge.min_amount_minor:
        row["min_amount"] = f"{from_minor(charge.min_amount_minor, currency):f}"
    for name, prop in PROPERTIES.items():
        if charge.properties.get(prop) not in (None, ""):
            row[name] = str(charge.properties[prop])
    if charge.charge_model in TIERS:
        ranges, price = TIERS[charge.charge_model]
        row["tiers"] = [
            {
                "to_value": "" if tier["toValue"] is None else str(tier["toValue"]),
                "price": tier[price],
                "flat": "" if tier["flatAmount"] == "0" else tier["flatAmount"],
            }
            for tier in charge.properties[ranges]
        ]
    return row


def new_row() -> Row:
    """What "Add a charge" shows."""
    return {"charge_model": "standard", "tiers": []}


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
