"""Taking back credits that an invoice sold."""

from __future__ import annotations

from datetime import datetime

from billing.actions.wallet_ledger import book
from billing.models import EntryKind, Wallet
from billing.rules.errors import Conflict
from billing.rules.wallets import minor_to_credits
from invoicing.models import CreditNote, Invoice
from invoicing.queries.sold_credits import lot_of


def take_back(wallet: Wallet, invoice: Invoice, note: CreditNote, *, at: datetime) -> None:
    """What a note gives back as money goes out of the locked wallet, of the credits that its invoice sold."""
    lot = lot_of(invoice)
    if lot is None or lot.wallet_id != wallet.pk or lot.remaining_minor < note.refund_minor:
        raise Conflict("These credits have been used meanwhile.", code="insufficient_credits")
    lot.remaining_minor -= note.refund_minor
    lot.save(update_fields=["remaining_minor", "updated_at"])
    book(
        wallet,
        EntryKind.VOIDED,
        credits=-minor_to_credits(note.refund_minor, wallet.rate, wallet.currency),
        minor=-note.refund_minor,
        key=f"note:{note.pk.hex}",
        at=at,
        reason=f"Credit note {note.number}",
        lot=lot,
    )
