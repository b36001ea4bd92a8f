"""What an issued invoice's amounts are made of, as facts to be sealed (`rules/seal.py`): by part.

The rows come in one statement, decimals without padding and moments in UTC as texts, so that neither the driver nor
the zone of a connection decides how they are spelt.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from billing.rules.ids import encode
from invoicing.models import Invoice, InvoiceLine

PARTS = {
    "document": "Number, dates and currency",
    "parties": "Seller and buyer",
    "sums": "Sums",
    "taxes": "Taxes",
    "deductions": "Coupons and credits",
}
SUMS = (
    *("lines_minor", "progressive_minor", "coupons_minor", "taxes_minor"),
    *("credit_notes_minor", "wallet_credits_minor", "total_minor"),
)
MOMENT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
ROWS = f"""
SELECT
    (SELECT coalesce(json_agg(json_build_object(
        'id', replace(id::text, '-', ''), 'position', position, 'kind', kind, 'group', "group",
        'description', description, 'units', trim_scale(units)::text,
        'unit_amount', trim_scale(unit_amount)::text, 'amount_minor', amount_minor,
        'progressive_minor', progressive_minor, 'coupon_minor', trim_scale(coupon_minor)::text,
        'tax_rate', trim_scale(tax_rate)::text, 'tax_minor', tax_minor, 'taxes', taxes,
        'events', events_count, 'steps', steps,
        'from', to_char(period_start AT TIME ZONE 'UTC', {MOMENT}),
        'to', to_char(period_end AT TIME ZONE 'UTC', {MOMENT}),
        'charge', replace(charge_id::text, '-', ''), 'subscription', replace(subscription_id::text, '-', ''),
        'filter', charge_filter, 'by', charge_group, 'edited', edited
    ) ORDER BY position), '[]') FROM invoicing_invoiceline WHERE invoice_id = %(invoice)s)::text,
    (SELECT coalesce(json_agg(json_build_object(
        'code', code, 'name', name, 'rate', trim_scale(rate)::text, 'base_minor', base_minor,
        'amount_minor', amount_minor, 'category', category
    ) ORDER BY code, rate), '[]') FROM invoicing_invoicetax WHERE invoice_id = %(invoice)s)::text,
    (SELECT coalesce(json_agg(json_build_object(
        'id', replace(id::text, '-', ''), 'kind', kind, 'label', label, 'amount_minor', amount_minor
    ) ORDER BY id), '[]') FROM invoicing_invoicededuction WHERE invoice_id = %(invoice)s)::text
"""  # noqa: S608 - a format of ours


def frozen_parts(invoice: Invoice) -> dict[str, Any]:
    """{part: facts} of an invoice whose rows are written: `PARTS`, and each line under its id."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS, {"invoice": invoice.pk})
        lines, taxes, deductions = (json.loads(text, parse_float=str) for text in cursor.fetchone())
    found: dict[str, Any] = {
        "document": {
            "number": invoice.number,
            "type": invoice.type,
            "currency": invoice.currency,
            "timezone": invoice.timezone,
            "issuing_on": invoice.issuing_on.isoformat(),
            "finalized_at": moment(invoice.finalized_at),
            "reverse_charge": invoice.reverse_charge,
        },
        "parties": {"seller": invoice.seller, "buyer": invoice.buyer},
        "sums": {name: getattr(invoice, name) for name in SUMS},
        "taxes": taxes,
        "deductions": deductions,
    }
    return found | {f"{InvoiceLine.PREFIX}_{line['id']}": line for line in lines}


def moment(value: datetime | None) -> str | None:
    """A moment in UTC with its microseconds."""
    return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None


def part_words(invoice: Invoice, names: list[str]) -> list[str]:
    """What parts are called: of a line its place and description, "a line that is gone" for one that is not there."""
    lines = {encode(InvoiceLine.PREFIX, row.pk): row for row in invoice.lines.all()}
    said = []
    for name in names:
        line = lines.get(name)
        if line is not None:
            said.append(f"Line {line.position}: {line.description}")
        else:
            said.append(PARTS.get(name, "A line that is gone"))
    return said
