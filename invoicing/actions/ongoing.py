"""Ongoing balances: what drafts and usage on no invoice leave of a customer's wallets, and top-ups for too little.

Laws. Whatever changes usage, drafts or wallets leaves a row (`WalletActivity`); a look takes the rows away in the
transaction in which it looks, under the customer's lock, so none is lost and none is done twice. A look repeated
changes nothing. Coming down to zero is told once per crossing, and so is every step of an alert on what is left. A
threshold rule buys once per crossing: after that it waits until the ongoing credits and those on their way are above
its threshold again.
"""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing.actions import audit, later
from billing.actions.alerts import watch_wallet
from billing.actions.clock import now
from billing.actions.locks import lock_customer
from billing.actions.webhooks import emit
from billing.models import OF_ONGOING, Alert, Organization, TopUpSchedule, Wallet, WalletActivity
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import facts_of, wallet_state
from billing.rules.money import from_minor
from billing.rules.ongoing import Ongoing, ongoing
from invoicing.actions.threshold_top_ups import answer
from invoicing.queries.ongoing import unbilled

logger = logging.getLogger(__name__)
AT_ONCE = 500
LOOKS = 2  # the second sees the top-ups that the first has called for
TASK = "invoicing.look_at_wallets"


def run(where: Q | None = None, at: datetime | None = None) -> int:
    """Look at the wallets of customers of which something has changed, at most 500; how many. `at`: the moment, for a
    sandbox whose clock moves, else each organization's clock; then a customer whom somebody holds is left for later.
    """
    rows = WalletActivity.objects.filter(where or Q()).order_by("customer_id").distinct("customer_id")
    found = list(rows.values_list("customer_id", flat=True)[:AT_ONCE])
    for key in found:
        try:
            look_at(key, at=at)
        except Exception:  # one customer of many: the others are still looked at
            logger.exception("Looking at the wallets of customer %s failed.", key)
            hand_over(key)
    return len(found)


@transaction.atomic
def look_at(customer_id: UUID, *, at: datetime | None = None) -> bool:
    """Look at one customer's wallets if there are rows for it."""
    customer = lock_customer(customer_id, wait=at is not None)
    if customer is None:
        return False
    looked = False
    for _ in range(LOOKS):
        keys = list(WalletActivity.objects.filter(customer_id=customer_id).values_list("pk", flat=True))
        if not keys:
            break
        look(customer_id, at or now(customer.organization))
        WalletActivity.objects.filter(pk__in=keys).delete()
        looked = True
    return looked


@transaction.atomic
def hand_over(customer_id: UUID) -> None:
    """Make a job of a look that failed: it has a reason and a button."""
    rows = WalletActivity.objects.filter(customer_id=customer_id)
    organization = Organization.objects.get(pk=rows.values("organization_id")[:1])
    rows.delete()
    later.enqueue_again(
        organization,
        TASK,
        key=f"wallets:{customer_id}",
        label="Ongoing balances of a customer's wallets",
        subject_id=customer_id,
    )


@transaction.atomic
def look(customer_id: UUID, at: datetime) -> None:
    """Compute the ongoing balances of a customer, who is locked here, and top up below thresholds."""
    customer = lock_customer(customer_id)
    rows = list(
        Wallet.objects.filter(customer=customer).active().in_use().select_related("organization").locked()
    )
    if not rows or customer.merged_into_id or customer.deleted_at or customer.deleting_at:
        return
    used = unbilled(customer, at)
    rules = {
        row.wallet_id: row for row in TopUpSchedule.objects.watching(at).filter(wallet__in=rows).locked()
    }
    alerts = Alert.objects.kept().filter(wallet__in=rows, kind__in=OF_ONGOING)
    watched = set(alerts.values_list("wallet_id", flat=True))
    for currency in sorted({row.currency for row in rows}):
        mine = [row for row in rows if row.currency == currency]
        for row in mine:
            row.customer = customer
        usable = [row for row in mine if row.expires_at is None or row.expires_at > at]
        take_all = {str(row.pk) for row in usable if row.pk in rules}
        spread = ongoing(facts_of(usable, customer.mode), used.get(currency, []), take_all=take_all)
        found = {one.wallet_id: one for one in spread}
        for row in mine:
            keep(row, found.get(str(row.pk)) or Ongoing(str(row.pk), 0, row.balance_minor), at=at)
            if row.pk in watched:
                watch_wallet(row, ongoing=True, at=at)
        for row in usable:
            if row.pk in rules:
                answer(rules[row.pk], row, by=Actor.system(), at=at)


def keep(wallet: Wallet, found: Ongoing, *, at: datetime) -> None:
    """Write what was found, and tell when it has come down to nothing."""
    was = wallet.depleted
    wallet.ongoing_usage_minor, wallet.depleted, wallet.ongoing_at = found.usage_minor, found.depleted, at
    wallet.save(update_fields=["ongoing_usage_minor", "depleted", "ongoing_at"])
    if not found.depleted or was:
        return
    audit.record(
        wallet.organization,
        "wallet.depleted",
        wallet,
        by=Actor.system(),
        at=at,
        customer=wallet.customer,
        reason=f"{from_minor(found.balance_minor, wallet.currency):f} {wallet.currency} with what is not billed",
    )
    payload = wallet_payload(wallet, wallet_state(wallet, at))
    emit(wallet.organization, "wallet.depleted", wallet, payload, at=at)
