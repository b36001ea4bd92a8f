"""What is left of the credits that an invoice sold."""

from __future__ import annotations

from billing.models import EntryKind, WalletLot
from billing.rules.money import from_minor
from invoicing.models import Invoice
from invoicing.queries.crediting import refundable_of


def lot_of(invoice: Invoice) -> WalletLot | None:
    """The credits that arrived when the invoice was paid; a merge has given what was left another lot."""
    rows = WalletLot.objects.filter(entry__invoice=invoice, entry__kind=EntryKind.PURCHASED)
    return rows.select_related("wallet").first()


def sale_left(invoice: Invoice) -> int:
    """Minor units that can go back as money: of its credits, and of what was paid."""
    lot = lot_of(invoice)
    return min(lot.remaining_minor, refundable_of(invoice)) if lot else 0


def sale_refusal(invoice: Invoice) -> str:
    """Why no credit note can be made of an invoice that sold prepaid credits; empty when one can."""
    if not invoice.wallet_credits:
        return "It collects what was owed on a wallet: there is nothing to take back."
    if invoice.written_off_minor:
        return "It was written off, and no credits came of it: undo that first."
    if not invoice.received_minor:
        whole = invoice.due_minor == invoice.total_minor
        return "" if whole else "It was settled without money: there is nothing to take back."
    if invoice.due_minor:
        received = from_minor(invoice.received_minor, invoice.currency)
        return f"{received:f} {invoice.currency} of it were received: give the payment back first."
    lot = lot_of(invoice)
    if lot is None or lot.wallet.status != "active":
        return "The wallet of these credits has ended or was merged: take them out there and give the payment back."
    return "" if sale_left(invoice) else "None of the credits that it sold are left."
