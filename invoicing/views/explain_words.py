"""The words of explanations: what was measured and how, at whose prices, how it is rounded, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.rules.money import exact, exponent
from billing.web.formats import day_text, moment_text, money_text, units_text, zone_of
from invoicing.models import Invoice, InvoiceDeduction, InvoiceLine, InvoiceTax
from invoicing.queries.explain import LINES, TOTAL, Rung, base_of, taxable, taxed_by
from invoicing.views.lines import price_text, price_typed, units_typed

AGGREGATED = {
    "count": "The number of events",
    "sum": "The sum of “{field}” over all events",
    "max": "The highest “{field}” of any event",
    "latest": "The last “{field}” that was sent",
    "unique_count": "The number of different values of “{field}”",
    "weighted_sum": "The sum of “{field}”, each value by the time that it stood in the period",
}
ROUNDED = {"round": "to the nearest", "ceil": "up", "floor": "down"}
MOST_LINES = 200
FREQUENCIES = {"once": "once", "recurring": "for a number of invoices", "forever": "on every invoice"}


def line_facts(line: InvoiceLine, found: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, text): what was changed by hand, where the units of a line come from, its period, its prices and its
    rounding.
    """
    zone, facts = line.invoice.timezone, edit_facts(line, found.get("changed"))
    metric, charge, prices = (found.get(name) for name in ("metric", "charge", "prices"))
    if metric and line.kind == "charge":
        facts += measured_facts(line, found) + part_facts(line)
        if charge and charge["prorated"] and not units_typed(line):
            facts.append(("By days", "A unit counts for the days it was there, of the days of the period."))
        if charge and charge["payInAdvance"] and not units_typed(line):
            facts.append(("Billed", "In advance: each event for what it adds to the most that was in use."))
    if line.period_start and line.period_end:
        facts.append(("Period", period_words(line.period_start, line.period_end, zone)))
    if prices:
        since = day_text(datetime.fromisoformat(prices["since"]).astimezone(zone_of(zone)).date())
        whose = (
            f"{prices['plan']}, terms agreed for this subscription on {since}."
            if prices["own"]
            else f"{prices['plan']}, version {prices['version']}, in the catalogue since {since}."
        )
        facts.append(("Prices", f"Typed by hand. Without that: {whose}" if price_typed(line) else whose))
    facts.append(("Rounding", "The steps are exact; the line is rounded once, half away from zero."))
    return facts


