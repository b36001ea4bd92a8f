"""Top-ups by the calendar: what a wallet's schedule sells and gives when it is due.

Laws: each due moment is answered once, under the wallet's lock, and moves the schedule on in the same transaction;
the keys of what is booked name the moment. What the wallet's limits refuse is left out, with a line in the log: the
schedule goes on. Moments that a standing worker has missed are made up for, one by one.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from billing.actions import audit
from billing.actions.clock import now
from billing.actions.locks import lock_customer_of
from billing.actions.top_up_schedules import due_next
from billing.actions.wallet_ledger import expire_lots, lock_row
from billing.actions.wallets import grant
from billing.models import TopUpSchedule, Wallet
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError
from billing.rules.money import ZERO
from billing.rules.top_up_rules import Method, TopUp, TopUpRule, Trigger, top_up
from billing.rules.wallets import minor_to_credits
from invoicing.actions.top_up import SCHEDULED, coming, sell_credits


def due_schedules() -> list[TopUpSchedule]:
    """Up to a thousand schedules of any organization that are due, by its own clock."""
    rows = TopUpSchedule.objects.running().select_related("organization", "wallet__customer")
    return [row for row in rows.order_by("next_at")[:1000] if row.next_at <= now(row.organization)]


def run_schedules(where: Q, at: datetime, *, by: Actor) -> None:
    """Answer what is due at `at` in the schedules that `where` names."""
    for row in TopUpSchedule.objects.running().filter(where, next_at__lte=at).order_by("next_at", "pk"):
        answer(row, by=by, at=at)


@transaction.atomic
def answer(schedule: TopUpSchedule, *, by: Actor, at: datetime) -> TopUp | None:
    """Sell and give what is due; None when nothing is (any more)."""
    customer = lock_customer_of(schedule.wallet)
    wallet = lock_row(schedule.wallet)
    row = TopUpSchedule.objects.select_for_update().running().filter(wallet=wallet, next_at__lte=at).first()
    if row is None or row.next_at is None:
        return None
    due = row.next_at
    later = due_next(row, customer_zone(customer), due)
    row.next_at = later[0] if later else None
    row.save(update_fields=["next_at", "updated_at"])
    if wallet.expires_at is not None and wallet.expires_at <= at:
        return None
    expire_lots(wallet, at=at)
    found = asked(row, wallet)
    key = f"{SCHEDULED}{due:%Y%m%dT%H%M%SZ}"
    for words, credits in (("promotional", found.granted), ("sold", found.paid)):
        if credits:
            give(row, wallet, credits, words, key=key, by=by, at=at)
    return found


def asked(row: TopUpSchedule, wallet: Wallet) -> TopUp:
    """What the schedule asks for now: a target counts what the wallet holds and what is on its way."""
    pending = minor_to_credits(coming(wallet), wallet.rate, wallet.currency)
    return top_up(rule_of(row), wallet.credits_balance + pending)


def rule_of(row: TopUpSchedule) -> TopUpRule:
    """The schedule as the rule sees it."""
    return TopUpRule(
        Trigger(row.trigger),
        Method(row.method),
        threshold=row.threshold_credits or ZERO,
        paid=row.paid_credits,
        granted=row.granted_credits,
        target=row.target_credits,
        grants_target=row.grants_target,
    )


def give(
    row: TopUpSchedule, wallet: Wallet, credits: Decimal, words: str, *, key: str, by: Actor, at: datetime
) -> None:
    """Book one part; what is refused is told in the log."""
    try:
        with transaction.atomic():
            if words == "sold":
                sell_credits(wallet, credits, key=key, description=row.name, by=by, at=at)
            else:
                reason = row.name or (
                    "Scheduled top-up" if row.trigger == "interval" else "Top-up at a threshold"
                )
                grant(wallet, credits, reason=reason, key=key, by=by, at=at)
    except BillingError as error:
        audit.record(
            wallet.organization,
            "wallet.scheduled_top_up_refused",
            wallet,
            by=by,
            at=at,
            customer=wallet.customer,
            reason=f"{credits:f} credits ({words}): {error}"[:255],
        )
