"""Prices as pages show them: the table of a charge."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.models import Charge
from billing.rules.charges.registry import charge_model
from billing.rules.charges.tiers import Tier
from billing.rules.filters import filter_name
from billing.rules.money import exponent
from billing.web.formats import current_locale, money_text, units_text


def price_text(value: Decimal | str | None, currency: str) -> str:
    """A unit price with all of its decimals, at least those of the currency: 0.0025 EUR -> "€0.0025"."""
    number = Decimal(value or 0)
    places = max(exponent(currency), -int(number.normalize().as_tuple().exponent) if number else 0)
    locale = current_locale()
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (exponent(currency), places)
    sign = "\u2212" if number < 0 else ""
    return sign + pattern.apply(abs(number), locale, currency=currency, currency_digits=False)


def rate_text(value: Decimal | str) -> str:
    """A percentage."""
    return f"{units_text(Decimal(value))} %"


@dataclass(frozen=True)
class PriceTable:
    """A charge's price: `columns` and `rows` of text (tiers), or `facts` [(label, value)]."""

    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class ShownCharge:
    """A charge as the plan's page shows it: its own price, and that of each filter by name."""

    charge: Charge
    title: str
    table: PriceTable
    filters: list[tuple[str, PriceTable]]


def shown_charge(charge: Charge, currency: str) -> ShownCharge:
    """A stored charge with all its prices."""
    name = charge.charge_model
    return ShownCharge(
        charge,
        charge_model(name).title,
        price_table(name, charge.properties, currency),
        [(filter_name(row), price_table(name, row["properties"], currency)) for row in charge.filters],
    )


def price_table(name: str, props: dict[str, Any], currency: str) -> PriceTable:
    """How stored properties of a charge model are shown."""
    tiers: tuple[Tier, ...] = getattr(charge_model(name).parse(props), "tiers", ())
    if tiers:
        rated = name == "graduated_percentage"
        rows = [
            [
                tier.span,
                rate_text(tier.price) if rated else price_text(tier.price, currency),
                price_text(tier.flat, currency),
            ]
            for tier in tiers
        ]
        return PriceTable(["Tier", "Rate" if rated else "Price per unit", "Flat fee"], rows)
    if name == "standard":
        return PriceTable(facts=[("Price per unit", price_text(props["amount"], currency))])
    if name == "package":
        size = units_text(props["packageSize"])
        facts = [(f"Price of {size} units", price_text(props["amount"], currency))]
        return PriceTable(facts=[*facts, ("Free units", units_text(props.get("freeUnits", 0)))])
    if name == "percentage":
        return PriceTable(facts=percentage_facts(props, currency))
    return PriceTable(facts=[("Price", "The amount that each event brings")])


def percentage_facts(props: dict[str, Any], currency: str) -> list[tuple[str, str]]:
    """What a percentage charge says; only what is set."""
    facts = [("Rate", rate_text(props["rate"]))]
    amounts = {
        "fixedAmount": "Fixed fee per event",
        "perTransactionMinAmount": "Minimum per event",
        "perTransactionMaxAmount": "Maximum per event",
    }
    facts += [(label, price_text(props[key], currency)) for key, label in amounts.items() if props.get(key)]
    if props.get("freeUnitsPerEvents"):
        facts.append(("Free events", units_text(props["freeUnitsPerEvents"])))
    if props.get("freeUnitsPerTotalAggregation"):
        facts.append(("Free value", units_text(props["freeUnitsPerTotalAggregation"])))
    return facts


def charge_words(entry: dict[str, Any], currency: str) -> str:
    """A charge of the audit trail in a sentence: "Standard: Price per unit €0.12. Minimum spend €10.00."."""
    name = entry["charge_model"]
    text = f"{charge_model(name).title}: {price_words(name, entry['properties'], currency)}."
    for row in entry.get("filters") or ():
        text += f" {filter_name(row)}: {price_words(name, row['properties'], currency)}."
    if entry.get("group_keys"):
        text += f" One line for each {', '.join(entry['group_keys'])}."
    if entry.get("pay_in_advance"):
        alone = entry.get("invoiceable", True)
        text += " In advance, an invoice for each event." if alone else " In advance, gathered by the period."
    if entry.get("prorated"):
        text += " By days."
    if entry.get("min_amount_minor"):
        text += f" Minimum spend {money_text(entry['min_amount_minor'], currency)}."
    if entry.get("taxes"):
        text += f" Taxes {', '.join(entry['taxes'])}."
    if entry.get("invoice_display_name"):
        text += f" On invoices as {entry['invoice_display_name']}."
    return text


def price_words(name: str, props: dict[str, Any], currency: str) -> str:
    """The price itself: "Price per unit €0.12"."""
    table = price_table(name, props, currency)
    parts = [f"{span} {price} and {flat} flat" for span, price, flat in table.rows]
    return "; ".join(parts + [f"{label} {value}" for label, value in table.facts])
