"""Credit for the unused days of a subscription that was paid in advance and ends early.

Laws.
- Unused days: from the day after the end (the day itself on an upgrade, which belongs to the new
  plan) to the end of the period, without trial days. Item = plan amount as it was billed x unused
  days / days of the period, exact, at most what is left of the fee.
- Coupons of the fee are taken back in proportion and the rest is rounded; tax is added on that,
  so that the same days billed again cost what was given back.
- credit: all of it to the balance. refund: what was paid for this fee beyond the days that were
  used, the rest to the balance. offset: the same refund, the rest off the same invoice, and to
  the balance what the invoice does not ask for any more.
- After a pause its days are given back in the same way (`billing/rules/pauses.py` says which).
- No more goes back than money came in and stayed (`refundable_minor`).

Example: 31.00 with 20 % tax for October, ended on the 15th: 16 of 31 days are 16.00, with tax
19.20. Fully paid, refund: 37.20 paid - 18.00 used = 19.20.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from billing.rules.errors import Invalid
from billing.rules.money import ZERO, exact, round_half_up
from billing.rules.periods import Period, days_in, local_date, start_of_day
from billing.rules.proration import days_charged, prorate


class OnTermination(StrEnum):
    CREDIT = "credit"
    REFUND = "refund"
    OFFSET = "offset"
    SKIP = "skip"


@dataclass(frozen=True)
class Ending:
    """What ending a subscription does: `invoice`: a closing invoice for what is not billed yet; `unused`: what
    becomes of days that were paid in advance.
    """

    invoice: bool = True
    unused: OnTermination = OnTermination.CREDIT


CREDIT_AND_BILL = Ending()


@dataclass(frozen=True)
class TerminationFacts:
    """The last fee paid in advance and the invoice it is on; amounts in minor units.

    `plan_amount_minor`: price of a full period as billed then. `fee_minor` and `fee_coupons`: the
    fee and the coupons taken off it. `tax_rate`: sum of the fee's rates in percent. `period`: the
    full period the fee is for. `invoice_total_minor`: total with tax; `invoice_paid_minor`: paid.
    `fee_from`: where the fee begins, when that is later than the period. `terminated_at` None: it goes
    on after a pause of `paused_days`; `paused_before`: days of earlier pauses, which are not used days.
    `refundable_minor`: money that can go back; `due_minor`: what the invoice asks for still (None:
    no other limit than the rules').
    """

    plan_amount_minor: int
    fee_minor: int
    period: Period
    terminated_at: datetime | None
    tz: str
    tax_rate: Decimal = ZERO
    fee_coupons: Decimal = ZERO
    already_credited_minor: int = 0
    invoice_total_minor: int = 0
    invoice_paid_minor: int = 0
    trial_ends_at: datetime | None = None
    upgraded: bool = False
    paused_days: int = 0
    paused_before: int = 0
    fee_from: datetime | None = None
    refundable_minor: int | None = None
    due_minor: int | None = None


@dataclass(frozen=True)
class TerminationCredit:
    """The credit note to make, in minor units. `item_exact` is the unrounded item."""

    unused_days: int
    whole_days: int
    item_exact: Decimal
    sub_total_minor: int
    tax_minor: int
    credit_minor: int
    refund_minor: int
    offset_minor: int

    @property
    def total_minor(self) -> int:
        return self.sub_total_minor + self.tax_minor


def termination_credit(facts: TerminationFacts, mode: OnTermination) -> TerminationCredit | None:
    """What ending at `terminated_at`, or a pause, gives back, or None when that is nothing."""
    if facts.upgraded and mode in (OnTermination.REFUND, OnTermination.OFFSET):
        raise Invalid("A change of plan can only give credit.", code="not_supported")
    if mode == OnTermination.SKIP or facts.fee_minor <= 0:
        return None
    whole_days = days_in(facts.period, facts.tz)
    unused_days = _unused_days(facts)
    with exact():
        item = prorate(Decimal(facts.plan_amount_minor), unused_days, whole_days)
        item = min(item, Decimal(facts.fee_minor - facts.already_credited_minor))
        net = _after_coupons(facts, item)
        sub_total = int(round_half_up(net))
        tax = int(round_half_up(sub_total * facts.tax_rate / 100))
    total = sub_total + tax
    if total <= 0:
        return None
    refund = 0
    if mode in (OnTermination.REFUND, OnTermination.OFFSET):
        refund = at_most(min(_refundable(facts, unused_days, whole_days), total), facts.refundable_minor)
    rest = total - refund
    offset = at_most(rest, facts.due_minor) if mode == OnTermination.OFFSET else 0
    return TerminationCredit(unused_days, whole_days, item, sub_total, tax, rest - offset, refund, offset)


def at_most(amount: int, limit: int | None) -> int:
    """The amount, or the limit where there is a lower one."""
    return amount if limit is None else min(amount, limit)


def _unused_days(facts: TerminationFacts) -> int:
    if facts.terminated_at is None:
        return facts.paused_days
    last_day = local_date(facts.terminated_at, facts.tz)
    first_unused = last_day if facts.upgraded else last_day + timedelta(days=1)
    start = max(start_of_day(first_unused, facts.tz), facts.period.start)
    if start >= facts.period.end:
        return 0
    return days_charged(Period(start, facts.period.end), facts.trial_ends_at, facts.tz)


def _after_coupons(facts: TerminationFacts, item: Decimal) -> Decimal:
    return item - facts.fee_coupons * item / facts.fee_minor


def _refundable(facts: TerminationFacts, unused_days: int, whole_days: int) -> int:
    """What was paid for this fee (its part of the invoice) less the days used, with tax."""
    if facts.invoice_paid_minor <= 0 or facts.invoice_total_minor <= 0:
        return 0
    fee = Period(max(facts.period.start, facts.fee_from or facts.period.start), facts.period.end)
    charged = days_charged(fee, facts.trial_ends_at, facts.tz) - facts.paused_before
    with exact():
        with_tax = 1 + facts.tax_rate / 100
        asked = _after_coupons(facts, Decimal(facts.fee_minor)) * with_tax
        paid = facts.invoice_paid_minor * asked / facts.invoice_total_minor
        used_days = max(0, charged - unused_days)
        used_amount = prorate(Decimal(facts.plan_amount_minor), used_days, whole_days)
        used = _after_coupons(facts, used_amount) * with_tax
        return max(0, int(round_half_up(paid - used)))
