"""Invoices that are not made, as the API shows them."""

from __future__ import annotations

from typing import Any

from billing.rules.money import from_minor
from invoicing.queries.foreseen import Coming, NextInvoice
from invoicing.queries.shapes import ComingInvoiceOut, NextInvoiceOut


def coming_payload(item: Coming) -> ComingInvoiceOut:
    """An invoice with the moment at which it is made."""
    return {"at": item.at, **next_payload(item.bill)}


def next_payload(bill: NextInvoice) -> NextInvoiceOut:
    """An invoice that is not made: its amounts and lines, no id and no number."""
    invoice, code = bill.invoice, bill.invoice.currency

    def major(minor: int) -> Any:
        return from_minor(minor, code)

    return {
        "currency": code,
        "from": invoice.period_start,
        "to": invoice.period_end,
        "amount": major(bill.total_minor - bill.taxes_minor),
        "taxAmount": major(bill.taxes_minor),
        "total": major(bill.total_minor),
        "credits": major(bill.credits_minor),
        "amountDue": major(bill.due_minor),
        "lines": [
            {
                "description": line.description,
                "type": line.kind,
                "units": line.units,
                "unitAmount": line.unit_amount,
                "amount": major(line.amount_minor),
                "from": line.period_start,
                "to": line.period_end,
            }
            for line in bill.lines
        ],
        "deductions": [
            {"type": row.kind, "description": row.label, "amount": major(row.amount_minor)}
            for row in bill.before_tax
        ],
    }
