"""The rows below an invoice: lines, tax table and deductions, written as they were computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.models import AppliedCoupon
from billing.orm.fields import new_id
from billing.orm.writing import inserted, write
from billing.rules.charges.base import Step
from billing.rules.money import round_half_up
from billing.rules.tax import REVERSE_CHARGE, Tax, TaxAmount
from invoicing.models import (
    DeductionKind,
    Invoice,
    InvoiceDeduction,
    InvoiceLine,
    InvoiceTax,
    InvoiceType,
)
from invoicing.rules.adjusting import line_key
from invoicing.rules.lines import Line, LineKind
from invoicing.rules.totals import LineTotals, Totals

TYPED = (LineKind.ONE_OFF, LineKind.CREDIT)
PLACES = 15  # decimals of an ExactField
# One statement instead of three: every invoice of a run with a grace period goes through it.
CLEAR = """
WITH taxes AS (DELETE FROM invoicing_invoicetax WHERE invoice_id = %(invoice)s),
    deductions AS (DELETE FROM invoicing_invoicededuction WHERE invoice_id = %(invoice)s)
DELETE FROM invoicing_invoiceline WHERE invoice_id = %(invoice)s RETURNING coalesce(line_key, id), id
"""


def write_rows(
    invoice: Invoice,
    lines: Sequence[Line],
    totals: Totals,
    coupons: Sequence[AppliedCoupon] = (),
    *,
    groups: Mapping[str, str] | None = None,
    fresh: bool = False,
) -> list[InvoiceLine]:
    """Replace lines, taxes and coupon deductions and set the sums on the invoice, which the caller saves. The
    lines as they are stored; one that was there before keeps its id.

    `fresh`: the invoice has no rows yet. `groups`: {subscription id: heading}.
    """
    known: dict[UUID, UUID] = {}
    if not fresh:
        with connection.cursor() as cursor:
            cursor.execute(CLEAR, {"invoice": invoice.pk})
            known = dict(cursor.fetchall())
    pairs = zip(lines, totals.lines, strict=True)
    rows = [
        line_row(invoice, position, line, line_totals, groups or {}, known)
        for position, (line, line_totals) in enumerate(pairs, 1)
    ]
    taxes = [tax_row(invoice, amount) for amount in totals.taxes.amounts]
    write(inserted(rows), inserted(taxes), inserted(before_tax(invoice, totals, coupons)))
    invoice.reverse_charge = any(amount.tax == REVERSE_CHARGE for amount in totals.taxes.amounts)
    invoice.lines_minor = totals.lines_minor
    invoice.progressive_minor = totals.progressive_minor
    invoice.coupons_minor = totals.coupons_minor
    invoice.taxes_minor = totals.tax_minor
    invoice.credit_notes_minor = 0
    invoice.wallet_credits_minor = 0
    invoice.total_minor = totals.total_with_tax_minor
    return rows


def line_row(
    invoice: Invoice,
    position: int,
    line: Line,
    totals: LineTotals,
    groups: Mapping[str, str],
    known: dict[UUID, UUID],
) -> InvoiceLine:
    """One line as it is stored: everything that is printed is copied, nothing is looked up later. `known`: {key: id}
    of the lines before.
    """
    facts = line.facts
    # Lines that were typed are like each other; they have the key that they were given, if any.
    its_key = line.key or (None if line.kind in TYPED else line_key(line.kind, facts))
    return InvoiceLine(
        pk=(known.pop(its_key, None) if its_key else None) or new_id(),
        organization_id=invoice.organization_id,
        invoice=invoice,
        subscription_id=key(facts.subscription_id),
        charge_id=key(facts.charge_id),
        add_on_id=key(facts.add_on_id),
        fixed_charge_id=key(facts.fixed_charge_id),
        kind=line.kind.value,
        position=position,
        group=groups.get(facts.subscription_id or "", "")[:255],
        description=facts.description[:1000],
        units=round_half_up(line.units, PLACES),
        unit_amount=round_half_up(line.unit_amount, PLACES),
        amount_minor=line.amount_minor,
        progressive_minor=line.progressive_minor,
        coupon_minor=totals.coupons,
        tax_rate=totals.tax_rate,
        tax_minor=totals.tax_minor,
        taxes=[tax_json(tax) for tax in facts.taxes],
        events_count=line.events_count if line.kind.value == "charge" else None,
        steps=[step_json(step) for step in line.steps],
        period_start=facts.period.start if facts.period else None,
        period_end=facts.period.end if facts.period else None,
        charge_filter=facts.filter,
        charge_group=facts.group,
        line_key=its_key,
        edited=edited_json(invoice, line),
    )


def edited_json(invoice: Invoice, line: Line) -> dict[str, Any] | None:
    """What a line that was changed by hand would be without."""
    before = line.original
    if before is None:
        added = line.key is not None and invoice.type == InvoiceType.SUBSCRIPTION.value
        return {"added": True} if added else None
    return {
        "description": before.facts.description,
        "units": number(before.units),
        "unit_amount": number(round_half_up(before.unit_amount, PLACES)),
        "amount_minor": before.amount_minor,
    } | ({"added": True} if before.empty else {})


def tax_row(invoice: Invoice, amount: TaxAmount) -> InvoiceTax:
    """One row of the tax table."""
    return InvoiceTax(
        organization_id=invoice.organization_id,
        invoice=invoice,
        name=amount.tax.name or amount.tax.code,
        code=amount.tax.code,
        rate=amount.tax.rate,
        base_minor=int(round_half_up(amount.base)),
        amount_minor=amount.minor,
        category=amount.tax.category,
        exemption_code=amount.tax.exemption_code,
        exemption_reason=amount.tax.exemption_reason,
    )


def before_tax(invoice: Invoice, totals: Totals, coupons: Sequence[AppliedCoupon]) -> list[InvoiceDeduction]:
    """A deduction for each progressive invoice whose lines are in this one, and each coupon that lowers it."""
    by_id: dict[str, Any] = {str(row.pk): row for row in coupons}
    rows = [
        InvoiceDeduction(
            organization_id=invoice.organization_id,
            invoice=invoice,
            kind=DeductionKind.PROGRESSIVE.value,
            label=number,
            amount_minor=minor,
        )
        for number, minor in totals.progressive
    ]
    rows += [
        InvoiceDeduction(
            organization_id=invoice.organization_id,
            invoice=invoice,
            kind=DeductionKind.COUPON.value,
            label=by_id[credit.coupon_id].coupon_name,
            amount_minor=credit.minor,
            applied_coupon=by_id[credit.coupon_id],
        )
        for credit in totals.coupons
    ]
    return rows


def key(text: str | None) -> UUID | None:
    """The id behind the opaque reference that the rules carry."""
    return UUID(text) if text else None


def number(value: Decimal | None) -> str | None:
    """An exact decimal for a JSON column, without needless zeros."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def step_json(step: Step) -> dict[str, Any]:
    """A step with its decimals as text; what it does not have is left out."""
    values = {item.name: getattr(step, item.name) for item in fields(step)}
    return {
        name: number(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
        if value is not None
    }


def tax_json(tax: Tax) -> dict[str, str]:
    """A tax as it is frozen on a line."""
    return {"code": tax.code, "name": tax.name or tax.code, "rate": number(tax.rate) or "0"}
