"""Which credits paid for what: from a grant or a purchase on to invoices, from a debit back to them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from billing.models import WalletEntry, WalletUse
from billing.queries.payloads_subscriptions import entry_payload
from billing.queries.shapes import CreditUseOut, TracedEntryOut
from billing.rules.ids import encode
from billing.rules.money import from_minor


def paid_for(entry: WalletEntry) -> QuerySet[WalletUse]:
    """What the credits of an inbound entry were used for, the oldest first; what was given back is negative."""
    rows = WalletUse.objects.filter(lot__entry=entry).select_related("entry__invoice", "line")
    return rows.order_by("entry__at", "created_at", "pk")


def paid_from(entry: WalletEntry) -> QuerySet[WalletUse]:
    """What a debit took from which credits, or what an entry gives back of one."""
    rows = WalletUse.objects.filter(entry=entry).select_related("lot__entry__invoice", "line")
    return rows.order_by("created_at", "pk")


def traced_payload(entry: WalletEntry) -> TracedEntryOut:
    """A movement with both directions; expects wallet and lot to be loaded."""
    lot = getattr(entry, "lot", None)
    currency = entry.wallet.currency

    def part(use: WalletUse, transaction: Any, invoice: Any) -> CreditUseOut:
        return {
            "transactionId": encode("wtx", transaction) if transaction else None,
            "invoiceId": encode("inv", invoice) if invoice else None,
            "lineId": encode("line", use.line_id) if use.line_id else None,
            "description": use.line.description if use.line else None,
            "amount": from_minor(use.amount_minor, currency),
        }

    came_from = [
        part(use, use.lot.entry_id if use.lot else None, entry.invoice_id) for use in paid_from(entry)
    ]
    went_to = [part(use, use.entry_id, use.entry.invoice_id) for use in paid_for(entry)] if lot else []
    return {
        **entry_payload(entry),
        "remainingAmount": from_minor(lot.remaining_minor, currency) if lot else None,
        "promotional": lot.promotional if lot else None,
        "priority": lot.priority if lot else None,
        "expirationAt": lot.expires_at if lot else None,
        "paidFor": went_to,
        "paidFrom": came_from,
    }
