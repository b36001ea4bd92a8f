"""Top-ups at a threshold: what a wallet is sold and given when its ongoing credits have come down to a mark.

Laws: a crossing is answered once, under the locks of the look that saw it (`ongoing.py`). The rule is armed again
when ongoing credits and those on their way are above its threshold, which a top-up that suffices sees to at once.
One that does not (the wallet's limits, or fewer credits than are missing) is not repeated until then: a rule never
buys in a circle. The third within ten minutes is told in the history as a burst.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from billing.actions import audit
from billing.models import TopUpSchedule, Wallet
from billing.orm.actor import Actor
from billing.rules.top_up_rules import TopUp, limits_of, starts, top_up
from billing.rules.wallets import minor_to_credits
from invoicing.actions.scheduled_top_ups import give, rule_of
from invoicing.actions.top_up import AT_THRESHOLD, coming

BURST, WITHIN = 3, timedelta(minutes=10)


def answer(row: TopUpSchedule, wallet: Wallet, *, by: Actor, at: datetime) -> TopUp | None:
    """Ask the rule of a wallet that a look has just written; both are locked. None: nothing is due (any more)."""
    rule = rule_of(row)
    there = ongoing_credits(wallet)
    below = starts(rule, there)
    if not below or not row.armed:
        if row.armed == below:
            row.armed = not below
            row.save(update_fields=["armed", "updated_at"])
        return None
    limits = limits_of(wallet.rate, wallet.currency, most_minor=wallet.max_single_credit_minor)
    found = top_up(rule, there, limits=limits)
    if not (found.paid or found.granted):
        return None
    row.firings += 1
    row.fired = [*row.fired[1 - BURST :], at.isoformat()]
    key = f"{AT_THRESHOLD}{row.pk.hex}:{row.firings}"
    for words, credits in (("promotional", found.granted), ("sold", found.paid)):
        if credits:
            give(row, wallet, credits, words, key=key, by=by, at=at)
    wallet.refresh_from_db(fields=["balance_minor", "credits_balance"])
    row.armed = not starts(rule, ongoing_credits(wallet))
    row.save(update_fields=["armed", "firings", "fired", "updated_at"])
    if len(row.fired) == BURST and at - datetime.fromisoformat(row.fired[0]) <= WITHIN:
        reason = f"{BURST} top-ups at the threshold within ten minutes"
        audit.record(
            wallet.organization,
            "wallet.top_up_burst",
            wallet,
            by=by,
            at=at,
            customer=wallet.customer,
            reason=reason,
        )
    return found


def ongoing_credits(wallet: Wallet) -> Decimal:
    """What is left with all usage taken off, and what has been sold and not arrived."""
    return minor_to_credits(wallet.ongoing_balance_minor + coming(wallet), wallet.rate, wallet.currency)
