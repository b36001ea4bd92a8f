"""What progressive invoices asked for too much is given back when their period is closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.orm.actor import Actor
from billing.rules.money import exact, round_half_up
from invoicing.actions.credit_notes import credited_of
from invoicing.actions.crediting import CreditRequest, issue_credit_note
from invoicing.models import CreditNote, Invoice, InvoiceLine
from invoicing.queries.facts import USAGE, Window, less_billed
from invoicing.rules.crediting import CreditReason
from invoicing.rules.lines import Line


def excess_of(windows: Sequence[Window], lines: Sequence[Line]) -> dict[str, int]:
    """{progressive line id: minor units before coupons} that the closing lines leave over."""
    found: dict[str, int] = {}
    for window in windows:
        if window.kind == USAGE:
            own = [line for line in lines if line.facts.subscription_id == str(window.subscription.pk)]
            found |= less_billed(window, own)[1]
    return found


def give_back_excess(
    invoice: Invoice, excess: dict[str, int], *, by: Actor, at: datetime
) -> list[CreditNote]:
    """A credit note for each progressive invoice that asked for more than the period came to, once for the closing
    invoice. The caller holds the customer's lock.
    """
    rows = InvoiceLine.objects.filter(pk__in=excess).select_related("invoice").order_by("invoice_id", "pk")
    by_invoice: dict[UUID, list[InvoiceLine]] = {}
    for row in rows:
        by_invoice.setdefault(row.invoice_id, []).append(row)
    return [
        issue_credit_note(
            found[0].invoice,
            CreditRequest(items={str(row.pk): after_coupons(row, excess[str(row.pk)]) for row in found}),
            reason=CreditReason.ORDER_CHANGE,
            description="Usage was taken back after it had been billed.",
            key=f"progressive-excess:{invoice.pk}:{key}",
            by=by,
            at=at,
        )
        for key, found in by_invoice.items()
    ]


def after_coupons(row: InvoiceLine, minor: int) -> int:
    """The share of a line's own amount after its coupons, never more than credit notes have left of it."""
    own = row.amount_minor - row.progressive_minor
    with exact():
        net = Decimal(own) - row.coupon_minor
        share = int(round_half_up(net * minor / own))
        left = int(round_half_up(net)) - credited_of(row)
    return min(share, left)
