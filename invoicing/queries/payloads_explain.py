"""The explanation of an invoice as the API shows it: where each amount comes from, its seal, its usage priced
again.
"""

from __future__ import annotations

from billing.rules.money import from_minor
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.explain import origin_of, rungs_of
from invoicing.queries.payloads import line_payload
from invoicing.queries.rerate import Rerated, rerated
from invoicing.queries.shapes import ExplainedLineOut, InvoiceExplainedOut, RatedAgainOut, SealOut
from invoicing.queries.verify import checked


def explain_payload(invoice: Invoice, *, rerate: bool = False) -> InvoiceExplainedOut:
    """{"lines": each with its metric, charge and prices, "amounts": from the lines to the total, "seal"}; `rerate`
    adds its usage with the events of now.
    """
    currency = invoice.currency
    rows = invoice.lines.select_related("charge__metric", "subscription__plan", "subscription__customer")
    rungs = rungs_of(
        invoice,
        list(invoice.deductions.select_related("applied_coupon__coupon", "credit_note__invoice", "wallet")),
        list(invoice.tax_rows.all()),
    )
    found: InvoiceExplainedOut = {
        "invoiceId": invoice.public_id,
        "number": invoice.number or None,
        "currency": currency,
        "frozen": invoice.status != "draft",
        "lines": [explained_line(invoice, line) for line in rows.order_by("position")],
        "amounts": [
            {
                "id": rung.key,
                "type": rung.kind,
                "label": rung.label,
                "amount": from_minor(rung.minor, currency),
                "leaves": from_minor(rung.after, currency),
            }
            for rung in rungs
        ],
        "seal": seal_payload(invoice),
    }
    if rerate:
        again = rerated(invoice) if invoice.status != "draft" else None
        found["rerated"] = None if again is None else [rerated_payload(row, currency) for row in again]
    return found


def explained_line(invoice: Invoice, line: InvoiceLine) -> ExplainedLineOut:
    """A line with what it measured and at whose prices."""
    line.invoice = invoice
    facts, _ = origin_of(line)
    charge = facts.get("charge")
    if charge and charge["minimum"] is not None:
        facts["charge"] = charge | {"minimum": from_minor(charge["minimum"], invoice.currency)}
    return {
        **line_payload(line, invoice.currency),
        "metric": facts.get("metric"),
        "charge": facts.get("charge"),
        "prices": facts.get("prices"),
        "carried": facts.get("carried"),
        "changed": facts.get("changed"),
    }


def seal_payload(invoice: Invoice) -> SealOut | None:
    """The seal and what came of checking it; None for drafts and invoices from before seals were kept."""
    found = checked(invoice) if invoice.status != "draft" else None
    if found is None:
        return None
    return {
        "algorithm": "SHA-256",
        "sealed": found.kept,
        "now": found.now,
        "verified": found.whole,
        "differing": found.differing,
    }


def rerated_payload(row: Rerated, currency: str) -> RatedAgainOut:
    """A line as billed and as it would be now."""
    return {
        "lineId": row.line.public_id if row.line else None,
        "description": row.description,
        "billed": {
            "units": row.units_then,
            "eventsCount": row.events_then,
            "amount": from_minor(row.minor_then, currency),
        },
        "now": {
            "units": row.units_now,
            "eventsCount": row.events_now,
            "amount": from_minor(row.minor_now, currency),
        },
        "difference": from_minor(row.difference_minor, currency),
    }
