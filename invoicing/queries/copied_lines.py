"""The lines of a voided invoice, as they would stand on one that is made again from it.

Their figures are copied, their taxes are those of today, and what progressive invoices still ask for is taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from billing.rules.charges.base import Step
from billing.rules.money import ZERO, from_minor
from billing.rules.tax import Tax
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.draft_lines import facts_of
from invoicing.queries.facts import ADVANCE, FEE, USAGE, Window, less_billed
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line, LineKind

BLANK = Step("units", "", ZERO)
NUMBERS = frozenset(item.name for item in fields(Step)) - {"kind", "label"}


def rows_of(invoice: Invoice) -> list[InvoiceLine]:
    """The lines of an invoice with what is needed to copy them."""
    rows = list(
        invoice.lines.select_related("subscription__plan", "charge", "fixed_charge").order_by("position")
    )
    for row in rows:
        row.invoice = invoice
    return rows


def copied(row: InvoiceLine, rates: Rates) -> Line:
    """A line as it was, with the taxes of today."""
    facts = replace(
        facts_of(row),
        taxes=taxes_of(row, rates),
        plan_id=str(row.subscription.plan_id) if row.subscription else None,
        metric_id=str(row.charge.metric_id) if row.charge else None,
    )
    return Line(
        LineKind(row.kind),
        facts,
        row.units,
        row.unit_amount,
        from_minor(row.amount_minor, row.invoice.currency),
        row.amount_minor,
        tuple(step_of(step) for step in row.steps),
        row.events_count or 0,
    )


def step_of(stored: dict[str, Any]) -> Step:
    """A step from its JSON."""
    values: dict[str, Any] = {
        name: Decimal(value) if name in NUMBERS else value for name, value in stored.items()
    }
    return replace(BLANK, **values)


def taxes_of(row: InvoiceLine, rates: Rates) -> tuple[Tax, ...]:
    """Today's taxes of what a line bills. An item keeps those that it had, as they are by now."""
    customer = row.invoice.customer_id
    subscription = row.subscription
    if subscription is None or row.period_start is None:
        if rates.reverse_charged(customer) or row.invoice.reverse_charge:
            return rates.of_add_on(row.add_on_id, customer)
        return rates.coded([tax["code"] for tax in row.taxes], customer)
    own = rates.book(subscription, row.period_start)[0].taxes
    if row.fixed_charge is not None:
        return rates.of_fixed(row.fixed_charge, customer, own)
    if row.charge_id is not None:
        return rates.of_charge(row.charge_id, subscription.plan_id, customer, own)
    return rates.of_plan(subscription.plan_id, customer, own)


def windows_behind(rows: Sequence[InvoiceLine]) -> list[Window]:
    """What the lines cover: stretches of usage that progressive invoices may have billed before, and the rest."""
    found: dict[tuple[Any, ...], Window] = {}
    for row in rows:
        if row.subscription is None or row.period_start is None or row.period_end is None:
            continue
        kind = FEE
        if row.charge is not None and row.kind == LineKind.CHARGE.value:
            kind = ADVANCE if row.charge.pay_in_advance else USAGE
        key = (row.subscription_id, kind, row.period_start)
        found.setdefault(key, Window(row.subscription, kind, row.period_start, row.period_end))
    return list(found.values())


def less_progressive(lines: Sequence[Line], windows: Sequence[Window]) -> list[Line]:
    """The lines less what progressive invoices of their stretch ask for."""
    found = list(lines)
    for window in windows:
        if window.kind != USAGE or not window.subscription.progressively_billed:
            continue
        mine = [
            place
            for place, line in enumerate(found)
            if line.facts.subscription_id == str(window.subscription.pk)
            and line.facts.period is not None
            and line.facts.period.start == window.start
        ]
        for place, line in zip(mine, less_billed(window, [found[at] for at in mine])[0], strict=True):
            found[place] = line
    return found
