"""Setting what a wallet gets at each interval, or at a threshold of its ongoing balance. What is due is booked in
`invoicing/actions/scheduled_top_ups.py` and `threshold_top_ups.py`.

Laws: a wallet has one schedule. A change counts from now: what is due next is found anew, and what is past is not
made up for; a threshold is armed, and looked at. An automatic top-up below the low mark goes on beside it. A wallet
that is merged hands its schedule on, for the same money, unless the wallet that stays has one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from billing.actions import audit
from billing.actions.wallet_ledger import check_active, lock_wallet
from billing.actions.wallet_watch import look_again
from billing.models import TopUpSchedule, Wallet
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.money import ZERO, exact, round_half_up
from billing.rules.periods import Interval
from billing.rules.top_up_rules import Method, Trigger, upcoming
from billing.rules.wallets import credits_in

FARTHEST = timedelta(days=3653)
MOST_NAME = 100
CREDITS = ("paid_credits", "granted_credits", "target_credits", "threshold_credits")
MOST_THRESHOLD = Decimal(10) ** 15


@dataclass(frozen=True)
class ScheduleTerms:
    """What a schedule is set to; numbers are credits. Without an interval it waits for `threshold_credits`."""

    interval: Interval | None
    method: Method
    started_at: datetime
    paid_credits: Decimal = ZERO
    granted_credits: Decimal = ZERO
    target_credits: Decimal = ZERO
    grants_target: bool = False
    expires_at: datetime | None = None
    name: str = ""
    threshold_credits: Decimal | None = None

    @property
    def trigger(self) -> Trigger:
        return Trigger.INTERVAL if self.interval else Trigger.THRESHOLD


def check_schedule(terms: ScheduleTerms, wallet: Wallet, at: datetime) -> None:
    """Raises FieldErrors, one for each field that cannot be."""
    found: list[tuple[str, str]] = []
    names = ("target_credits",) if terms.method is Method.TARGET else ("paid_credits", "granted_credits")
    given = {name: getattr(terms, name) for name in names if getattr(terms, name)}
    if not given:
        words = "Enter the target." if terms.method is Method.TARGET else "Enter credits to sell or to give."
        found.append((names[0], words))
    for name, credits in given.items():
        try:
            worth = credits_in(credits, wallet.rate, wallet.currency)
        except BillingError as error:
            found.append((name, str(error)))
            continue
        if wallet.max_balance_minor is not None and worth.minor > wallet.max_balance_minor:
            found.append((name, "This is more than the wallet's maximum balance."))
        elif (
            terms.method is Method.FIXED
            and wallet.max_single_credit_minor is not None
            and worth.minor > wallet.max_single_credit_minor
        ):
            found.append((name, "This is more than the wallet's maximum single credit."))
    if not terms.interval:
        found += threshold_faults(terms)
    if abs(terms.started_at - at) > FARTHEST:
        found.append(("started_at", "It must be counted from a day within ten years of today."))
    if len(terms.name) > MOST_NAME:
        found.append(("name", f"Use at most {MOST_NAME} characters."))
    if terms.expires_at is not None and terms.expires_at <= max(at, terms.started_at):
        found.append(("expires_at", "It must end after it has started, and in the future."))
    if found:
        raise FieldErrors(found)


def threshold_faults(terms: ScheduleTerms) -> list[tuple[str, str]]:
    """What a threshold lacks or may not be."""
    mark = terms.threshold_credits
    if mark is None:
        return [("threshold_credits", "Enter the threshold.")]
    if not mark.is_finite() or abs(mark) > MOST_THRESHOLD:
        return [("threshold_credits", "Has too many digits.")]
    if terms.method is Method.TARGET and terms.target_credits and terms.target_credits <= mark:
        return [("target_credits", "The target must be above the threshold.")]
    return []


def due_next(
    terms: ScheduleTerms | TopUpSchedule, tz: str, after: datetime, count: int = 1
) -> list[datetime]:
    """The next moments after `after` at which top-ups come; a threshold has none."""
    if not terms.interval:
        return []
    return upcoming(
        after,
        interval=Interval(terms.interval),
        anchor=terms.started_at,
        tz=tz,
        ends=terms.expires_at,
        count=count,
    )


@transaction.atomic
def set_schedule(wallet: Wallet, terms: ScheduleTerms, *, by: Actor, at: datetime) -> TopUpSchedule:
    """Give the wallet this schedule, in place of one that it may have. Raises FieldErrors, and Conflict for a wallet
    that has ended.
    """
    wallet = lock_wallet(wallet)
    check_active(wallet)
    check_schedule(terms, wallet, at)
    row = TopUpSchedule.objects.filter(wallet=wallet).first()
    before = audit.snapshot(row, ScheduleTerms.__dataclass_fields__) if row else {}
    row = row or TopUpSchedule(organization=wallet.organization, wallet=wallet)
    for name, value in vars(terms).items():
        setattr(row, name, str(value or "") if name in ("interval", "method") else value)
    row.trigger, row.armed = terms.trigger.value, True
    if terms.interval:
        row.threshold_credits = None
    coming = due_next(terms, customer_zone(wallet.customer), at)
    row.next_at = coming[0] if coming else None
    row.save()
    if wallet.untouched:
        wallet.untouched = False
        wallet.save(update_fields=["untouched", "updated_at"])
    look_again(wallet.customer)
    audit.record(
        wallet.organization,
        "wallet.top_ups_scheduled",
        wallet,
        by=by,
        at=at,
        customer=wallet.customer,
        changes=audit.differences(before, row) if before else {"schedule": (None, str(row))},
    )
    return row


@transaction.atomic
def remove_schedule(wallet: Wallet, *, by: Actor, at: datetime) -> None:
    """No more top-ups by the calendar. Without a schedule nothing changes."""
    wallet = lock_wallet(wallet)
    row = TopUpSchedule.objects.filter(wallet=wallet).first()
    if row is None:
        return
    was = str(row)
    row.delete()
    look_again(wallet.customer)
    audit.record(
        wallet.organization,
        "wallet.top_ups_unscheduled",
        wallet,
        by=by,
        at=at,
        customer=wallet.customer,
        changes={"schedule": (was, None)},
    )


def hand_on(source: Wallet, target: Wallet, *, by: Actor, at: datetime) -> bool | None:
    """After a merge of two wallets under the locks of their customers: whether the source's schedule goes on with the
    target, or ends because that has one; None when there was none.
    """
    row = TopUpSchedule.objects.filter(wallet=source).first()
    if row is None or not goes_on(row, at):
        return None
    own = TopUpSchedule.objects.filter(wallet=target).first()
    taken = own is not None and goes_on(own, at)
    if not taken:
        if own is not None:
            own.delete()
        row.wallet, row.armed = target, True
        if source.rate != target.rate:
            for name in CREDITS:
                credits = getattr(row, name)
                if credits is not None:
                    with exact():
                        setattr(row, name, round_half_up(credits * source.rate / target.rate, 5))
        coming = due_next(row, customer_zone(target.customer), at)
        row.next_at = coming[0] if coming else None
        row.save()
        look_again(target.customer)
    action = "wallet.top_ups_unscheduled" if taken else "wallet.top_ups_scheduled"
    audit.record(
        target.organization,
        action,
        source if taken else target,
        by=by,
        at=at,
        customer=target.customer,
        changes={"schedule": (str(row), None) if taken else (None, str(row))},
        reason="The wallet that stays has one" if taken else f"From {source}",
    )
    return not taken


def goes_on(row: TopUpSchedule, at: datetime) -> bool:
    """Whether a schedule has not ended."""
    if row.trigger == Trigger.THRESHOLD.value:
        return row.expires_at is None or row.expires_at > at
    return row.next_at is not None
