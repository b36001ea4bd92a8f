"""An invoice's lines for the screen: grouped by subscription and period, each with its explanation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from billing.rules.money import exponent, from_minor
from billing.web.formats import day_text, money_text, units_text, zone_of
from invoicing.models import Invoice, InvoiceLine

MODELS = {
    "standard": "units × unit price",
    "graduated": "each tier's units × its price, plus its flat fee",
    "graduated_percentage": "each tier's amount × its rate, plus its flat fee",
    "package": "started packages × package price, after the free units",
    "percentage": "amount × rate, plus a fixed fee for each event",
    "volume": "all units × the price of the tier that their number reaches, plus its flat fee",
    "dynamic": "the sum of the prices that the events carry",
}
COLUMNS = {"label": "Step", "units": "Units", "price": "Price", "flat": "Flat fee", "amount": "Amount"}


def shown_lines(invoice: Invoice) -> list[InvoiceLine]:
    """The lines in the order of the document, with what their explanation needs. One query."""
    return list(invoice.lines.select_related("charge__metric", "subscription").order_by("position"))


def line_groups(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[dict[str, Any]]:
    """[{title, period, lines: [{line, explain}]}] as they follow each other."""

    def place(line: InvoiceLine) -> tuple[Any, ...]:
        return (line.group, line.subscription_id, line.period_start, line.period_end)

    return [
        {
            "title": title,
            "subscription_id": subscription,
            "period": period_text(start, end, invoice.timezone),
            "lines": [{"line": line, "explain": explanation(line, invoice)} for line in rows],
        }
        for (title, subscription, start, end), rows in groupby(lines, key=place)
    ]


def period_text(start: datetime | None, end: datetime | None, zone: str) -> str:
    """ "1 Mar 2026 – 31 Mar 2026": the first and last day of a half-open period in the invoice's zone."""
    if start is None or end is None:
        return ""
    tz = zone_of(zone)
    first = start.astimezone(tz).date()
    last = (end - timedelta(microseconds=1)).astimezone(tz).date()
    return day_text(first) if first >= last else f"{day_text(first)} – {day_text(last)}"


def explanation(line: InvoiceLine, invoice: Invoice) -> dict[str, Any]:
    """Inputs of `{% explain %}` from the frozen steps; where there are none, units times price say everything."""
    currency = invoice.currency
    amount = money_text(line.amount_minor, currency)
    if line.steps:
        columns, rows = table(line.steps, currency)
    else:
        row = [line.description, units_text(line.units), price_text(line.unit_amount, currency), amount]
        columns, rows = ["Step", "Units", "Price", "Amount"], [row]
    return {
        "amount": amount,
        "formula": formula(line),
        "columns": columns,
        "rows": rows,
        "note": rounding(line, currency),
        "events": line.events_count,
        "metric": line.charge.metric if line.charge else None,
    }


def formula(line: InvoiceLine) -> str:
    """How the amount is made, in words, with what was changed by hand."""
    if price_typed(line):
        return "Corrected by hand: units × the unit price that was typed."
    if line.edited and line.kind == "one_off":
        return "Added by hand: units × unit price."
    usual = usual_formula(line)
    return f"Units typed by hand. {usual}".strip() if units_typed(line) else usual


def price_typed(line: InvoiceLine) -> bool:
    """Whether somebody typed units and a unit price of a line that a plan prices."""
    return any(step.get("kind") == "adjusted" for step in line.steps)


def units_typed(line: InvoiceLine) -> bool:
    """Whether somebody typed other units than the line would have."""
    return bool(line.edited) and Decimal((line.edited or {}).get("units") or 0) != line.units


def usual_formula(line: InvoiceLine) -> str:
    """How the amount of such a line is made, whoever said its units."""
    if line.charge is not None and line.kind == "charge":
        model = line.charge.charge_model
        words = MODELS.get(model, "")
        return f"{model.replace('_', ' ').capitalize()}: {words}." if words else ""
    if line.kind == "subscription" and line.steps:
        return "The plan's fee for the days of the period: days × fee ÷ days of the whole period."
    if line.kind == "true_up":
        return "The minimum of the charge less what was used."
    if line.kind == "commitment":
        return (
            "The plan's minimum commitment less everything billed for the period, before coupons and taxes."
        )
    return ""


def table(steps: list[dict[str, Any]], currency: str) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the steps; a column that no step fills is left out."""
    rows = []
    for step in steps:
        price = ""
        if step.get("rate") is not None:
            price = f"{units_text(step['rate'])} %"
        elif step.get("unit_amount") is not None:
            price = price_text(Decimal(step["unit_amount"]), currency)
        flat = step.get("flat_amount")
        rows.append(
            {
                "label": str(step.get("label", "")),
                "units": units_text(step["units"]) if step.get("units") is not None else "",
                "price": price,
                "flat": price_text(Decimal(flat), currency) if flat and Decimal(flat) else "",
                "amount": price_text(Decimal(step.get("amount") or 0), currency),
            }
        )
    shown = [name for name in COLUMNS if name in ("label", "amount") or any(row[name] for row in rows)]
    return [COLUMNS[name] for name in shown], [[row[name] for name in shown] for row in rows]


def price_text(value: Decimal, currency: str) -> str:
    """An exact amount in major units: as money where it is whole minor units, else with all its decimals."""
    minor = value.scaleb(exponent(currency))
    if minor == minor.to_integral_value():
        return money_text(int(minor), currency)
    return f"{units_text(value.quantize(Decimal(1).scaleb(-8)).normalize())} {currency}"


def rounding(line: InvoiceLine, currency: str) -> str:
    """Says that the line was rounded, when the steps add up to something finer."""
    total = sum((Decimal(step.get("amount") or 0) for step in line.steps), Decimal(0))
    if not line.steps or total == from_minor(line.amount_minor, currency):
        return ""
    return f"The steps add up to {price_text(total, currency)}; the line is rounded once."
