"""What was changed by hand on a draft, put into its lines as they are computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from billing.models import Charge, Subscription
from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.filters import filter_name
from billing.rules.money import ZERO
from invoicing.models import Invoice, LineEdit
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import NO_EDITS, Addition, Correction, Edit, Edits, Pricing
from invoicing.rules.lines import Line, LineFacts, LineKind, charge_line, one_off_line

ITEM = LineKind.ONE_OFF.value


def edits_of(invoice: Invoice) -> Edits:
    """All edits of an invoice; asked for only where some were made."""
    if not invoice.lines_edited:
        return NO_EDITS
    return edits_from(LineEdit.objects.filter(invoice=invoice))


def edits_from(rows: Iterable[LineEdit]) -> Edits:
    """Rows as the rules want them."""
    found = list(rows)
    return Edits(
        {row.line_key: correction_of(row) for row in found if row.kind != ITEM},
        [addition_of(row) for row in found if row.kind == ITEM],
    )


def correction_of(row: LineEdit) -> Edit:
    """The correction of a line that the draft has, or of a charge without usage."""
    return Edit(
        Correction(row.units, row.unit_amount, row.name),
        subscription_id=str(row.subscription_id) if row.subscription_id else None,
        charge_id=str(row.charge_id) if row.charge_id and row.kind == LineKind.CHARGE.value else None,
        filter=row.charge_filter,
        group=row.charge_group,
        start=row.period_start,
    )


def addition_of(row: LineEdit) -> Addition:
    """An item that was added."""
    return Addition(
        row.line_key,
        row.name,
        row.units or ZERO,
        row.unit_amount or ZERO,
        str(row.add_on_id) if row.add_on_id else None,
        None if row.tax_ids is None else tuple(row.tax_ids),
    )


def edited(edits: Edits, lines: Sequence[Line], subscription: Subscription, rates: Rates) -> list[Line]:
    """Lines of a subscription as they were corrected."""
    if not edits.corrections:
        return list(lines)
    return [
        edits.applied_to(line, pricing_of(subscription, line.facts, rates)) if edits.corrects(line) else line
        for line in lines
    ]


def edited_usage(edits: Edits, lines: Sequence[Line], whole: LineFacts, charge: Charge) -> list[Line]:
    """The lines of a charge as they were corrected, with those that nobody measured. `whole`: of all the charge."""
    if not edits.corrections:
        return list(lines)
    found = list(lines)
    for facts in edits.unmeasured(whole, lines):
        pricing = charge_pricing(charge, facts.filter)
        named = replace(facts, description=part_name(whole.description, facts))
        found.append(charge_line(named, price(pricing.model, pricing.properties, Usage(ZERO)), Usage(ZERO)))
    return [edits.applied_to(line, charge_pricing(charge, line.facts.filter)) for line in found]


def part_name(name: str, facts: LineFacts) -> str:
    """A charge's name with its filter and group."""
    words = [filter_name(facts.filter)] if facts.filter else []
    words += [f"no {key}" if value is None else value for key, value in (facts.group or {}).items()]
    return " · ".join([name, *words])


def added_lines(edits: Edits, customer_id: UUID, *, currency: str, rates: Rates) -> list[Line]:
    """The items that were added to a draft, behind all others. A tax that was chosen and deleted since is gone."""
    lines = []
    for item in edits.additions:
        if item.tax_ids is None:
            taxes = rates.of_add_on(UUID(item.add_on_id) if item.add_on_id else None, customer_id)
        else:
            taxes = rates.chosen(item.tax_ids, customer_id)
        facts = LineFacts(item.name, currency, taxes, add_on_id=item.add_on_id)
        lines.append(replace(one_off_line(facts, item.units, item.unit_amount), key=item.key))
    return lines


def charge_pricing(charge: Charge, chosen: dict[str, Any] | None) -> Pricing:
    """How a charge prices, in one of its filters or outside of them."""
    found = [row["properties"] for row in charge.filters if chosen and row["values"] == chosen["values"]]
    properties = found[0] if found else charge.properties
    return Pricing(charge.charge_model, properties, charge.prorated, charge.pay_in_advance)


def pricing_of(subscription: Subscription, facts: LineFacts, rates: Rates) -> Pricing | None:
    """How a line is priced; None for what has no model of its own."""
    if facts.period is None:
        return None
    start = facts.period.start
    if facts.fixed_charge_id:
        for row in rates.fixed(subscription, start):
            if str(row.pk) == facts.fixed_charge_id:
                return Pricing(row.charge_model, row.properties, row.prorated)
    if facts.charge_id:
        for charge in rates.terms(subscription, start).charges:
            if str(charge.pk) == facts.charge_id:
                return charge_pricing(charge, facts.filter)
    return None
