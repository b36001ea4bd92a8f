"""What a movement sets off: a look at the ongoing balances; alerts; and after a debit a warning when the balance
falls below its low mark, once per crossing, and an automatic top-up while it is below and none is on its way.

The top-up is a job of its own, keyed by the debit: invoices are none of this app's business, and a debit never fails
because of one. The job looks again under the wallet's lock (`invoicing/actions/top_up.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.actions import audit, later
from billing.actions.alerts import watch_wallet
from billing.actions.webhooks import emit
from billing.models import Wallet, WalletActivity, WalletEntry
from billing.orm.actor import Actor
from billing.orm.writing import Part, statement, write
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import wallet_state
from billing.rules.money import from_minor
from billing.rules.states import WalletStatus

TOP_UP = "invoicing.auto_top_up"
MARK = """
INSERT INTO billing_walletactivity (organization_id, customer_id)
SELECT organization_id, customer_id FROM billing_wallet
WHERE customer_id = %s AND status = 'active' AND NOT untouched LIMIT 1
"""


def look_again(customer: Any) -> None:
    """Have the worker look at the customer's ongoing balances, if it has a wallet in use (`WalletActivity`)."""
    write(looking_again(customer))


def looking_again(customer: Any) -> Part:
    """`look_again` for a caller that writes it together with other rows."""
    return statement(MARK, customer.pk)


def watch(wallet: Wallet, entry: WalletEntry, *, at: datetime) -> None:
    """After an entry of a locked wallet that stays."""
    WalletActivity.objects.create(organization_id=wallet.organization_id, customer_id=wallet.customer_id)
    watch_wallet(wallet, at=at)
    low = wallet.low_balance_minor
    if low is None or entry.amount_minor >= 0 or wallet.status != WalletStatus.ACTIVE.value:
        return
    before, now = entry.balance_after_minor - entry.amount_minor, entry.balance_after_minor
    if before >= low > now:
        warn(wallet, before, low, at=at)
    if wallet.auto_top_up_enabled and now < low:
        later.enqueue(
            wallet.organization,
            TOP_UP,
            key=f"auto-top-up:{entry.pk.hex}",
            label=f"Automatic top-up of {wallet}",
            subject_id=wallet.pk,
            args=[entry.pk.hex],
            first=True,
        )


def warn(wallet: Wallet, before: int, low: int, *, at: datetime) -> None:
    """The line in the history, and the event."""
    mark = f"Below {from_minor(low, wallet.currency):f} {wallet.currency}"
    audit.record(
        wallet.organization,
        "wallet.low_balance",
        wallet,
        by=Actor.system(),
        at=at,
        customer=wallet.customer,
        changes={"balance_minor": (before, wallet.balance_minor)},
        reason=mark,
    )
    payload = wallet_payload(wallet, wallet_state(wallet, at))
    emit(wallet.organization, "wallet.low_balance", wallet, payload, at=at)
