"""What computed totals take off an invoice, with the names that people know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from billing.models import AppliedCoupon, EntryKind, Wallet, WalletEntry
from invoicing.models import BEFORE_TAX, CreditNote, InvoiceDeduction
from invoicing.rules.totals import Totals


@dataclass(frozen=True)
class NamedDeduction:
    """A progressive invoice or a coupon (before tax), a credit note or a wallet (after tax), and what it takes off in
    minor units.
    """

    kind: str
    label: str
    amount_minor: int


def named_deductions(totals: Totals) -> list[NamedDeduction]:
    """All that is taken off, in the order of the document. At most three queries."""
    coupons = AppliedCoupon.objects.filter(pk__in=[item.coupon_id for item in totals.coupons])
    coupon_names = {str(row.pk): row.coupon.name for row in coupons.select_related("coupon")}
    notes = CreditNote.objects.filter(pk__in=[key for key, _ in totals.credit_notes])
    note_names = {str(row.pk): row.number for row in notes}
    wallets = Wallet.objects.filter(pk__in=[key for key, _ in totals.wallets])
    wallet_names = {str(row.pk): str(row) for row in wallets}
    found = [NamedDeduction("progressive", number, minor) for number, minor in totals.progressive]
    found += [NamedDeduction("coupon", coupon_names[item.coupon_id], item.minor) for item in totals.coupons]
    found += [NamedDeduction("credit_note", note_names[key], minor) for key, minor in totals.credit_notes]
    found += [NamedDeduction("wallet", wallet_names[key], minor) for key, minor in totals.wallets]
    return [item for item in found if item.amount_minor]


def before_and_after_tax(
    rows: Iterable[InvoiceDeduction],
) -> tuple[list[InvoiceDeduction], list[InvoiceDeduction]]:
    """An invoice's deductions that lower what is taxed, in their order, and those that pay for it."""
    rows = list(rows)
    before = [row for kind in BEFORE_TAX for row in rows if row.kind == kind]
    return before, [row for row in rows if row.kind not in BEFORE_TAX]


@dataclass(frozen=True)
class UsedCredit:
    """What paid for an invoice after tax; `entry`: the movement of the wallet that says from which credits."""

    row: InvoiceDeduction
    entry: WalletEntry | None = None


def used_credits(rows: Iterable[InvoiceDeduction]) -> list[UsedCredit]:
    """These deductions with their wallets' movements. One query when there is a wallet among them."""
    rows = list(rows)
    found = [row.invoice_id for row in rows if row.wallet_id]
    entries = WalletEntry.objects.filter(invoice__in=found[:1], kind=EntryKind.CONSUMED) if found else ()
    by_wallet = {entry.wallet_id: entry for entry in entries}
    return [UsedCredit(row, by_wallet.get(row.wallet_id) if row.wallet_id else None) for row in rows]
