"""Proration: a price for part of a period is its share of calendar days, exactly.

Laws.
- price x used days / days of the whole period, as an exact decimal; rounded once, at the line.
- Days are local calendar days; a begun day counts. Used days of a trial are not charged.
- The day of an upgrade belongs to the new plan, the day of a termination to the old one.
- Days of a pause are not charged (`billing/rules/pauses.py`).

Example: 100 a month, started on 15 March with a trial of 3 days: 18 to 31 March are 14 of 31 days,
100 x 14 / 31 = 45.16.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from billing.rules.money import ZERO, exact, round_half_up
from billing.rules.periods import BillingTime, Period, days_between, days_in, local_date


def prorate(amount: Decimal, used_days: int, whole_days: int) -> Decimal:
    """`amount` x used / whole, exact; the whole is the amount itself."""
    if used_days == whole_days:
        return amount
    with exact():
        return amount * used_days / whole_days


@dataclass(frozen=True)
class Share:
    """`days` out of `of` days."""

    days: int
    of: int

    def take(self, amount: Decimal) -> Decimal:
        return prorate(amount, self.days, self.of)


def share(used: Period, whole: Period, tz: str) -> Share:
    """The part of `whole` that `used` is, in calendar days of `tz`."""
    return Share(days_in(used, tz), days_in(whole, tz))


def trial_end(initial_started_at: datetime, trial_days: Decimal) -> datetime:
    """The moment a trial ends, counted from the first start of the external id."""
    return initial_started_at + timedelta(microseconds=int(trial_days * 86_400_000_000))


def days_charged(window: Period, trial_ends_at: datetime | None, tz: str) -> int:
    """Days of `window` after the trial; 0 when the trial covers it."""
    if trial_ends_at is None or trial_ends_at <= window.start:
        return days_in(window, tz)
    if trial_ends_at >= window.end:
        return 0
    return min(days_between(trial_ends_at, window.end, tz), days_in(window, tz))


@dataclass(frozen=True)
class SubscriptionFeeFacts:
    """What the fee of one subscription for one window depends on.

    `amount_minor`: price of the plan for a full period. `window`: the stretch that is billed, from
    the start of a local day to the start of a local day or the moment of termination. `full`: the
    full period of the schedule that contains the start of the window. `upgraded`: ended by a
    change to a plan that costs as much or more. `has_next`: another subscription of the same
    external id follows (an upgrade or a downgrade). `has_previous` and `after_upgrade` look back
    in the same way. `already_billed`: it had a subscription fee before this invoice. `paused_days`
    of the window cost nothing.
    """

    amount_minor: int
    pay_in_advance: bool
    billing_time: BillingTime
    window: Period
    full: Period
    tz: str
    started_at: datetime
    created_at: datetime | None = None
    trial_ends_at: datetime | None = None
    already_billed: bool = False
    terminated: bool = False
    upgraded: bool = False
    has_next: bool = False
    has_previous: bool = False
    after_upgrade: bool = False
    paused_days: int = 0


@dataclass(frozen=True)
class SubscriptionFee:
    """`exact_minor` in minor units, unrounded; `days` of `whole_days` are charged."""

    days: int
    whole_days: int
    exact_minor: Decimal

    @property
    def amount_minor(self) -> int:
        return int(round_half_up(self.exact_minor))

    @property
    def full(self) -> bool:
        return self.days == self.whole_days


def subscription_fee(facts: SubscriptionFeeFacts) -> SubscriptionFee:
    """The plan's fee for the window: by days at the ends of a life, in full in between.

    In order: (1) an ended subscription in arrears pays the days up to its end; (2) the first fee
    after an upgrade pays its days; (3) a subscription that was billed before, or pays in advance
    from its anniversary, or in advance for a start in the past, pays the full amount; (4) else it
    is the first period and pays its days. A trial takes its days off in every case.
    """
    whole_days = days_in(facts.full, facts.tz)
    days = days_charged(facts.window, facts.trial_ends_at, facts.tz)
    if _ended_in_arrears(facts):
        days = max(0, days - 1) if facts.upgraded else days
    elif not facts.after_upgrade and _due_in_full(facts) and not _trial_inside(facts):
        days = whole_days
    days = max(0, days - facts.paused_days)
    amount = ZERO if not days else prorate(Decimal(facts.amount_minor), days, whole_days)
    return SubscriptionFee(days, whole_days, amount)


def _ended_in_arrears(facts: SubscriptionFeeFacts) -> bool:
    return facts.terminated and not facts.pay_in_advance and (facts.upgraded or not facts.has_next)


def _due_in_full(facts: SubscriptionFeeFacts) -> bool:
    if facts.already_billed:
        return True
    if not facts.pay_in_advance:
        return False
    backdated = facts.created_at is not None and local_date(facts.started_at, facts.tz) < local_date(
        facts.created_at, facts.tz
    )
    anniversary = facts.billing_time == BillingTime.ANNIVERSARY and not facts.has_previous
    return backdated or anniversary


def _trial_inside(facts: SubscriptionFeeFacts) -> bool:
    return facts.trial_ends_at is not None and facts.trial_ends_at > facts.window.start
