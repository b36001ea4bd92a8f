"""Selling prepaid credits: an invoice without tax, issued at once; the credits arrive when it is paid.

Laws: what is on its way counts against the wallet's maximum balance. An automatic top-up is bought while the balance
is below the wallet's low mark and no other automatic one waits to be paid, once for each debit that called for it,
and never more than the maximum balance leaves room for.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet, Sum

from billing.actions.locks import lock_customer_of, lock_present_customer
from billing.actions.wallet_ledger import check_active, lock_row
from billing.models import Wallet
from billing.orm.actor import Actor
from billing.rules.states import WalletStatus
from billing.rules.wallet_terms import check_credit
from billing.rules.wallets import LAST_PRIORITY, check_priority, credits_in, minor_to_credits
from invoicing.actions.wallet_invoices import bill_wallet
from invoicing.models import Invoice

AUTOMATIC = "auto-top-up:"
SCHEDULED = "scheduled-top-up:"
AT_THRESHOLD = "threshold-top-up:"
OWN_KEYS = (AUTOMATIC, SCHEDULED, AT_THRESHOLD)


@transaction.atomic
def sell_credits(
    wallet: Wallet,
    credits: Decimal,
    *,
    priority: int = LAST_PRIORITY,
    key: str = "",
    description: str = "",
    by: Actor,
    at: datetime,
) -> Invoice:
    """Bill credits for a wallet. Only what whole minor units pay for is sold: 1,034 credits at 0.001 EUR are
    1,030 for 1.03 EUR. They are used in the order of their `priority`, 1 first. Refused for a terminated
    wallet and above its limits. A `key` makes a repeat harmless: the wallet's invoice with that key is returned.
    """
    customer = lock_present_customer(wallet.customer_id)
    wallet = lock_row(wallet)
    if key and (sold := wallet.credit_invoices.filter(metadata__transactionId=key).first()):
        return sold
    check_active(wallet)
    check_priority(priority)
    worth = credits_in(credits, wallet.rate, wallet.currency)
    check_credit(
        worth.minor,
        balance=wallet.balance_minor,
        coming=coming(wallet),
        terms=vars(wallet),
        currency=wallet.currency,
    )
    return bill_wallet(
        wallet,
        customer,
        worth,
        description=description or f"Prepaid credits for {wallet}",
        action="wallet.top_up_billed",
        key=key,
        sold=worth.credits,
        priority=priority,
        by=by,
        at=at,
    )


def unpaid_sales(wallet: Wallet) -> QuerySet[Invoice]:
    """Invoices for credits that have not arrived."""
    rows: QuerySet[Invoice] = Invoice.objects.filter(wallet=wallet, wallet_credits__isnull=False).unpaid()
    return rows


def coming(wallet: Wallet) -> int:
    """Minor units that have been sold and have not arrived."""
    return int(unpaid_sales(wallet).aggregate(total=Sum("total_minor"))["total"] or 0)


@transaction.atomic
def top_up_automatically(wallet: Wallet, call: str, *, by: Actor, at: datetime) -> Invoice | None:
    """Answer a debit's call for credits; None when there is nothing to buy (any more). `call` names the debit."""
    customer = lock_customer_of(wallet)
    wallet = lock_row(wallet)
    low, amount = wallet.low_balance_minor, wallet.auto_top_up_minor
    if wallet.status != WalletStatus.ACTIVE.value or not wallet.auto_top_up_enabled:
        return None
    if low is None or amount is None or wallet.balance_minor >= low:
        return None
    if customer.deleted_at or customer.deleting_at:
        return None
    if unpaid_sales(wallet).filter(metadata__transactionId__startswith=AUTOMATIC).exists():
        return None
    if wallet.max_balance_minor is not None:
        amount = min(amount, wallet.max_balance_minor - wallet.balance_minor - coming(wallet))
    if amount <= 0:
        return None
    credits = minor_to_credits(amount, wallet.rate, wallet.currency)
    return sell_credits(wallet, credits, key=f"{AUTOMATIC}{call}", by=by, at=at)