def edit_facts(line: InvoiceLine, changed: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What somebody changed on a line by hand and what it would be without; nothing where nobody did."""
    before, currency = line.edited, line.invoice.currency
    if not before:
        return []
    said = []
    if "amount_minor" in before:
        each = Decimal(before["unit_amount"])
        if units_typed(line):
            said.append(f"{units_text(line.units)} units instead of {units_text(before['units'])}")
        if price_typed(line) and each != line.unit_amount:
            said.append(
                f"{price_text(line.unit_amount, currency)} a unit instead of {price_text(each, currency)}"
            )
        if line.description != before["description"]:
            said.append(f"called “{line.description}” instead of “{before['description']}”")
    if changed:
        at = moment_text(datetime.fromisoformat(changed["at"]), line.invoice.timezone)
        said.append(f"by {changed['by']}, {at}")
    words = ", ".join(said) or "it says what it would say anyway"
    name = "Added by hand" if before.get("added") else "Changed by hand"
    without = "The line would not be there."
    if not before.get("added"):
        amount = money_text(before["amount_minor"], currency)
        without = f"{units_text(before['units'])} units, {amount} without tax."
    return [(name, f"{words[0].upper()}{words[1:]}."), ("Without that", without)]


def measured_facts(line: InvoiceLine, found: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured for a line of usage, and how; where its units were typed, what was measured all the same."""
    metric, typed = found["metric"], units_typed(line)
    what = AGGREGATED.get(metric["aggregation"], "").format(field=metric["field"])
    counted = (
        "They do not make the units: those were typed."
        if typed
        else "Whole hours are read from the hourly sums that are kept with each event, the first and last hour event "
        "by event; the nightly check counts them again."
    )
    facts = [("Measured", f"{what}."), ("Events counted", f"{line.events_count or 0:,}. {counted}")]
    if typed:
        return facts
    if "carried" in found:
        carried = Decimal(found["carried"])
        facts.append(
            ("Carried over", f"{units_text(carried)} were in use when the period began, and count again.")
        )
    if metric["rounding"]:
        facts.append(
            (
                "Units rounded",
                f"{ROUNDED[metric['rounding']].capitalize()} at {metric['precision'] or 0} decimals, "
                "before they are priced.",
            )
        )
    return facts


def part_facts(line: InvoiceLine) -> list[tuple[str, str]]:
    """Which part of its charge a line bills."""
    facts = []
    if line.charge_filter:
        values = line.charge_filter["values"]
        facts.append(
            ("Filter", "; ".join(f"{key} is {' or '.join(some) or 'any'}" for key, some in values.items()))
        )
    elif line.charge_group is None and line.charge is not None and line.charge.filters:
        facts.append(("Filter", "None: what no filter of the charge lets through."))
    if line.charge_group:
        facts.append(
            (
                "Group",
                "; ".join(
                    f"no {key}" if value is None else f"{key} is {value}"
                    for key, value in line.charge_group.items()
                ),
            )
        )
    return facts


def period_words(start: datetime, end: datetime, zone: str) -> str:
    """A half-open period with its zone."""
    return f"From {moment_text(start, zone)}, until before {moment_text(end, zone)} ({zone})."


def goes_on(line: InvoiceLine) -> list[list[str]]:
    """How a line goes on to the total: what was billed already, its share of the coupons, its tax."""
    currency = line.invoice.currency
    rows = [["Amount without tax", money_text(line.amount_minor, currency)]]
    if line.progressive_minor:
        rows.append(["Billed already", money_text(-line.progressive_minor, currency)])
    if line.coupon_minor:
        rows.append(["Share of the coupons", minor_text(-line.coupon_minor, currency)])
    if line.progressive_minor or line.coupon_minor:
        rows.append(["Taxed", minor_text(taxable(line), currency)])
    for tax in line.taxes:
        rows.append([f"Tax: {tax['name']}", f"{units_text(Decimal(tax['rate']))} %"])
    rows.append(["Tax of the line", money_text(line.tax_minor, currency)])
    return rows


def minor_text(value: Decimal, currency: str) -> str:
    """Exact minor units as money, with the decimals that they have."""
    with exact():
        return price_text(Decimal(value).scaleb(-exponent(currency)), currency)


def rung_rows(invoice: Invoice, rungs: Sequence[Rung], of: str) -> list[dict[str, Any]]:
    """The way from the lines to the total for the screen; `here` marks the amount that is explained."""
    currency = invoice.currency
    return [
        {
            "label": rung.label,
            "amount": money_text(rung.minor, currency),
            "after": money_text(rung.after, currency),
            "key": rung.key,
            "here": rung.key == of,
            "end": rung.kind == TOTAL,
        }
        for rung in rungs
    ]


def amount_words(invoice: Invoice, rung: Rung, row: Any, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """{"formula", "columns", "rows", "note"}: how one of an invoice's amounts was computed."""
    if rung.kind == LINES:
        return of_lines(invoice, lines)
    if isinstance(row, InvoiceTax):
        return of_tax(invoice, row, lines)
    if isinstance(row, InvoiceDeduction):
        return {
            "progressive": of_progressive,
            "coupon": of_coupon,
            "credit_note": of_note,
            "wallet": of_wallet,
        }[row.kind](invoice, row, lines)
    return {
        "formula": "Lines less what is billed already and coupons, plus taxes, less credit notes and prepaid "
        "credits, in this order.",
        "note": "The database refuses an invoice that does not add up.",
    }


def table_of(lines: Sequence[InvoiceLine], last: str, values: Sequence[str]) -> dict[str, Any]:
    """A row for each line, as many as fit."""
    rows = [[line.description, value] for line, value in zip(lines, values, strict=True)][:MOST_LINES]
    more = len(lines) - len(rows)
    return {"columns": ["Line", last], "rows": rows, "more": more}


def of_lines(invoice: Invoice, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """The sum of the lines."""
    values = [money_text(line.amount_minor, invoice.currency) for line in lines]
    return table_of(lines, "Amount without tax", values) | {
        "formula": f"The sum of {len(lines):,} line{'' if len(lines) == 1 else 's'}, each of which is rounded once.",
        "note": "",
    }


def of_tax(invoice: Invoice, tax: InvoiceTax, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """A row of the tax table: its lines' bases, exact, times its rate."""
    mine, currency = taxed_by(lines, tax), invoice.currency
    base = base_of(mine)
    with exact():
        raw = base * tax.rate / 100
    formula = f"{minor_text(base, currency)} × {units_text(tax.rate)} % = {minor_text(raw, currency)}."
    note = "The taxes of an invoice are summed exactly and rounded once; each row shows its part of that sum."
    if invoice.reverse_charge:
        formula = "The recipient owes the tax (reverse charge), so it is nothing here."
        note = ""
    values = [minor_text(taxable(line), currency) for line in mine]
    return table_of(mine, "Taxed", values) | {"formula": formula, "note": note}


def of_progressive(invoice: Invoice, row: InvoiceDeduction, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """What a progressive invoice has asked for of the period already."""
    mine = [line for line in lines if line.progressive_minor]
    values = [money_text(line.progressive_minor, invoice.currency) for line in mine]
    return table_of(mine, "Billed already", values) | {
        "formula": f"Invoice {row.label} has asked for it already, when a usage threshold was passed. Taken off "
        "line by line, never more than the line.",
        "note": "The lines below show what all progressive invoices of the period have asked for.",
    }


def of_coupon(invoice: Invoice, row: InvoiceDeduction, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """What a coupon takes off, and how the lines share all coupons."""
    applied, currency = row.applied_coupon, invoice.currency
    formula = ""
    if applied is not None:
        worth = (
            f"{units_text(applied.percentage)} %"
            if applied.percentage is not None
            else f"Up to {money_text(applied.amount_minor or 0, applied.currency or currency)}"
        )
        often = FREQUENCIES.get(applied.frequency, applied.frequency)
        formula = (
            f"{worth}, {often}, of the lines that the coupon may lower, after what earlier coupons took off; "
            "never more than they are."
        )
    mine = [line for line in lines if line.coupon_minor]
    values = [minor_text(Decimal(line.coupon_minor), currency) for line in mine]
    return table_of(mine, "Share of all coupons", values) | {
        "formula": formula,
        "note": "The coupon is rounded once; the lines share it by their amounts, with five decimals.",
    }


def of_note(invoice: Invoice, row: InvoiceDeduction, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """What of a credit note was used."""
    note = row.credit_note
    about = f" It was made for invoice {note.invoice.number}." if note is not None else ""
    return {
        "formula": f"Credit of note {row.label}, the oldest first, up to what was left to pay.{about}",
        "note": "Taken off after tax: it lowers what is paid, not what is taxed.",
    }


def of_wallet(invoice: Invoice, row: InvoiceDeduction, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """What prepaid credits paid."""
    return {
        "formula": f"Prepaid credits of “{row.label}”, up to what was left to pay after credit notes and what "
        "the wallet may pay for.",
        "note": "Taken off after tax: it lowers what is paid, not what is taxed.",
    }
