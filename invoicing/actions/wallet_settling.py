"""Collecting what a postpaid customer owes on a wallet: an invoice without tax; its SETTLED entry comes when it
is paid.

Laws: what is on an open settlement is not billed again, so the open ones never ask for more than is owed when they
are made. A debt is collected with the customer's next invoice in the currency, in its transaction and before it
uses the wallet; by hand at any time; and when the wallet ends. A wallet that ends is settled at once by the invoice,
which then stands for the debt alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum

from billing.actions.clock import now
from billing.actions.locks import lock_customer_of
from billing.actions.wallet_ending import terminate_wallet
from billing.actions.wallet_ledger import check_active, expire_lots, lock_row
from billing.actions.wallet_merging import merged_into
from billing.actions.wallets import settle_debt
from billing.models import EntryKind, Wallet, WalletEntry
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from billing.rules.states import WalletStatus
from billing.rules.wallets import Credits, minor_to_credits
from invoicing.actions.wallet_invoices import bill_wallet
from invoicing.models import Invoice


def open_settlements(wallet: Wallet) -> QuerySet[Invoice]:
    """Unpaid invoices that collect what is owed on the wallet, or was on one merged into it."""
    booked = WalletEntry.objects.filter(kind=EntryKind.SETTLED, invoice__isnull=False).values("invoice")
    rows = Invoice.objects.filter(wallet__in=[wallet.pk, *merged_into(wallet)], wallet_credits=None)
    found: QuerySet[Invoice] = rows.unpaid().exclude(pk__in=booked).order_by("created_at", "pk")
    return found


@transaction.atomic
def settle_wallet(wallet: Wallet, *, by: Actor, at: datetime, key: str = "") -> Invoice:
    """Bill what is owed and on no open settlement; when all of it is, the open settlement is returned. `key` makes a
    repeat harmless. Conflict (`nothing_owed`) when nothing is owed.
    """
    customer = lock_customer_of(wallet)
    wallet = lock_row(wallet)
    if key and (found := Invoice.objects.filter(wallet=wallet, metadata__transactionId=key).first()):
        return found
    check_active(wallet)
    if wallet.balance_minor >= 0:
        raise Conflict("Nothing is owed on this wallet.", code="nothing_owed")
    invoice = bill_debt(wallet, customer, key=key, by=by, at=at)
    return invoice or open_settlements(wallet).reverse()[0]


def bill_debt(wallet: Wallet, customer: Any, *, key: str = "", by: Actor, at: datetime) -> Invoice | None:
    """A settlement of what no open one asks for; None when nothing is left to ask for."""
    asked = int(open_settlements(wallet).aggregate(total=Sum("total_minor"))["total"] or 0)
    minor = -wallet.balance_minor - asked
    if minor <= 0:
        return None
    worth = Credits(minor_to_credits(minor, wallet.rate, wallet.currency), minor)
    return bill_wallet(
        wallet,
        customer,
        worth,
        description=f"Balance owed on {wallet}",
        action="wallet.settlement_billed",
        key=key,
        by=by,
        at=at,
    )


def collect_debts(customer: Any, currency: str, *, by: Actor, at: datetime) -> list[Invoice]:
    """Settlements of all wallets of a locked customer on which something is owed in the currency."""
    rows = Wallet.objects.filter(customer=customer, currency=currency, balance_minor__lt=0).active()
    made = [bill_debt(lock_row(wallet), customer, by=by, at=at) for wallet in rows.order_by("pk")]
    return [invoice for invoice in made if invoice is not None]


def expired_wallets() -> list[Wallet]:
    """Up to a thousand wallets of any organization that are past their day, by its own clock."""
    rows = Wallet.objects.active().in_use().filter(expires_at__isnull=False).select_related("organization")
    return [row for row in rows.order_by("expires_at")[:1000] if row.expires_at <= now(row.organization)]


@transaction.atomic
def end_wallet(wallet: Wallet, *, by: Actor, at: datetime, reason: str = "", expired: bool = False) -> Wallet:
    """End a wallet: what is left is voided (or expires), what is owed is on an invoice from then on. Twice changes
    nothing.
    """
    customer = lock_customer_of(wallet)
    wallet = lock_row(wallet)
    if wallet.status == WalletStatus.TERMINATED.value:
        return wallet
    expire_lots(wallet, at=at)
    if wallet.balance_minor < 0:
        bill_debt(wallet, customer, by=by, at=at)
        for invoice in open_settlements(wallet):
            settle_debt(wallet, invoice.total_minor, invoice=invoice, by=by, at=at)
    return terminate_wallet(wallet, by=by, at=at, reason=reason, expired=expired)
