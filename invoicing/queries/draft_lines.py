"""The lines of a draft: as they are computed now, as an edit would make them, and what could be added.

Nothing here writes. The drawers preview with it and the actions compute with it, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.models import Charge, Subscription
from billing.queries.coupons import facts as coupon_facts
from billing.queries.coupons import usable_coupons
from billing.queries.schedules import schedule_of
from billing.rules.periods import Period
from billing.rules.tax import Tax
from invoicing.models import Invoice, InvoiceLine, InvoiceType, LineEdit
from invoicing.queries.facts import USAGE, Window, goes_on_unbilled, window_lines, windows_of
from invoicing.queries.line_edits import charge_pricing, edits_from, part_name, pricing_of
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import Pricing, line_key
from invoicing.rules.lines import Line, LineFacts, LineKind, one_off_line
from invoicing.rules.totals import Totals, compute_totals


@dataclass(frozen=True)
class Drafted:
    """A draft as it would be: its lines and totals (coupons as a preview, no credit notes and wallets)."""

    lines: list[Line]
    totals: Totals

    def line(self, key: UUID) -> Line | None:
        """The line with a key, if there is one."""
        return next((line for line in self.lines if key_of_line(line) == key), None)


def drafted(invoice: Invoice, edits: Sequence[LineEdit] | None = None) -> Drafted:
    """A draft of a subscription as it would be computed now; `edits`: with these and no others."""
    rates = Rates(invoice.organization_id)
    windows = windows_of(invoice, rates, None if edits is None else edits_from(edits))
    lines = window_lines(windows, tz=invoice.timezone, currency=invoice.currency, rates=rates)
    coupons = [coupon_facts(row) for row in usable_coupons(invoice.customer, invoice.currency)]
    return Drafted(lines, compute_totals(lines, coupons, currency=invoice.currency))


def typed(invoice: Invoice, lines: Sequence[Line]) -> Drafted:
    """A one-off draft with these lines."""
    return Drafted(list(lines), compute_totals(lines, currency=invoice.currency))


def typed_lines(invoice: Invoice) -> list[Line]:
    """The lines of a one-off draft as they were typed, with the taxes that they got."""
    known = typed_taxes(invoice)
    return [
        replace(
            one_off_line(
                LineFacts(
                    row.description,
                    invoice.currency,
                    tuple(known[tax["code"], Decimal(tax["rate"])] for tax in row.taxes),
                    add_on_id=str(row.add_on_id) if row.add_on_id else None,
                ),
                row.units,
                row.unit_amount,
            ),
            key=row_key(row),
        )
        for row in invoice.lines.order_by("position")
    ]


def typed_taxes(invoice: Invoice) -> dict[tuple[str, Decimal], Tax]:
    """{(code, rate): tax} of a one-off draft, as they were when its lines were typed: one may have changed since."""
    return {
        (row.code, row.rate): Tax(
            row.code, row.rate, row.name, row.category, row.exemption_code, row.exemption_reason
        )
        for row in invoice.tax_rows.all()
    }


def key_of_line(line: Line) -> UUID:
    """What a line is."""
    return line.key or line_key(line.kind, line.facts)


def row_key(row: InvoiceLine) -> UUID:
    """The key of a stored line, also of one that was stored before lines had keys."""
    if row.line_key is not None:
        found: UUID = row.line_key
        return found
    if row.kind == LineKind.ONE_OFF.value:
        return row.pk
    return line_key(LineKind(row.kind), facts_of(row))


def edit_of(row: InvoiceLine) -> LineEdit | None:
    """What was changed by hand on a line."""
    return LineEdit.objects.filter(invoice=row.invoice_id, line_key=row_key(row)).first()


def facts_of(row: InvoiceLine) -> LineFacts:
    """What a stored line is about."""

    def text(key: Any) -> str | None:
        return str(key) if key else None

    return LineFacts(
        row.description,
        row.invoice.currency,
        period=Period(row.period_start, row.period_end) if row.period_start and row.period_end else None,
        subscription_id=text(row.subscription_id),
        charge_id=text(row.charge_id),
        add_on_id=text(row.add_on_id),
        fixed_charge_id=text(row.fixed_charge_id),
        filter=row.charge_filter,
        group=row.charge_group,
    )


def pricing_of_row(row: InvoiceLine) -> Pricing | None:
    """How the charge behind a stored line of a draft prices."""
    if row.subscription is None:
        return None
    return pricing_of(row.subscription, facts_of(row), Rates(row.organization_id))


@dataclass(frozen=True)
class Offer:
    """A charge, or one of its filters, that has no line on a draft: its key, its name, and what it would be."""

    key: UUID
    name: str
    subscription: Subscription
    charge: Charge
    filter: dict[str, Any] | None
    window: Window
    pricing: Pricing


def offers(invoice: Invoice) -> list[Offer]:
    """The charges of the subscriptions on a draft that could be added, in their order. Those in advance are billed
    event by event, and what stays in use only where a period is closed.
    """
    if invoice.type != InvoiceType.SUBSCRIPTION.value:
        return []
    rates = Rates(invoice.organization_id)
    there = {row_key(row) for row in invoice.lines.select_related("invoice")}
    found = []
    for window in windows_of(invoice, rates):
        if window.kind != USAGE or window.start >= window.end:
            continue
        schedule = schedule_of(window.subscription, invoice.timezone)
        for charge in rates.terms(window.subscription, window.start).charges:
            if charge.pay_in_advance or goes_on_unbilled(window, charge, schedule, rates):
                continue
            for chosen in (None, *charge.filters):
                shown = chosen and {name: chosen[name] for name in ("values", "invoice_display_name")}
                facts = LineFacts(
                    charge.invoice_name,
                    invoice.currency,
                    period=window.period,
                    subscription_id=str(window.subscription.pk),
                    charge_id=str(charge.pk),
                    filter=shown,
                )
                key = line_key(LineKind.CHARGE, facts)
                if key not in there:
                    name = part_name(charge.invoice_name, facts)
                    pricing = charge_pricing(charge, shown)
                    found.append(Offer(key, name, window.subscription, charge, shown, window, pricing))
    return found
