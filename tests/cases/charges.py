"""Charge models as functions of units, the price calculator and pricing units."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.charges.base import Priced, Step, Usage
from billing.rules.charges.percentage import free_of, parse
from billing.rules.charges.registry import price
from billing.rules.money import ZERO, to_minor
from billing.rules.periods import Period
from billing.rules.pricing_units import convert
from tests.cases.comparing import Answers, Keyed
from tests.cases.given import Given, NotOffered, moment
from tests.cases.registry import area

MODELS = ("standard", "package", "graduated", "graduated_percentage", "volume", "percentage", "dynamic")
ALWAYS = Period(moment("0001-01-02T00:00:00Z"), moment("9999-12-30T00:00:00Z"))


def camel(value: Any) -> Any:
    """snake_case properties to the camelCase ones of our API; fractions in JSON become text."""
    if isinstance(value, dict):
        return {
            head + "".join(word.title() for word in rest): camel(item)
            for key, item in value.items()
            for head, *rest in [key.split("_")]
        }
    if isinstance(value, list):
        return [camel(item) for item in value]
    return str(value) if isinstance(value, float | Decimal) else value


@area(*(f"charge_model.{model}" for model in MODELS), "charge_model.prorated_graduated")
def charge_model(given: Given) -> Answers:
    """A price and its steps from a quantity."""
    given.ignore("premium", "prorated", "chargeable")
    model, properties = given["charge_model"], camel(given["properties"])
    usage, currency = usage_of(given), given.get("currency", "EUR")
    priced = price(model, properties, usage)
    shown = usage.units if usage.full_units is None else usage.full_units
    if model == "package":  # there the price of a paid unit is asked for
        shown -= sum((step.units or ZERO for step in priced.steps if step.kind == "free"), ZERO)
    return {
        "amount": priced.total,
        "unit_amount": priced.unit_amount(shown),
        "amount_cents": to_minor(priced.total, currency),
        "details": details(model, properties, usage, priced),
    }


def usage_of(given: Given) -> Usage:
    """The quantity with what is known of its events."""
    rows = given.rows("events")
    sent = [row.number("precise_total_amount_cents") for row in rows]
    own = given.number("precise_total_amount_cents", sum(sent, ZERO))
    values = [Decimal(str(value)) for value in given.get("event_values", [])]
    totals = [Decimal(str(total)) for total in given.get("running_total", [])]
    units, count = given.number("units", len(rows)), int(given.get("events_count", len(values) or len(rows)))
    if not values and totals:
        values = [after - before for before, after in pairwise([ZERO, *totals])]
        # A running total stops early; the events that follow it share the rest.
        missing = count - len(values)
        values += [(units - totals[-1]) / missing] * missing if missing > 0 else []
    full = given.get("full_units_number")
    return Usage(
        units=units,
        events_count=count,
        event_values=tuple(values),
        prorated_values=tuple(Decimal(str(value)) for value in given.get("event_prorated_values", [])),
        full_units=None if full is None else Decimal(str(full)),
        events_total=own / 100,
    )


def details(model: str, properties: dict[str, Any], usage: Usage, priced: Priced) -> Any:
    """The steps of a price under the names that the cases use."""
    if model in ("graduated", "graduated_percentage"):
        return [tier_of(step) for step in priced.steps]
    by_kind = {step.kind: step for step in priced.steps}
    if model == "volume":
        flat = by_kind["tier"].flat_amount or ZERO
        by_units = by_kind["tier"].amount - flat
        return {
            "flat_unit_amount": flat,
            "per_unit_amount": by_units / usage.units if usage.units else ZERO,
            "per_unit_total_amount": by_units,
        }
    if model == "package":
        free = Decimal(properties.get("freeUnits") or 0)
        return {
            "free_units": free,
            "paid_units": max(usage.units - free, ZERO),
            "per_package_size": properties["packageSize"],
            "per_package_unit_amount": by_kind["package"].unit_amount,
        }
    if model == "percentage":
        return percentage_details(properties, usage, by_kind)
    return {}


def tier_of(step: Step) -> Answers:
    """One row of a graduated price."""
    flat = step.flat_amount or ZERO
    return {
        "from_value": step.from_value,
        "to_value": step.to_value,
        "units": step.units,
        "rate": step.rate,
        "per_unit_amount": step.unit_amount,
        "per_unit_total_amount": step.amount - flat,
        "flat_unit_amount": flat,
        "total_with_flat_amount": step.amount,
    }


def percentage_details(properties: dict[str, Any], usage: Usage, by_kind: dict[str, Step]) -> Answers:
    """What a percentage charge took, and what it let go."""
    params = parse(properties)
    free_units, free_events = free_of(params, usage.event_values)
    moved = [by_kind[kind].amount for kind in ("minimum", "maximum") if kind in by_kind]
    return {
        "units": usage.units,
        "free_units": free_units,
        "paid_units": by_kind["percentage"].units,
        "free_events": free_events,
        "rate": params.rate,
        "per_unit_total_amount": by_kind["percentage"].amount,
        "paid_events": max(usage.events_count - free_events, 0),
        "fixed_fee_unit_amount": params.fixed_amount or ZERO,
        "fixed_fee_total_amount": by_kind["fixed"].amount if "fixed" in by_kind else ZERO,
        "min_max_adjustment_total_amount": sum(moved, ZERO),
    }


@area("charge_model.custom")
def custom(given: Given) -> Answers:
    """Prices that a program of the seller works out."""
    raise NotOffered("aggregations written in Ruby")


@area("price.calculate")
def calculate(given: Given) -> Answers:
    """What units would cost. The cases add major units to a plan amount in cents, and so do we here."""
    given.ignore("premium", "currency")
    if given["charge_model"] == "custom":
        raise NotOffered("aggregations written in Ruby")
    plan = given.number("plan_amount_cents")
    usage = Usage(given.number("units"), int(given.get("events_count", 1)), (given.number("units"),))
    amount = price(given["charge_model"], camel(given["properties"]), usage).total
    return {
        "charge_amount": amount,
        "subscription_amount_cents": plan,
        "labelled_total_amount_cents": amount + plan,
    }


@area("pricing_unit")
def pricing_unit(given: Given) -> Answers:
    """Charges in a unit of their own, converted line by line."""
    unit = given.part("pricing_unit").ignore("short_name", "code", "name")
    rate, currency = unit.number("conversion_rate"), given.get("currency", "EUR")
    properties = dict(given["properties"])
    keys = properties.pop("grouped_by", []) or properties.pop("pricing_group_keys", [])
    aggregation = given.part("aggregation")
    kind = Aggregation(aggregation["type"].removesuffix("_agg"))
    field = aggregation.get("field_name")
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in given.get("events", []):
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    rows: list[Answers] = []
    for names, events in (groups or {(None,) * len(keys): []}).items():
        seen = [UsageEvent.of(ALWAYS.start, row, field, i) for i, row in enumerate(events)]
        found = aggregate(kind, seen, ALWAYS, recurring=aggregation.get("recurring", False))
        units = given.number("units") if "units" in given else found.units
        usage = Usage(units, found.events_count, found.event_values)
        priced = price(given["charge_model"], camel(properties), usage)
        converted = convert(priced.total, rate, currency)
        rows.append(
            dict(zip(keys, names, strict=True))
            | {
                "units": units,
                "amount_cents": converted.minor,
                "pricing_unit_amount_cents": converted.unit_minor,
                "precise_amount_cents": converted.exact * 100,
            }
        )
    return {
        "units": sum((row["units"] for row in rows), ZERO),
        "amount_cents": sum(row["amount_cents"] for row in rows),
        "pricing_unit_amount_cents": sum(row["pricing_unit_amount_cents"] for row in rows),
        "groups": Keyed(rows, keys),
    }
